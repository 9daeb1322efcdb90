package tapdevice

import "sync"

// frames are some of them, one after the other in one piece of memory that is used
// again.
type frames struct {
	bytes []byte
	ends  []int
}

// keptBytes is how much memory an empty queue keeps for the next frames.
const keptBytes = 1 << 20

func (f *frames) add(frame []byte) {
	f.bytes = append(f.bytes, frame...)
	f.ends = append(f.ends, len(f.bytes))
}

func (f *frames) clear() {
	f.bytes, f.ends = f.bytes[:0], f.ends[:0]
	if cap(f.bytes) > keptBytes {
		f.bytes = nil
	}
}

// room returns n bytes for the next frame, nil if the memory there is does not
// suffice. took says how many of them it has.
func (f *frames) room(n int) []byte {
	if begin := len(f.bytes); cap(f.bytes)-begin >= n {
		return f.bytes[begin : begin+n]
	}
	return nil
}

func (f *frames) took(n int) {
	f.bytes = f.bytes[:len(f.bytes)+n]
	f.ends = append(f.ends, len(f.bytes))
}

// all yields each frame.
func (f *frames) all(yield func([]byte) bool) {
	begin := 0
	for _, end := range f.ends {
		if !yield(f.bytes[begin:end]) {
			return
		}
		begin = end
	}
}

// outbox is the queue between the network's turn, which never waits, and the
// goroutine that gives frames to the kernel.
type outbox struct {
	mu      sync.Mutex
	filled  sync.Cond // there are frames, or there will be none any more
	waiting frames
	ended   bool

	sent, sentBytes, dropped, refused, late uint64
}

// put queues a copy of a frame.
func (o *outbox) put(frame []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.ended:
		o.late++
	case len(o.waiting.bytes)+len(frame) > MaxQueued:
		o.dropped++
	default:
		o.waiting.add(frame)
		o.filled.Signal()
	}
}

// take waits for frames and exchanges them for the memory of f, whose frames have
// been dealt with. It returns false when the outbox was ended and is empty.
func (o *outbox) take(f *frames) bool {
	f.clear()
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.waiting.ends) == 0 {
		if o.ended {
			return false
		}
		o.filled.Wait()
	}
	*f, o.waiting = o.waiting, *f
	return true
}

// written counts what has become of frames that were taken.
func (o *outbox) written(sent, bytes, refused uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sent += sent
	o.sentBytes += bytes
	o.refused += refused
}

// end lets nothing in any more.
func (o *outbox) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended = true
	o.filled.Signal()
}

func (o *outbox) count(s *Stats) {
	o.mu.Lock()
	defer o.mu.Unlock()
	s.Out, s.OutBytes = o.sent, o.sentBytes
	s.OutDropped, s.OutRefused, s.OutClosed = o.dropped, o.refused, o.late
}
