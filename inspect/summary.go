package inspect

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// Opening is how a TCP connection began.
type Opening uint8

// Values of Opening.
const (
	SeenMidway       Opening = iota // it was there before the capture
	Handshake                       // SYN, SYN-ACK, ACK
	SimultaneousOpen                // both sent a SYN of their own
	Refused                         // a reset answered the SYN
	NoAnswer                        // nothing did
	Unfinished                      // the SYN was answered, but the last ACK is missing
)

func (o Opening) String() string {
	return [...]string{"seen midway", "three-way handshake", "simultaneous open", "refused", "no answer", "handshake unfinished"}[o]
}

// Closing is how a TCP connection ended.
type Closing uint8

// Values of Closing.
const (
	StillOpen         Closing = iota
	HalfClosed                // one end has sent its FIN
	FourWay                   // FIN, ACK, FIN, ACK
	FourWayJoined             // the same, the second end's ACK and FIN in one segment
	SimultaneousClose         // both sent their FIN before they had the other's
	Reset
	LastAckMissing // both have sent their FINs, not both are acknowledged
	NeverOpen
)

// Summary is what there is to say about a TCP connection. Index 0 is the
// client, 1 the server.
type Summary struct {
	Number      int
	Ends        [2]string
	Bytes       [2]int64 // of payload that each sent, counted once
	Segments    [2]int
	Retransmits [2]int
	Damaged     int // segments with a wrong checksum, not counted above
	States      [2]string
	Opened      Opening
	Closed      Closing
	ClosedBy    int // who sent the first FIN or the reset; -1 for none
	PortsReused bool
	Start       time.Duration
	Duration    time.Duration
}

// ClosedText says how the connection ended, and by whom.
func (s *Summary) ClosedText() string {
	by := ""
	if s.ClosedBy >= 0 {
		by = s.Ends[s.ClosedBy]
	}
	switch s.Closed {
	case StillOpen:
		return "still open"
	case HalfClosed:
		return "half closed by " + by
	case FourWay:
		return "four-way close, " + by + " first"
	case FourWayJoined:
		return "four-way close in three segments, " + by + " first"
	case SimultaneousClose:
		return "simultaneous close"
	case Reset:
		return "reset by " + by
	case LastAckMissing:
		return "closing, begun by " + by
	}
	return "never open"
}

func (c *connection) opening() Opening {
	client, server := &c.ends[0], &c.ends[1]
	switch {
	case c.midway:
		return SeenMidway
	case c.established() && c.simultaneous():
		return SimultaneousOpen
	case c.established():
		return Handshake
	case c.reset && c.resetBy == 1 && client.sentSYN:
		return Refused
	case server.segments == 0:
		return NoAnswer
	}
	return Unfinished
}

func (c *connection) closing() (how Closing, by int) {
	a, b := &c.ends[0], &c.ends[1]
	first := 0
	if b.sentFIN && (!a.sentFIN || b.active && !a.active) {
		first = 1
	}
	switch {
	case a.sentFIN && b.sentFIN && a.finAcked && b.finAcked:
		switch {
		case a.active && b.active:
			return SimultaneousClose, -1
		case c.ends[1-first].joined:
			return FourWayJoined, first
		}
		return FourWay, first
	case c.reset:
		if o := c.opening(); o == Refused || o == NoAnswer {
			return NeverOpen, c.resetBy
		}
		return Reset, c.resetBy
	case a.sentFIN && b.sentFIN:
		return LastAckMissing, first
	case a.sentFIN || b.sentFIN:
		return HalfClosed, first
	case !c.midway && !c.established():
		return NeverOpen, -1
	}
	return StillOpen, -1
}

// Summaries returns one summary for every connection that is remembered, in the
// order in which they began.
func (t *Tracker) Summaries() []Summary {
	var all []Summary
	for p := t.recent.first; p != nil; p = p.next {
		if c, ok := p.owner.(*connection); ok {
			all = append(all, t.summary(c))
		}
	}
	slices.SortFunc(all, func(a, b Summary) int { return cmp.Compare(a.Number, b.Number) })
	return all
}

func (t *Tracker) summary(c *connection) Summary {
	s := Summary{
		Number: c.number, Opened: c.opening(), Damaged: c.damaged, PortsReused: c.reused,
		Start: c.first, Duration: c.last - c.first,
	}
	s.Closed, s.ClosedBy = c.closing()
	for i := range c.ends {
		e := &c.ends[i]
		s.Ends[i], s.States[i] = t.end(e.addr), c.state(i)
		s.Bytes[i], s.Segments[i], s.Retransmits[i] = e.bytes, e.segments, e.retransmits
	}
	return s
}

// DatagramSummary is what there is to say about the datagrams between two UDP
// ports. Index 0 is who sent the first.
type DatagramSummary struct {
	Number    int
	Ends      [2]string
	Datagrams [2]int
	Bytes     [2]int64
	Start     time.Duration
	Duration  time.Duration
}

// DatagramSummaries returns one summary for every UDP conversation that is
// remembered, in the order in which they began.
func (t *Tracker) DatagramSummaries() []DatagramSummary {
	var all []DatagramSummary
	for p := t.recent.first; p != nil; p = p.next {
		c, ok := p.owner.(*conversation)
		if !ok {
			continue
		}
		all = append(all, DatagramSummary{
			Number: c.number, Ends: [2]string{t.end(c.ends[0]), t.end(c.ends[1])},
			Datagrams: c.datagrams, Bytes: c.bytes, Start: c.first, Duration: c.last - c.first,
		})
	}
	slices.SortFunc(all, func(a, b DatagramSummary) int { return cmp.Compare(a.Number, b.Number) })
	return all
}

// WriteSummaries writes a table of all conversations.
func (t *Tracker) WriteSummaries(w io.Writer, style Style) error {
	tcp, udp, n := t.Summaries(), t.DatagramSummaries(), t.Counts()
	if n.TCP > 0 {
		fmt.Fprintln(w, style.mark(bold, count(n.TCP, "TCP connection")))
		tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(tab, "  #\tclient\tserver\tbytes →\tbytes ←\tsegments\tagain\tseconds\topened\tclosed")
		for i := range tcp {
			s := &tcp[i]
			fmt.Fprintf(tab, "  %d\t%s\t%s\t%d\t%d\t%d\t%d\t%.6f\t%s\t%s\n", s.Number, s.Ends[0], s.Ends[1],
				s.Bytes[0], s.Bytes[1], s.Segments[0]+s.Segments[1], s.Retransmits[0]+s.Retransmits[1],
				s.Duration.Seconds(), s.Opened, s.ClosedText())
		}
		if err := tab.Flush(); err != nil {
			return err
		}
	}
	if n.UDP > 0 {
		fmt.Fprintln(w, style.mark(bold, count(n.UDP, "UDP conversation")))
		tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(tab, "  #\tfirst sender\tother\tdatagrams →\tdatagrams ←\tbytes →\tbytes ←")
		for _, s := range udp {
			fmt.Fprintf(tab, "  %d\t%s\t%s\t%d\t%d\t%d\t%d\n", s.Number, s.Ends[0], s.Ends[1],
				s.Datagrams[0], s.Datagrams[1], s.Bytes[0], s.Bytes[1])
		}
		if err := tab.Flush(); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, n.remarks())
	return err
}

// remarks says what the tables do not show.
func (n *Counts) remarks() string {
	text := ""
	if n.Damaged > 0 {
		text += fmt.Sprintf("%s with a wrong checksum\n", count(n.Damaged, "frame"))
	}
	if n.Forgotten > 0 {
		text += fmt.Sprintf("%s forgotten, to save memory\n", count(n.Forgotten, "earlier conversation"))
	}
	return text
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
