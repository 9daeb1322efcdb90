package differential

import (
	"net/netip"
	"time"

	. "septet/socket"
)

// Every call in every state that a stream can be in: a situation each.

// streamState brings a stream into a state. peer is the socket at its other end, or nil.
type streamState struct {
	name  string
	reach func(s *situation) (d, peer Descriptor)
	wire  bool
}

var streamStates = []streamState{
	{name: "fresh", reach: func(s *situation) (d, peer Descriptor) { return s.make(SOCK_STREAM), nil }},
	{name: "bound", reach: func(s *situation) (d, peer Descriptor) {
		d = s.make(SOCK_STREAM)
		s.bind(d, s.loopback, "own")
		return d, nil
	}},
	{name: "listening", reach: func(s *situation) (d, peer Descriptor) {
		d, _ = s.listener()
		return d, nil
	}},
	{name: "listening, one waits", reach: func(s *situation) (d, peer Descriptor) {
		d, a := s.listener()
		peer = s.make(SOCK_STREAM)
		s.must("connect", peer.Connect(a))
		s.bound(peer, "client")
		s.settle()
		return d, peer
	}},
	{name: "listener shut", reach: func(s *situation) (d, peer Descriptor) {
		d, _ = s.listener()
		s.must("shutdown", d.Shutdown(SHUT_RD))
		return d, nil
	}},
	{name: "refused", reach: func(s *situation) (d, peer Descriptor) {
		d = s.make(SOCK_STREAM)
		s.note("connect", d.Connect(s.closedPort(SOCK_STREAM)))
		return d, nil
	}},
	{name: "refused, not told", reach: func(s *situation) (d, peer Descriptor) {
		d = s.make(SOCK_STREAM)
		s.must("nonblock", d.SetNonblock(true))
		s.note("connect", d.Connect(s.closedPort(SOCK_STREAM)))
		s.settle()
		return d, nil
	}},
	{name: "connecting", wire: true, reach: func(s *situation) (d, peer Descriptor) {
		d = s.make(SOCK_STREAM)
		s.must("nonblock", d.SetNonblock(true))
		s.note("connect", d.Connect(netip.AddrPortFrom(s.absent, 80)))
		s.bound(d, "own")
		return d, nil
	}},
	{name: "connected, not told", reach: func(s *situation) (d, peer Descriptor) {
		_, a := s.listener()
		d = s.make(SOCK_STREAM)
		s.must("nonblock", d.SetNonblock(true))
		s.note("connect", d.Connect(a))
		s.bound(d, "own")
		s.settle()
		return d, nil
	}},
	{name: "connected", reach: func(s *situation) (d, peer Descriptor) { return s.pair() }},
	{name: "accepted", reach: func(s *situation) (d, peer Descriptor) {
		peer, d = s.pair()
		return d, peer
	}},
	{name: "connected, data waits", reach: func(s *situation) (d, peer Descriptor) {
		d, peer = s.pair()
		s.send(peer, "waiting")
		s.settle()
		return d, peer
	}},
	{name: "shut for writing", reach: func(s *situation) (d, peer Descriptor) {
		d, peer = s.pair()
		s.must("shutdown", d.Shutdown(SHUT_WR))
		s.settle()
		return d, peer
	}},
	{name: "shut for reading", reach: func(s *situation) (d, peer Descriptor) {
		d, peer = s.pair()
		s.must("shutdown", d.Shutdown(SHUT_RD))
		return d, peer
	}},
	{name: "peer has finished", reach: func(s *situation) (d, peer Descriptor) {
		d, peer = s.pair()
		s.send(peer, "last")
		s.must("shutdown", peer.Shutdown(SHUT_WR))
		s.settle()
		return d, peer
	}},
	{name: "peer has closed", reach: func(s *situation) (d, peer Descriptor) {
		d, peer = s.pair()
		s.must("close", peer.Close())
		s.settle()
		return d, nil
	}},
	{name: "both have finished", reach: func(s *situation) (d, peer Descriptor) {
		d, peer = s.pair()
		s.must("shutdown", peer.Shutdown(SHUT_WR))
		s.settle()
		s.must("shutdown", d.Shutdown(SHUT_WR))
		s.settle()
		return d, peer
	}},
	{name: "finished first", reach: func(s *situation) (d, peer Descriptor) { // TIME-WAIT
		d, peer = s.pair()
		s.must("shutdown", d.Shutdown(SHUT_WR))
		s.settle()
		s.must("shutdown", peer.Shutdown(SHUT_WR))
		s.settle()
		return d, peer
	}},
	{name: "reset", reach: func(s *situation) (d, peer Descriptor) {
		d, peer = s.pair()
		s.must("linger", setLinger(peer, true, 0))
		s.must("close", peer.Close())
		s.settle()
		return d, nil
	}},
	{name: "reset, data waits", reach: func(s *situation) (d, peer Descriptor) {
		d, peer = s.pair()
		s.send(peer, "waiting")
		s.settle()
		s.must("linger", setLinger(peer, true, 0))
		s.must("close", peer.Close())
		s.settle()
		return d, nil
	}},
	{name: "disconnected", reach: func(s *situation) (d, peer Descriptor) {
		d, peer = s.pair()
		s.must("disconnect", d.Connect(netip.AddrPort{}))
		s.settle()
		return d, peer
	}},
}

// call is one that is made in every state. The socket does not block.
type call struct {
	name string
	make func(s *situation, d Descriptor)
}

func receive(size, flags int) func(*situation, Descriptor) {
	return func(s *situation, d Descriptor) { s.recv(d, size, flags) }
}

func shut(how int) func(*situation, Descriptor) {
	return func(s *situation, d Descriptor) { s.note("shutdown", d.Shutdown(how)) }
}

var streamCalls = []call{
	{"bind", func(s *situation, d Descriptor) { s.note("bind", d.Bind(s.at(0))) }},
	{"bind to nobody's", func(s *situation, d Descriptor) {
		s.note("bind", d.Bind(netip.AddrPortFrom(s.elsewhere, 0)))
	}},
	{"listen", func(s *situation, d Descriptor) { s.note("listen", d.Listen(1)) }},
	{"accept", func(s *situation, d Descriptor) {
		_, err := s.accept(d)
		s.note("accept", err)
	}},
	{"connect", func(s *situation, d Descriptor) {
		l := s.make(SOCK_STREAM)
		a := s.bind(l, s.loopback, "another")
		s.must("listen", l.Listen(1))
		s.note("connect", d.Connect(a))
	}},
	{"connect to port 0", func(s *situation, d Descriptor) { s.note("connect", d.Connect(s.at(0))) }},
	{"disconnect", func(s *situation, d Descriptor) { s.note("disconnect", d.Connect(netip.AddrPort{})) }},
	{"shutdown for reading", shut(SHUT_RD)},
	{"shutdown for writing", shut(SHUT_WR)},
	{"shutdown for both", shut(SHUT_RDWR)},
	{"shutdown for what", shut(3)},
	{"send", func(s *situation, d Descriptor) { s.send(d, "data") }},
	{"send nothing", func(s *situation, d Descriptor) { s.send(d, "") }},
	{"send urgent", func(s *situation, d Descriptor) {
		n, err := d.Send([]byte("u"), MSG_OOB)
		s.note("send", n, err)
	}},
	{"sendto", func(s *situation, d Descriptor) {
		n, err := d.SendTo([]byte("data"), 0, s.at(9))
		s.note("sendto", n, err)
	}},
	{"recv", receive(20, 0)},
	{"recv nothing", receive(0, 0)},
	{"recv and peek", receive(20, MSG_PEEK)},
	{"recv all", receive(20, MSG_WAITALL)},
	{"recv and drop", receive(20, MSG_TRUNC)},
	{"recv urgent", receive(1, MSG_OOB)},
	{"SO_ERROR", func(s *situation, d Descriptor) { s.pendingError(d) }},
	{"SO_ACCEPTCONN", func(s *situation, d Descriptor) { s.option(d, SOL_SOCKET, SO_ACCEPTCONN) }},
	{"sockatmark", func(s *situation, d Descriptor) { s.mark(d) }},
	{"close", func(s *situation, d Descriptor) { s.note("close", d.Close()) }},
}

// states are all pairs of a state and a call.
var states = func() (list []script) {
	for _, state := range streamStates {
		for _, c := range streamCalls {
			list = append(list, script{name: c.name + ", " + state.name, wire: state.wire, run: func(s *situation) {
				d, peer := state.reach(s)
				s.must("nonblock", d.SetNonblock(true))
				c.make(s, d)
				s.after(d, peer)
			}})
		}
	}
	return list
}()

// after notes what a call has left of a socket, and what its peer has heard of it.
func (s *situation) after(d, peer Descriptor) {
	s.settle()
	s.pendingError(d)
	s.sockName(d)
	s.peerName(d)
	s.recv(d, 20, MSG_DONTWAIT)
	if peer != nil {
		s.pendingError(peer)
		s.peerName(peer)
		s.recv(peer, 20, MSG_DONTWAIT)
		s.recv(peer, 20, MSG_DONTWAIT)
	}
}

// datagramStates are those of a datagram socket.
var datagramStates = []streamState{
	{name: "fresh", reach: func(s *situation) (d, peer Descriptor) { return s.make(SOCK_DGRAM), nil }},
	{name: "bound", reach: func(s *situation) (d, peer Descriptor) {
		d = s.make(SOCK_DGRAM)
		s.bind(d, s.loopback, "own")
		return d, nil
	}},
	{name: "bound to all", reach: func(s *situation) (d, peer Descriptor) {
		d = s.make(SOCK_DGRAM)
		s.bind(d, s.any, "own")
		return d, nil
	}},
	{name: "connected", reach: datagramPair},
	{name: "bound and connected", reach: func(s *situation) (d, peer Descriptor) {
		peer, d = s.make(SOCK_DGRAM), s.make(SOCK_DGRAM)
		s.bind(d, s.any, "own")
		s.must("connect", d.Connect(s.bind(peer, s.loopback, "peer")))
		return d, peer
	}},
	{name: "datagrams wait", reach: func(s *situation) (d, peer Descriptor) {
		d, peer = datagramPair(s)
		for _, text := range []string{"first", "", "third"} {
			_, err := peer.SendTo([]byte(text), 0, s.bound(d, "own"))
			s.must("sendto", err)
		}
		s.settle()
		return d, peer
	}},
	{name: "refused", reach: func(s *situation) (d, peer Descriptor) {
		d = s.make(SOCK_DGRAM)
		s.must("connect", d.Connect(s.closedPort(SOCK_DGRAM)))
		s.send(d, "to nobody")
		s.settle()
		return d, nil
	}},
	{name: "shut for reading", reach: datagramShut(SHUT_RD)},
	{name: "shut for writing", reach: datagramShut(SHUT_WR)},
	{name: "shut for both", reach: datagramShut(SHUT_RDWR)},
	{name: "disconnected", reach: func(s *situation) (d, peer Descriptor) {
		d, peer = datagramPair(s)
		s.must("disconnect", d.Connect(netip.AddrPort{}))
		return d, peer
	}},
	{name: "bound and disconnected", reach: func(s *situation) (d, peer Descriptor) {
		peer, d = s.make(SOCK_DGRAM), s.make(SOCK_DGRAM)
		s.bind(d, s.loopback, "own")
		s.must("connect", d.Connect(s.bind(peer, s.loopback, "peer")))
		s.must("disconnect", d.Connect(netip.AddrPort{}))
		return d, peer
	}},
}

func datagramPair(s *situation) (d, peer Descriptor) {
	peer, d = s.make(SOCK_DGRAM), s.make(SOCK_DGRAM)
	s.must("connect", d.Connect(s.bind(peer, s.loopback, "peer")))
	s.bound(d, "own")
	return d, peer
}

func datagramShut(how int) func(s *situation) (d, peer Descriptor) {
	return func(s *situation) (d, peer Descriptor) {
		d, peer = datagramPair(s)
		_, err := peer.SendTo([]byte("waiting"), 0, s.bound(d, "own"))
		s.must("sendto", err)
		s.settle()
		s.must("shutdown", d.Shutdown(how))
		return d, peer
	}
}

var datagramCalls = append([]call{
	{"sendto nobody", func(s *situation, d Descriptor) {
		n, err := d.SendTo([]byte("data"), 0, s.closedPort(SOCK_DGRAM))
		s.note("sendto", n, err)
	}},
	{"sendto port 0", func(s *situation, d Descriptor) {
		n, err := d.SendTo([]byte("data"), 0, s.at(0))
		s.note("sendto", n, err)
	}},
	{"sendto without a route", func(s *situation, d Descriptor) {
		n, err := d.SendTo([]byte("data"), 0, netip.AddrPortFrom(s.elsewhere, 9))
		s.note("sendto", n, err)
	}},
	{"send too much", func(s *situation, d Descriptor) {
		n, err := d.Send(make([]byte, 65536), 0)
		s.note("send", n, err)
	}},
	{"recv too little", receive(2, 0)},
	{"recv the length", receive(2, MSG_TRUNC|MSG_PEEK)},
	{"recv within a time", func(s *situation, d Descriptor) {
		s.must("block", d.SetNonblock(false))
		s.must("SO_RCVTIMEO", setTimeout(d, SO_RCVTIMEO, 10*time.Millisecond))
		s.recv(d, 20, 0)
	}},
	{"connect to all", func(s *situation, d Descriptor) {
		peer := s.make(SOCK_DGRAM)
		a := s.bind(peer, s.any, "everywhere")
		s.note("connect", d.Connect(a))
		s.peerName(d)
	}},
}, streamCalls...)

var datagramTable = func() (list []script) {
	for _, state := range datagramStates {
		for _, c := range datagramCalls {
			list = append(list, script{name: c.name + ", " + state.name, wire: c.name == "sendto without a route", run: func(s *situation) {
				d, peer := state.reach(s)
				s.must("nonblock", d.SetNonblock(true))
				c.make(s, d)
				s.after(d, peer)
			}})
		}
	}
	return list
}()
