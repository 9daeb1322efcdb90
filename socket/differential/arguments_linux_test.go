package differential

import (
	"fmt"
	"net/netip"

	. "septet/socket"
)

// Arguments that make no sense, and those at an edge.

var arguments = []script{
	{name: "backlogs", run: badBacklogs},
	{name: "buffer sizes", run: badBuffers},
	{name: "flags of recv and send", run: allFlags},
	{name: "families of addresses", run: allFamilies},
	{name: "empty buffers", run: emptyBuffers},
	{name: "levels and names", run: badLevels},
	{name: "how to shut down", run: badShutdown},
}

func badBacklogs(s *situation) {
	for _, n := range []int{-1 << 31, -1, 0, 1, 4095, 4096, 4097, 1<<31 - 1} {
		d := s.make(SOCK_STREAM)
		s.note(fmt.Sprint("listen ", n), d.Listen(n))
		s.note(fmt.Sprint("datagrams, listen ", n), s.make(SOCK_DGRAM).Listen(n))
	}
}

func badBuffers(s *situation) {
	for _, kind := range []int{SOCK_STREAM, SOCK_DGRAM} {
		d := s.make(kind)
		s.values(d, SOL_SOCKET, SO_RCVLOWAT, -1, 0, 1, 1<<31-1, -1<<31)
		// What a new socket has is the machine's affair.
		for _, name := range []int{SO_SNDBUF, SO_RCVBUF} {
			for _, v := range []int{0, 1, 2303, 2304, 10000, 100000} {
				s.note(fmt.Sprint("set ", name, " ", v), d.SetSockOpt(SOL_SOCKET, name, v))
				s.option(d, SOL_SOCKET, name)
			}
		}
	}
}

func allFlags(s *situation) {
	for _, kind := range []int{SOCK_STREAM, SOCK_DGRAM} {
		for _, flags := range []int{MSG_OOB, MSG_PEEK, MSG_TRUNC, MSG_WAITALL, MSG_NOSIGNAL, MSG_MORE, MSG_ERRQUEUE, MSG_DONTWAIT,
			MSG_PEEK | MSG_WAITALL, MSG_PEEK | MSG_OOB, MSG_TRUNC | MSG_PEEK, 1 << 30} {
			var d, peer Descriptor
			if d, peer = datagramPair(s); kind == SOCK_STREAM {
				d, peer = s.pair()
			}
			n, err := d.Send([]byte("data"), flags)
			s.note(fmt.Sprintf("send %#x", flags), n, err)
			n, err = d.Send([]byte("more"), 0)
			s.note("send", n, err)
			s.settle()
			s.recv(peer, 3, flags|MSG_DONTWAIT)
			s.recv(peer, 20, MSG_DONTWAIT)
		}
	}
}

func allFamilies(s *situation) {
	for _, kind := range []int{SOCK_STREAM, SOCK_DGRAM} {
		for _, to := range []string{"127.0.0.1:0", "127.0.0.1:1", "[::1]:1", "[::ffff:127.0.0.1]:1", "0.0.0.0:1", "[::]:1", "[::ffff:0.0.0.0]:1"} {
			a := netip.MustParseAddrPort(to)
			d := s.make(kind)
			s.note("connect "+to, d.Connect(a))
			d = s.make(kind)
			n, err := d.SendTo([]byte("x"), MSG_DONTWAIT, a)
			s.note("sendto "+to, n, err)
			n, err = d.SendMsg(&Message{Name: a, Buffers: [][]byte{[]byte("x")}}, MSG_DONTWAIT)
			s.note("sendmsg "+to, n, err)
		}
	}
}

func emptyBuffers(s *situation) {
	for _, kind := range []int{SOCK_STREAM, SOCK_DGRAM} {
		d, peer := datagramPair(s)
		if kind == SOCK_STREAM {
			d, peer = s.pair()
		}
		for _, b := range [][]byte{nil, {}} {
			n, err := d.Send(b, 0)
			s.note("send nothing", n, err)
			n, err = d.SendMsg(&Message{Buffers: [][]byte{b, b}}, 0)
			s.note("sendmsg of nothing", n, err)
			s.settle()
			n, err = peer.Recv(b, MSG_DONTWAIT)
			s.note("recv nothing", n, err)
			n, err = peer.RecvMsg(&Message{Buffers: [][]byte{b}}, MSG_DONTWAIT)
			s.note("recvmsg of nothing", n, err)
			s.send(d, "data")
			s.settle()
			n, err = peer.Recv(b, MSG_DONTWAIT)
			s.note("recv nothing of something", n, err)
			s.recv(peer, 10, MSG_DONTWAIT)
		}
	}
}

func badLevels(s *situation) {
	for _, kind := range []int{SOCK_STREAM, SOCK_DGRAM} {
		d := s.make(kind)
		for _, level := range []int{-1, 2, 3, 99, SOL_SOCKET, SOL_IP, SOL_IPV6, SOL_TCP, IPPROTO_UDP, SOL_RAW} {
			for _, name := range []int{-1, 0, 12345} {
				s.note(fmt.Sprintf("setsockopt %d/%d", level, name), d.SetSockOpt(level, name, 1))
				s.option(d, level, name)
			}
		}
	}
}

func badShutdown(s *situation) {
	for _, how := range []int{-1, 3, 1 << 20} {
		c, _ := s.pair()
		d, _ := datagramPair(s)
		l, _ := s.listener()
		s.note(fmt.Sprint("shutdown ", how), c.Shutdown(how), d.Shutdown(how), l.Shutdown(how),
			s.make(SOCK_STREAM).Shutdown(how), s.make(SOCK_DGRAM).Shutdown(how))
	}
}
