package socket

import (
	"sync"

	"septet/event"
)

// takenText is text that a stream took out of its connection's receive buffer, to be
// read without the turn. In real time a reader who leaves some of what has arrived takes
// the rest along, with its memory, and the calls after it read that. So a reader with a
// short buffer does not stand in a sender's way for every call, and both copy at the
// same time. What was taken counts as received, so that as much again may come
// meanwhile: mostTaken at most, and nothing where the user has fixed the buffer's size.
//
// The mutex is below the turn: whoever has it does not take the turn. Everything but
// plain reading holds the turn too.
type takenText struct {
	mu   sync.Mutex
	open bool   // may be read without the turn
	text []byte // to be read
	mem  []byte // what it lies in, for the receive buffers that need some
}

// mostTaken is the longest text that is taken. Where buffers have grown beyond it, the
// path is what readers wait for.
const mostTaken = 256 << 10

// takeRest takes along what a plain read has left in the receive buffer. The turn must
// be held.
func (t *stream) takeRest() {
	s, in := &t.socket, t.taken.Load()
	rest := t.conn.Buffered() > 0
	if in == nil && !rest {
		return
	}
	rest = rest && !s.stack.loop.Simulated()
	switch {
	case in != nil && (rest || in.mem != nil):
	case rest:
		in = new(takenText)
		t.taken.Store(in)
	default:
		return
	}
	// With a deadline, or something else than text to tell, who comes next needs the turn.
	plain := s.readDeadline == event.Never && s.rare == nil && !s.shutRead
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.text) == 0 {
		t.giveUp(in)
		if plain {
			in.text, in.mem = t.conn.TakeRest(mostTaken)
		}
	}
	in.open = plain
}

// buffered is how many bytes of the stream a read could return at once.
func (t *stream) buffered() int { return t.conn.Buffered() + t.unread() }

// read reads what there is: what was taken, and what has arrived since.
func (t *stream) read(b []byte) (int, error) {
	n := t.firstTaken(b, true)
	if t.enough(n, b) {
		return n, nil
	}
	more, err := t.conn.Read(b[n:])
	return together(n, more, err)
}

// peek is read without taking anything away.
func (t *stream) peek(b []byte) (int, error) {
	n := t.firstTaken(b, false)
	if t.enough(n, b) {
		return n, nil
	}
	more, err := t.conn.Peek(b[n:])
	return together(n, more, err)
}

// enough reports whether n bytes that were taken are all that there is to read into b.
func (t *stream) enough(n int, b []byte) bool {
	return n > 0 && (n == len(b) || t.conn.Urgent() > 0) // a read ends at the urgent byte
}

// together is what a read returns that has got n bytes, and then more or err: which, if
// there are bytes, is for the next call.
func together(n, more int, err error) (int, error) {
	if n > 0 {
		err = nil
	}
	return n + more, err
}

// giveUp gives back the memory of what was taken.
func (t *stream) giveUp(in *takenText) {
	if in.mem != nil {
		t.socket.stack.tcp.Reuse(in.mem)
		in.text, in.mem = nil, nil
	}
}

// readTaken is a plain read without the turn. It returns 0 if the turn is needed to know
// what there is.
func (t *stream) readTaken(b []byte) int {
	in := t.taken.Load()
	if in == nil {
		return 0
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if !in.open {
		return 0
	}
	return in.read(b)
}

func (in *takenText) read(b []byte) int {
	n := copy(b, in.text)
	in.text = in.text[n:]
	return n
}

// firstTaken copies the beginning of what was taken, and drops it if drop says so. The
// turn must be held.
func (t *stream) firstTaken(b []byte, drop bool) int {
	in := t.taken.Load()
	if in == nil {
		return 0
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if drop {
		return in.read(b)
	}
	return copy(b, in.text)
}

// unread is how much of what was taken is still to be read.
func (t *stream) unread() int {
	in := t.taken.Load()
	if in == nil {
		return 0
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(in.text)
}

// shutTaken has every reader take the turn, because there may be something else to say
// than what has been taken.
func (t *stream) shutTaken() {
	if in := t.taken.Load(); in != nil {
		in.mu.Lock()
		in.open = false
		in.mu.Unlock()
	}
}

// dropTaken forgets what was taken.
func (t *stream) dropTaken() {
	if in := t.taken.Load(); in != nil {
		in.mu.Lock()
		in.open = false
		t.giveUp(in)
		in.mu.Unlock()
	}
}
