package socket

import (
	"net/netip"
	"sync"

	"septet/event"
	"septet/packet"
	"septet/transport/udp"
)

// inbox is where a datagram socket has what it took out of its endpoint's queue.
// In real time a reader who finds several datagrams takes all of them in one turn, and
// the calls after it read those without the turn. So a sender and a reader on two
// processors do not wait for each other at every datagram. What was taken counts as
// received, so that as much again may come meanwhile.
//
// The mutex is below the turn: whoever has it does not take the turn.
type inbox struct {
	mu    sync.Mutex
	open  bool           // may be read without the turn
	taken packet.Queue   // all of them, until they are released, for which the turn is needed
	next  *packet.Packet // of these, the first that was not read yet; nil if all were
}

// copyOut reads the datagram that has waited longest, as recv(2) does. length is
// that of all of it. A message, unless it is nil, gets what else there is to know.
func (d *datagram) copyOut(b []byte, flags int, m *Message) (length int, from netip.AddrPort, ok bool) {
	in := &d.inbox
	p := in.next
	if p == nil {
		return 0, from, false
	}
	payload, from, to := d.endpoint.Dissect(p)
	copy(b, payload)
	if m != nil {
		d.socket.describe(m, p, to)
	}
	if flags&MSG_PEEK == 0 {
		in.next = in.taken.After(p)
	}
	return len(payload), from, true
}

// receiveTaken is receive without the turn. It says false if the turn is needed to
// know the answer.
func (d *datagram) receiveTaken(b []byte, flags int) (n int, from netip.AddrPort, ok bool) {
	in := &d.inbox
	in.mu.Lock()
	if p := in.next; in.open && p != nil && !udp.OfLink(p) {
		n, from, ok = d.copyOut(b, flags, nil)
	}
	in.mu.Unlock()
	return datagramCount(n, b, flags), from, ok
}

// datagramCount is what recv(2) returns for a datagram of some length.
func datagramCount(length int, b []byte, flags int) int {
	if flags&MSG_TRUNC != 0 {
		return length
	}
	return min(length, len(b))
}

// receiveNext reads from the inbox, and fills it first if it is empty. The turn
// must be held.
func (d *datagram) receiveNext(b []byte, flags int, m *Message) (length int, from netip.AddrPort, ok bool) {
	in, realTime := &d.inbox, !d.socket.stack.loop.Simulated()
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.next == nil {
		if flags&MSG_PEEK != 0 {
			return d.peek(b, m)
		}
		share := 0 // one: there is nobody to wait for in simulated time
		if realTime {
			share = d.endpoint.ReceiveBuffer()
		}
		in.taken.Release()
		d.endpoint.Take(&in.taken, share)
		in.next = in.taken.First()
	}
	length, from, ok = d.copyOut(b, flags, m)
	if in.next == nil {
		in.taken.Release()
	}
	// A deadline that has passed comes before data, which takes the turn to know.
	in.open = realTime && d.socket.readDeadline == event.Never
	return length, from, ok
}

// peek reads a datagram that stays in the endpoint's queue.
func (d *datagram) peek(b []byte, m *Message) (length int, from netip.AddrPort, ok bool) {
	p := d.endpoint.First()
	if p == nil {
		return 0, from, false
	}
	payload, from, to := d.endpoint.Dissect(p)
	copy(b, payload)
	if m != nil {
		d.socket.describe(m, p, to)
	}
	return len(payload), from, true
}

// shut has every reader take the turn, because there may be something else to
// say than what has been taken.
func (in *inbox) shut() {
	in.mu.Lock()
	in.open = false
	in.mu.Unlock()
}

// clear drops what is left.
func (in *inbox) clear() {
	in.mu.Lock()
	in.open = false
	in.taken.Release()
	in.next = nil
	in.mu.Unlock()
}

// waits reports whether there is something to be read.
func (in *inbox) waits() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.next != nil
}

// Failed is told by UDP: an error comes before data.
func (d *datagram) Failed() {
	d.inbox.shut()
	d.socket.tell(POLLERR)
}

// Arrived is told by UDP, if somebody watches the socket.
func (d *datagram) Arrived() { d.socket.tell(arrived) }
