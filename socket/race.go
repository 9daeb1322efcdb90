package socket

import (
	"net/netip"
	"time"

	"septet/event"
)

// fallbackDelay is how long one family is ahead of the other (RFC 8305, section 5: the
// Connection Attempt Delay; 250 ms are recommended there, package net has 300).
const fallbackDelay = 300 * time.Millisecond

// race is a dial to the addresses of two families at once: happy eyeballs. Both sides
// run as tasks of the loop. Who is connected first closes the other's socket.
type race struct {
	changed event.Cond
	over    bool
	trying  []*Socket
	sides   [2]side
}

// side is one family's part in a race, and what came of it.
type side struct {
	done   bool
	socket *Socket
	tried  netip.AddrPort
	err    error
}

// enter notes a socket that is about to be connected, and reports whether that is still
// wanted. The turn must be held.
func (r *race) enter(s *Socket) bool {
	if r == nil {
		return true
	}
	r.trying = append(r.trying, s)
	return !r.over
}

// run tries the addresses: in turn, or in a race if they are of two families.
func (a *attempt) run(peers []netip.AddrPort) (*Socket, netip.AddrPort, error) {
	if a.medium.kind != SOCK_STREAM || a.FallbackDelay < 0 || ofOneFamily(peers) {
		return a.serial(peers)
	}
	racing := *a // for the tasks
	racing.race = &race{}
	return racing.both(byFamily(peers))
}

// both tries the addresses of two families in a race.
func (a *attempt) both(first, second []netip.AddrPort) (*Socket, netip.AddrPort, error) {
	l, r, delay := a.Stack.loop, a.race, a.FallbackDelay
	if delay == 0 {
		delay = fallbackDelay
	}
	a.start(0, first)
	l.Lock()
	defer l.Unlock()
	ahead := l.Now().Add(delay)
	for !r.sides[0].done && !r.over {
		if err := l.Wait(&r.changed, ahead); err == event.ErrTimeout {
			break
		} else if err != nil {
			return nil, first[0], cause("connect", err)
		}
	}
	if !r.over {
		l.Unlock()
		a.start(1, second)
		l.Lock()
	}
	for !r.over && !(r.sides[0].done && r.sides[1].done) {
		if err := l.Wait(&r.changed, event.Never); err != nil {
			return nil, first[0], cause("connect", err)
		}
	}
	for _, s := range r.sides {
		if s.socket != nil {
			return s.socket, s.tried, nil
		}
	}
	return nil, r.sides[0].tried, r.sides[0].err
}

// start has one side try its addresses.
func (a *attempt) start(n int, peers []netip.AddrPort) {
	l, r := a.Stack.loop, a.race
	l.Go("dial", func() {
		s, tried, err := a.serial(peers)
		l.Lock()
		defer l.Unlock()
		if r.over && s != nil {
			s.end(true)
			s = nil
		}
		r.sides[n] = side{done: true, socket: s, tried: tried, err: err}
		if s != nil {
			r.win(s)
		}
		l.Signal(&r.changed)
	})
}

// win closes the sockets of who has lost. The turn must be held.
func (r *race) win(winner *Socket) {
	r.over = true
	for _, s := range r.trying {
		if s != winner {
			s.end(true)
		}
	}
	r.trying = nil
}

// ofOneFamily reports whether all addresses are of the first one's family.
func ofOneFamily(peers []netip.AddrPort) bool {
	for _, to := range peers {
		if to.Addr().Is4() != peers[0].Addr().Is4() {
			return false
		}
	}
	return true
}

// byFamily returns the addresses of the first one's family, and the others.
func byFamily(peers []netip.AddrPort) (first, second []netip.AddrPort) {
	for _, to := range peers {
		if to.Addr().Is4() == peers[0].Addr().Is4() {
			first = append(first, to)
		} else {
			second = append(second, to)
		}
	}
	return first, second
}
