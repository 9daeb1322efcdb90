package physical

import (
	"errors"
	"fmt"
	"time"
)

// ErrImpairment says that an Impairment has a value that makes no sense.
var ErrImpairment = errors.New("physical: impairment")

// Impairment is what one direction of a wire does to its frames. The zero value
// does nothing: frames arrive at once, in order and unharmed.
//
// A frame meets the parts in this order: the queue and the rate, the loss, the
// corruption, the duplication, and then the way (delay, jitter, reordering),
// which each copy of a duplicated frame takes with its own luck.
type Impairment struct {
	// Delay is the time that a frame takes from one end to the other.
	Delay time.Duration
	// Jitter varies Delay: it is uniform from Delay-Jitter to Delay+Jitter, but
	// not below zero. Jitter alone never reorders: a frame whose luck would have
	// it overtake the one before it arrives together with that one, right after
	// it. Reordering is Reorder's.
	Jitter time.Duration

	// Rate is how many bits the transmitter sends in a second; zero sets no
	// limit. The bits of a frame are those that a tap sees, Ethernet header
	// included, without preamble, checksum and gap.
	Rate int64
	// Queue is how many bytes of frames may be at the transmitter, the rest of
	// the frame it is just sending included. What does not fit is dropped (tail
	// drop); an idle transmitter takes any frame. Zero means what Rate sends in
	// 100 ms, but at least DefaultQueue. Without a Rate there is no queue.
	Queue int

	// Loss is the share of frames that get lost, from 0 to 1.
	Loss float64
	// Burst makes losses come in bursts of this mean length, in frames (Gilbert's
	// model), while their share stays Loss. Zero means that each frame is lost
	// or not regardless of the others; otherwise it must be at least one, and
	// large enough for Loss (the bursts of a loss of 0.9 cannot be shorter than
	// 9 frames: the gaps between them are at least one).
	Burst float64

	// Corrupt is the share of frames of which one random bit is flipped. The
	// Ethernet checksum, which would catch that on a real wire, is not modelled.
	Corrupt float64
	// Duplicate is the share of frames of which a second copy arrives.
	Duplicate float64
	// Reorder is the share of frames that are held back by ReorderBy, so that
	// those sent in the meantime overtake them.
	Reorder float64
	// ReorderBy is how long a held frame is late. Zero means DefaultReorderBy,
	// or the time that Rate needs for four full frames if that is longer.
	ReorderBy time.Duration

	// Down pulls the cable: what is on the way and what is sent gets lost.
	Down bool
}

// Values that an Impairment's zero stands for.
const (
	DefaultQueue     = 64 << 10
	DefaultReorderBy = time.Millisecond
)

// Limits of an Impairment.
const (
	maxDelay = 24 * time.Hour
	maxRate  = 1e12
	maxQueue = 1 << 30
)

// Validate returns an ErrImpairment that names the first value that is out of
// range.
func (i Impairment) Validate() error {
	for _, d := range [...]struct {
		name  string
		value time.Duration
	}{{"delay", i.Delay}, {"jitter", i.Jitter}, {"reorder by", i.ReorderBy}} {
		if d.value < 0 || d.value > maxDelay {
			return fmt.Errorf("%w: %s is %v, must be from 0 to %v", ErrImpairment, d.name, d.value, maxDelay)
		}
	}
	for _, p := range [...]struct {
		name  string
		value float64
	}{{"loss", i.Loss}, {"corrupt", i.Corrupt}, {"duplicate", i.Duplicate}, {"reorder", i.Reorder}} {
		if !(p.value >= 0 && p.value <= 1) { // also refuses what is not a number
			return fmt.Errorf("%w: %s is %v, must be from 0 to 1", ErrImpairment, p.name, p.value)
		}
	}
	switch {
	case i.Rate < 0 || i.Rate > maxRate:
		return fmt.Errorf("%w: rate is %d bit/s, must be from 0 (no limit) to %d", ErrImpairment, i.Rate, int64(maxRate))
	case i.Queue < 0 || i.Queue > maxQueue:
		return fmt.Errorf("%w: queue is %d bytes, must be from 0 (default) to %d", ErrImpairment, i.Queue, maxQueue)
	case i.Burst != 0 && !(i.Burst >= 1 && i.Burst <= 1e9):
		return fmt.Errorf("%w: burst is %v frames, must be 0 (independent losses) or at least 1", ErrImpairment, i.Burst)
	case i.Burst != 0 && i.Loss < 1 && i.Loss*(1+i.Burst) > i.Burst*(1+1e-9):
		return fmt.Errorf("%w: a loss of %v needs bursts of at least %.3g frames, not %v",
			ErrImpairment, i.Loss, i.Loss/(1-i.Loss), i.Burst)
	}
	return nil
}

// queue returns the limit of bytes at the transmitter.
func (i *Impairment) queue() int {
	if i.Queue > 0 {
		return i.Queue
	}
	return max(DefaultQueue, int(min(i.Rate/8/10, maxQueue)))
}

// reorderBy returns how long a frame is held back on a wire whose longest frame
// has frame bytes.
func (i *Impairment) reorderBy(frame int) time.Duration {
	if i.ReorderBy > 0 {
		return i.ReorderBy
	}
	return max(DefaultReorderBy, i.serialisation(4*frame))
}

// serialisation returns about how long the transmitter takes for n bytes.
func (i *Impairment) serialisation(n int) time.Duration {
	if i.Rate == 0 {
		return 0
	}
	return time.Duration(bitTime(n) / i.Rate)
}

// bitTime returns the bits of n bytes times the nanoseconds of a second. Divided
// by a rate it is a time in nanoseconds. Up to maxQueue bytes it fits.
func bitTime(n int) int64 { return 8 * int64(n) * int64(time.Second) }

// takesTime reports whether frames may be on the way for some time.
func (i *Impairment) takesTime() bool { return i.Delay > 0 || i.Jitter > 0 || i.Rate > 0 }

// steady reports whether every frame arrives unharmed, after a time that does not depend
// on chance.
func (i *Impairment) steady() bool {
	return !i.Down && (i.Delay > 0 || i.Rate > 0) && i.Jitter == 0 &&
		i.Loss == 0 && i.Corrupt == 0 && i.Duplicate == 0 && i.Reorder == 0
}

// bare reports whether there is nothing to decide about a frame.
func (i *Impairment) bare() bool {
	return !i.Down && !i.takesTime() &&
		i.Loss == 0 && i.Corrupt == 0 && i.Duplicate == 0 && i.Reorder == 0
}
