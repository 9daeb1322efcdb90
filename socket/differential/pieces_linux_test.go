package differential

import (
	"fmt"
	"net/netip"
	"strings"

	. "septet/socket"
)

// piece sends a part of a datagram.
func (s *situation) piece(d Descriptor, length, flags int, to netip.AddrPort) {
	n, err := d.SendTo([]byte(strings.Repeat("p", length)), flags|MSG_DONTWAIT, to)
	s.note(fmt.Sprintf("sendto(%d, %#x)", length, flags), n, err)
}

// drain notes how long the datagrams are that have come.
func (s *situation) drain(d Descriptor) {
	s.settle()
	for {
		n, err := d.Recv(make([]byte, 65536), MSG_DONTWAIT)
		s.note("came", n, err)
		if err != nil {
			return
		}
	}
}

// inPieces is MSG_MORE and UDP_CORK: what is put together, where it goes, and what ends it.
func inPieces(s *situation) {
	peer, other, d := s.make(SOCK_DGRAM), s.make(SOCK_DGRAM), s.make(SOCK_DGRAM)
	a, b := s.bind(peer, s.loopback, "peer"), s.bind(other, s.loopback, "other")
	none := netip.AddrPort{}
	s.values(d, IPPROTO_UDP, UDP_CORK, 0, 1, 5, -1, 0)
	s.piece(d, 3, MSG_MORE, none)
	s.piece(d, 3, 0, none)
	s.piece(d, 3, MSG_MORE, a)
	s.bound(d, "own")
	s.drain(peer)
	s.piece(d, 0, MSG_MORE, b)
	s.piece(d, 2, 0, none)
	s.drain(peer)
	s.drain(other)

	s.must("cork", d.SetSockOpt(IPPROTO_UDP, UDP_CORK, 1))
	s.piece(d, 0, 0, a)
	s.must("cork off", d.SetSockOpt(IPPROTO_UDP, UDP_CORK, 0))
	s.drain(peer)
	s.must("cork", d.SetSockOpt(IPPROTO_UDP, UDP_CORK, 1))
	s.piece(d, 4, 0, a)
	s.note("connect", d.Connect(b))
	s.piece(d, 5, MSG_OOB, none)
	s.piece(d, 5, MSG_MORE, none)
	s.note("cork again", d.SetSockOpt(IPPROTO_UDP, UDP_CORK, 1))
	s.drain(peer)
	s.note("cork off", d.SetSockOpt(IPPROTO_UDP, UDP_CORK, 0))
	s.drain(peer)
	s.drain(other)
	s.piece(d, 7, 0, none)
	s.drain(other)

	// What is too long is dropped as a whole.
	for _, last := range []int{25507, 25508, 25527, 25528, 25536} {
		s.piece(d, 40000, MSG_MORE, a)
		s.piece(d, last, 0, a)
		s.piece(d, 9, 0, a)
		s.drain(peer)
	}
	s.piece(d, 65508, MSG_MORE, a)
	s.piece(d, 65536, MSG_MORE, a)
	s.piece(d, 1, 0, a)
	s.drain(peer)
	s.piece(d, 1, MSG_MORE, a)
	s.piece(d, 65536, 0, a)
	s.piece(d, 2, 0, a)
	s.drain(peer)

	// What is held when the socket is shut down goes all the same, when it is closed not.
	s.piece(d, 3, MSG_MORE, none)
	s.note("shutdown", d.Shutdown(SHUT_WR))
	s.piece(d, 3, 0, none)
	s.piece(d, 3, MSG_MORE, none)
	s.drain(other)
	last := s.make(SOCK_DGRAM)
	s.piece(last, 3, MSG_MORE, a)
	s.note("close", last.Close())
	s.drain(peer)
}

// rawPieces sends datagrams of a protocol in pieces.
func rawPieces(p *rawPlay) {
	var send func(text string, flags int)
	for _, domain := range []int{AF_INET, AF_INET6} {
		lo := netip.MustParseAddr("127.0.0.1")
		if domain == AF_INET6 {
			lo = netip.IPv6Loopback()
		}
		from, to := p.socket(domain, SOCK_RAW, 253), p.socket(domain, SOCK_RAW, 253)
		p.note("connect", from.Connect(netip.AddrPortFrom(lo, 0)))
		arrived := func() {
			p.settle()
			for {
				b := make([]byte, 100)
				n, err := to.Recv(b, 0)
				p.note("recv", n, err)
				if err != nil {
					return
				}
				if domain == AF_INET {
					b, n = b[20:], n-20
				}
				p.note("  text", string(b[:n]))
			}
		}
		send = func(text string, flags int) {
			n, err := from.Send([]byte(text), flags)
			p.note("send "+text, n, err)
			arrived()
		}
		send("alone", 0)
		send("one, ", MSG_MORE)
		send("two, ", MSG_MORE)
		send("three", 0)
		send("four", 0)
		send("five", MSG_MORE)
		n, err := from.SendTo([]byte(" to an address"), 0, netip.AddrPortFrom(lo, 0))
		p.note("sendto", n, err)
		arrived()
		send("six", MSG_MORE)
		send("", 0)
		send("seven", MSG_MORE)
		if domain == AF_INET {
			p.note("with a header", from.SetSockOpt(SOL_IP, IP_HDRINCL, 1))
			send("none", 0)
			p.note("without", from.SetSockOpt(SOL_IP, IP_HDRINCL, 0))
		}
		send(", eight", 0)
		for range 2 {
			n, err = from.Send(make([]byte, 40000), MSG_MORE)
			p.note("send much", n, err)
		}
		send("nine", 0)
		send("ten", MSG_MORE)
		p.note("close", from.Close())
		arrived()
	}
}

// otherFamily sends pieces of both families.
func otherFamily(s *situation) {
	d, six, four := s.make(SOCK_DGRAM), s.make(SOCK_DGRAM), s.of(AF_INET, SOCK_DGRAM)
	a := s.bind(six, netip.IPv6Loopback(), "six")
	b := s.bind(four, netip.MustParseAddr("127.0.0.1"), "four")
	b = netip.AddrPortFrom(netip.AddrFrom16(b.Addr().As16()), b.Port())
	s.piece(d, 3, MSG_MORE, a)
	s.piece(d, 4, 0, b)
	s.piece(d, 5, 0, a)
	s.drain(six)
	s.drain(four)
	s.piece(d, 3, MSG_MORE, b)
	s.piece(d, 4, 0, a)
	s.drain(six)
	s.drain(four)
}
