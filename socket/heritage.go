package socket

import (
	"maps"
	"time"

	"septet/transport/tcp"
)

// An accepted socket has the settings that its listener had when the connection came,
// but not O_NONBLOCK (accept(2), "Notes"). TCP gives the connection its options itself;
// here is what the socket has of its own.

// heritage is what a connection that nobody has accepted yet has of its listener. It is
// shared by those that came while nothing was changed.
type heritage struct {
	settings
	kept map[option]int // see rare
}

// settings are the part of a stream's settings that is plain values.
type settings struct {
	reuseAddr, reusePort, broadcast, keepAlive, lingers, noHops bool
	lingerBy, receiveTimeout, sendTimeout                       time.Duration
}

// Notify is for who waits, and for a connection that nobody has accepted nobody does.
func (h *heritage) Notify(tcp.Ready) {}

func (t *stream) settings() settings {
	s := &t.socket
	return settings{
		s.reuseAddr, s.reusePort, s.broadcast, s.keepAlive, t.lingers, s.rare != nil && s.rare.noHops,
		t.linger().Time, s.receiveTimeout, s.sendTimeout,
	}
}

// Child is called by TCP, with the turn held, when a connection comes.
func (t *stream) Child() tcp.Owner {
	now, r := t.settings(), t.socket.rare
	if r == nil {
		if now == (settings{}) {
			return nil
		}
		r = t.socket.needRare()
	}
	if h := r.heritage; h == nil || h.settings != now || len(h.kept)+len(r.kept) > 0 && !maps.Equal(h.kept, r.kept) {
		r.heritage = &heritage{now, maps.Clone(r.kept)}
	}
	return r.heritage
}

// give gives an accepted socket what is its own.
func (h *heritage) give(t *stream) {
	s := &t.socket
	s.reuseAddr, s.reusePort, s.broadcast, s.keepAlive = h.reuseAddr, h.reusePort, h.broadcast, h.keepAlive
	t.setLinger(Linger{h.lingers, h.lingerBy})
	s.receiveTimeout, s.sendTimeout = h.receiveTimeout, h.sendTimeout
	if h.noHops {
		s.needRare().noHops = true
	}
	if len(h.kept) == 0 {
		return // sparing the look into an empty map
	}
	for o, v := range h.kept {
		_ = s.keep(o, v) // it was good once
	}
}
