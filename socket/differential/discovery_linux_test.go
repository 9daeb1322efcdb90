package differential

import (
	"fmt"
	"net/netip"

	. "septet/socket"
)

// IP_MTU_DISCOVER and IPV6_MTU_DISCOVER, which an AF_INET6 socket has both of.

var discovery = []script{
	{name: "each family its own value", run: discoveryValues},
	{name: "of a datagram's family", run: discoveryOfFamily, wire: true},
	{name: "of a piece's family", run: discoveryOfPiece, wire: true},
}

// discoveryOptions are the two.
var discoveryOptions = []struct{ level, name int }{{SOL_IP, IP_MTU_DISCOVER}, {SOL_IPV6, IPV6_MTU_DISCOVER}}

func discoveryValues(s *situation) {
	for _, kind := range []int{SOCK_DGRAM, SOCK_STREAM} {
		d := s.make(kind)
		for i, set := range discoveryOptions {
			s.values(d, set.level, set.name, IP_PMTUDISC_DO+i, 5, 6, -1, IP_PMTUDISC_DO+i)
			for _, read := range discoveryOptions {
				s.option(d, read.level, read.name)
			}
		}
	}
	for _, family := range []int{AF_INET, AF_INET6} {
		d, err := s.sys.Socket(family, SOCK_RAW, 253)
		if s.note("raw", err); err != nil {
			continue
		}
		s.closeLater(d)
		for i, set := range discoveryOptions {
			s.values(d, set.level, set.name, IP_PMTUDISC_DO+i)
			for _, read := range discoveryOptions {
				s.option(d, read.level, read.name)
			}
		}
	}
}

// discoveryOfFamily sends what just fits the link, and what does not, with each pair of
// values: the other family's changes nothing.
func discoveryOfFamily(s *situation) {
	for _, four := range []int{IP_PMTUDISC_WANT, IP_PMTUDISC_DO, IP_PMTUDISC_INTERFACE} {
		for _, six := range []int{IP_PMTUDISC_WANT, IP_PMTUDISC_PROBE, IP_PMTUDISC_OMIT} {
			d := s.make(SOCK_DGRAM)
			s.note(fmt.Sprintf("values %d, %d", four, six),
				d.SetSockOpt(SOL_IP, IP_MTU_DISCOVER, four), d.SetSockOpt(SOL_IPV6, IPV6_MTU_DISCOVER, six))
			for _, size := range []int{1452, 1453, 1472, 1473} {
				n, err := d.SendTo(make([]byte, size), 0, netip.AddrPortFrom(s.far, 9))
				s.note(fmt.Sprint("send ", size), n, err)
			}
		}
	}
}

// discoveryOfPiece is the same for a datagram that is put together of pieces.
func discoveryOfPiece(s *situation) {
	for _, set := range discoveryOptions {
		d := s.make(SOCK_DGRAM)
		s.note("set", d.SetSockOpt(set.level, set.name, IP_PMTUDISC_DO))
		s.note("connect", d.Connect(netip.AddrPortFrom(s.far, 9)))
		for _, size := range []int{1400, 60, 60} {
			n, err := d.Send(make([]byte, size), MSG_MORE)
			s.note(fmt.Sprint("piece ", size), n, err)
		}
		n, err := d.Send(nil, 0)
		s.note("the last", n, err)
	}
}
