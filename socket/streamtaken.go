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
	rest := t.conn.Buffered() > 0 && !s.stack.loop.Simulated()
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
func (t *stream) read(b []byte) (int, error) { return t.join(b, true, t.conn.Read) }

// peek is read without taking anything away.
func (t *stream) peek(b []byte) (int, error) { return t.join(b, false, t.conn.Peek) }

func (t *stream) join(b []byte, drop bool, next func([]byte) (int, error)) (int, error) {
	n := t.firstTaken(b, drop)
	switch {
	case n == 0:
		return next(b)
	case n == len(b) || t.conn.Urgent() > 0: // a read ends at the urgent byte
		return n, nil
	}
	more, _ := next(b[n:])
	return n + more, nil
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
