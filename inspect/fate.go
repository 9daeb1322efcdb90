package inspect

// Fate is what became of a frame.
type Fate uint8

// Values of Fate. A frame is Sent first and may be Lost later; one that its
// transmitter refuses is never Sent.
const (
	Sent      Fate = iota // it was put on the wire
	Lost                  // it was on the wire, and does not arrive
	QueueFull             // refused: too many wait for the wire already
	TooLong               // refused: longer than the wire's MTU allows
)

func (f Fate) refused() bool { return f == QueueFull || f == TooLong }

// text says what became of a frame, and on which wire.
func (f Fate) text(wire string) string {
	switch f {
	case Lost:
		return "lost" + on(wire)
	case QueueFull:
		return "dropped: queue full" + on(wire)
	case TooLong:
		return "dropped: longer than the MTU" + on(wire)
	}
	return ""
}

func on(wire string) string {
	if wire == "" {
		return ""
	}
	return " on " + wire
}
