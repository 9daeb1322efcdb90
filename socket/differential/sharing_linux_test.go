package differential

import (
	"fmt"
	"net/netip"

	. "septet/socket"
)

// Who may bind a port that somebody has: every pair of addresses, of settings of
// SO_REUSEADDR and SO_REUSEPORT, and every state of the first socket.

// place is an address to bind to, with the option that belongs to it.
type place struct {
	name   string
	addr   netip.Addr
	v6only bool
}

var places = []place{
	{"0.0.0.0", netip.IPv4Unspecified(), false},
	{"127.0.0.1", addr("127.0.0.1"), false},
	{"[::]", netip.IPv6Unspecified(), false},
	{"[::] alone", netip.IPv6Unspecified(), true},
	{"[::1]", addr("::1"), false},
}

func (p place) domain() int {
	if p.addr.Is4() {
		return AF_INET
	}
	return AF_INET6
}

func (p place) loopback() netip.Addr {
	if p.addr.Is4() {
		return addr("127.0.0.1")
	}
	return addr("::1")
}

// allowances are what a socket can say about sharing: SO_REUSEADDR, SO_REUSEPORT.
var allowances = []struct {
	name       string
	addr, port int
}{{"nothing", 0, 0}, {"reuseaddr", 1, 0}, {"reuseport", 0, 1}, {"both", 1, 1}}

// sharer makes a socket for a place.
func (s *situation) sharer(p place, kind, allow int) Descriptor {
	d := s.of(p.domain(), kind)
	s.must("options", d.SetSockOpt(SOL_SOCKET, SO_REUSEADDR, allowances[allow].addr),
		d.SetSockOpt(SOL_SOCKET, SO_REUSEPORT, allowances[allow].port))
	if p.v6only {
		s.must("IPV6_V6ONLY", d.SetSockOpt(SOL_IPV6, IPV6_V6ONLY, 1))
	}
	return d
}

func (s *situation) sharedListener(p place, allow int) (Descriptor, uint16) {
	d := s.sharer(p, SOCK_STREAM, allow)
	port := s.bind(d, p.addr, "port").Port()
	s.must("listen", d.Listen(5))
	return d, port
}

// sharedConnection is one that was accepted on a place, whose listener is closed.
func (s *situation) sharedConnection(p place, allow int) (c, d Descriptor, port uint16) {
	l, port := s.sharedListener(p, allow)
	c = s.sharer(place{addr: p.addr}, SOCK_STREAM, 0)
	s.must("connect", c.Connect(netip.AddrPortFrom(p.loopback(), port)))
	d, err := s.accept(l)
	s.must("accept", err, l.Close())
	return c, d, port
}

// sharingStates are what has become of the first socket when the second one comes. Each
// returns the port, and what must be closed.
var sharingStates = []struct {
	name string
	kind int
	make func(s *situation, p place, allow int) (uint16, []Descriptor)
}{
	{"bound", SOCK_STREAM, func(s *situation, p place, allow int) (uint16, []Descriptor) {
		d := s.sharer(p, SOCK_STREAM, allow)
		return s.bind(d, p.addr, "port").Port(), []Descriptor{d}
	}},
	{"listening", SOCK_STREAM, func(s *situation, p place, allow int) (uint16, []Descriptor) {
		d, port := s.sharedListener(p, allow)
		return port, []Descriptor{d}
	}},
	{"accepted", SOCK_STREAM, func(s *situation, p place, allow int) (uint16, []Descriptor) {
		c, d, port := s.sharedConnection(p, allow)
		return port, []Descriptor{c, d}
	}},
	{"in TIME-WAIT", SOCK_STREAM, func(s *situation, p place, allow int) (uint16, []Descriptor) {
		c, d, port := s.sharedConnection(p, allow)
		s.must("close", d.Close(), c.Close())
		return port, nil
	}},
	{"connected from it", SOCK_STREAM, func(s *situation, p place, allow int) (uint16, []Descriptor) {
		l, port := s.sharedListener(p, 0)
		c := s.sharer(p, SOCK_STREAM, allow)
		s.must("connect", c.Connect(netip.AddrPortFrom(p.loopback(), port)))
		return s.bound(c, "port").Port(), []Descriptor{l, c}
	}},
	{"datagrams", SOCK_DGRAM, func(s *situation, p place, allow int) (uint16, []Descriptor) {
		d := s.sharer(p, SOCK_DGRAM, allow)
		return s.bind(d, p.addr, "port").Port(), []Descriptor{d}
	}},
}

// sharings are a situation for each state and place of the first socket, and what it
// allows. The sockets have families of their own.
var sharings = func() (list []script) {
	for _, st := range sharingStates {
		for _, p := range places {
			for allow, a := range allowances {
				list = append(list, script{
					name: fmt.Sprintf("%s on %s with %s", st.name, p.name, a.name), in: only6,
					run: func(s *situation) {
						for _, p2 := range places {
							for allow2, a2 := range allowances {
								port, open := st.make(s, p, allow)
								d := s.sharer(p2, st.kind, allow2)
								err := d.Bind(netip.AddrPortFrom(p2.addr, port))
								s.note(fmt.Sprintf("%s with %s", p2.name, a2.name), err)
								if err == nil && st.kind == SOCK_STREAM {
									s.note("listen", d.Listen(1))
								}
								for _, c := range append(open, d) {
									c.Close()
								}
							}
						}
					},
				})
			}
		}
	}
	return list
}()
