package socket_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"syscall"
	"testing"

	"septet/event"
	"septet/host"
	"septet/physical"
	. "septet/socket"
)

// ethAll is ETH_P_ALL in network byte order on machines of either.
var ethAll = int(binary.NativeEndian.Uint16([]byte{0, ETH_P_ALL}))

// sniffer opens a packet socket on eth0.
func sniffer(t *testing.T, h *host.Host) *Socket {
	t.Helper()
	s := must[*Socket](t)(h.Socket(AF_PACKET, SOCK_RAW|SOCK_NONBLOCK, ethAll))
	check(t, "bind", s.BindLink(LinkAddress{Interface: 2}))
	check(t, "receive buffer", s.SetSockOpt(SOL_SOCKET, SO_RCVBUF, 4<<20))
	return s
}

// seen is a frame that a sniffer has taken.
type seen struct {
	frame []byte
	from  LinkAddress
}

func takeAll(t *testing.T, s *Socket) (all []seen) {
	t.Helper()
	for {
		b := make([]byte, 65536)
		n, from, err := s.RecvLink(b, 0)
		switch err {
		case nil:
			all = append(all, seen{b[:n], from})
		case syscall.EAGAIN:
			return all
		default:
			t.Fatalf("receive from a packet socket: %v", err)
		}
	}
}

// TestSnifferSeesSingleFrames: though a bare wire carries trains of segments whole, a
// packet socket sees the frames that they stand for, in order, at both ends the same.
func TestSnifferSeesSingleFrames(t *testing.T) {
	needsIPv4(t, "the frames are read as IPv4's")
	w := newWorld(t, event.NewVirtual(1), physical.Impairment{})
	at := [...]*Socket{sniffer(t, w.alice), sniffer(t, w.bob)}
	ln := must[net.Listener](t)(w.bob.Listen("tcp", ":80"))
	c := must[net.Conn](t)(w.alice.Dial("tcp", bobAddr+":80"))
	p := must[net.Conn](t)(ln.Accept())
	data := bytes.Repeat([]byte("0123456789"), 20_000)
	w.loop.Go("sender", func() {
		_, _ = c.Write(data)
		c.Close()
	})
	got := must[[]byte](t)(io.ReadAll(p))
	if !bytes.Equal(got, data) {
		t.Fatalf("%d bytes arrived, want the %d that were sent", len(got), len(data))
	}
	all := [...][]seen{takeAll(t, at[0]), takeAll(t, at[1])}
	var texts [2][]byte // what alice's segments carried
	for end := range all {
		for _, f := range all[end] {
			out := f.from.PacketType == PACKET_OUTGOING
			if len(f.frame) > 1514 {
				t.Fatalf("a packet socket saw a frame of %d bytes on an Ethernet", len(f.frame))
			}
			if out == (end == 0) && f.frame[12] == 8 && f.frame[13] == 0 && f.frame[23] == 6 {
				b := f.frame[14:]
				b = b[20 : int(b[2])<<8|int(b[3])]
				texts[end] = append(texts[end], b[int(b[12]>>4)*4:]...)
			}
		}
	}
	for end, text := range texts {
		if !bytes.Equal(text, data) {
			t.Errorf("the frames at end %d carry %d bytes, want the %d that were sent, in order", end, len(text), len(data))
		}
	}
}

// TestPromiscuousSniffer: frames for others are seen by who has asked for them, and only
// while he does.
func TestPromiscuousSniffer(t *testing.T) {
	w := newWorld(t, event.NewVirtual(1), physical.Impairment{})
	s, sender := sniffer(t, w.bob), sniffer(t, w.alice)
	stranger := append([]byte("\x02\x00\x00\x00\x00\x99\x02\x00\x00\x00\x00\x01\x88\xb5"), make([]byte, 46)...)
	request := binary.NativeEndian.AppendUint32(nil, 2) // struct packet_mreq
	request = binary.NativeEndian.AppendUint16(request, PACKET_MR_PROMISC)
	request = append(request, make([]byte, 10)...)
	for _, c := range []struct {
		what string
		do   func() error
		want int
	}{
		{"at first", func() error { return nil }, 0},
		{"when promiscuous", func() error { return s.SetSockOptBytes(SOL_PACKET, PACKET_ADD_MEMBERSHIP, request) }, 1},
		{"when no longer", func() error { return s.SetSockOptBytes(SOL_PACKET, PACKET_DROP_MEMBERSHIP, request) }, 0},
	} {
		check(t, c.what, c.do())
		takeAll(t, s)
		must[int](t)(sender.SendLink(stranger, 0, nil))
		got := takeAll(t, s)
		if len(got) != c.want || c.want == 1 && got[0].from.PacketType != PACKET_OTHERHOST {
			t.Errorf("%s: %d frames for another station were seen, want %d of PACKET_OTHERHOST", c.what, len(got), c.want)
		}
	}
}

// TestLinkSocketsNeedPrivilege: an ordinary process has no raw and no packet sockets, and
// may bind a socket to a device once.
func TestLinkSocketsNeedPrivilege(t *testing.T) {
	w := newWorld(t, event.NewVirtual(1), physical.Impairment{})
	user, root := w.alice.Sockets.NewProcess(false), w.alice.Sockets.NewProcess(true)
	for _, c := range []struct{ domain, kind, protocol int }{
		{AF_INET, SOCK_RAW, IPPROTO_ICMP}, {AF_INET6, SOCK_RAW, IPPROTO_ICMPV6}, {AF_PACKET, SOCK_RAW, 0}, {AF_PACKET, SOCK_DGRAM, 0},
	} {
		if _, err := user.Socket(c.domain, c.kind, c.protocol); err != syscall.EPERM {
			t.Errorf("socket %v of an ordinary process: %v, want EPERM", c, err)
		}
		must[Descriptor](t)(root.Socket(c.domain, c.kind, c.protocol))
	}
	s := must[Descriptor](t)(user.Socket(inet, SOCK_DGRAM, 0))
	bind := func(name string) error { return s.SetSockOptBytes(SOL_SOCKET, SO_BINDTODEVICE, []byte(name)) }
	check(t, "the first device", bind("eth0"))
	if err := bind("lo"); err != syscall.EPERM {
		t.Errorf("a second device of an ordinary process: %v, want EPERM", err)
	}
	if err := bind(""); err != syscall.EPERM {
		t.Errorf("an ordinary process takes its device away: %v, want EPERM", err)
	}
}

// TestReusePortSpreadsConnections: each listener gets a part, and all is accepted.
func TestReusePortSpreadsConnections(t *testing.T) {
	needsIPv4(t, "its addresses")
	w := newWorld(t, event.NewVirtual(1), physical.Impairment{})
	var all []*Socket
	for range 4 {
		s := must[*Socket](t)(w.bob.Socket(inet, SOCK_STREAM|SOCK_NONBLOCK, 0))
		check(t, "SO_REUSEPORT", s.SetSockOpt(SOL_SOCKET, SO_REUSEPORT, 1))
		check(t, "bind", s.Bind(netip.AddrPortFrom(netip.Addr{}, 80)))
		check(t, "listen", s.Listen(1000))
		all = append(all, s)
	}
	const connections = 400
	for range connections {
		must[net.Conn](t)(w.alice.Dial("tcp", bobAddr+":80"))
	}
	sum := 0
	for i, s := range all {
		n := 0
		for {
			if _, _, err := s.Accept(); err != nil {
				break
			}
			n++
		}
		if n < connections/8 || n > connections/2 {
			t.Errorf("listener %d of 4 got %d of %d connections, want about a quarter", i, n, connections)
		}
		sum += n
	}
	if sum != connections {
		t.Errorf("the listeners got %d connections together, want %d", sum, connections)
	}
}

// TestReusePortSpreadsDatagrams: every flow goes to one socket, always the same, and a
// broadcast to all of them.
func TestReusePortSpreadsDatagrams(t *testing.T) {
	needsIPv4(t, "its addresses")
	w := newWorld(t, event.NewVirtual(1), physical.Impairment{})
	var all []*Socket
	for range 4 {
		s := must[*Socket](t)(w.bob.Socket(inet, SOCK_DGRAM|SOCK_NONBLOCK, 0))
		check(t, "SO_REUSEPORT", s.SetSockOpt(SOL_SOCKET, SO_REUSEPORT, 1))
		check(t, "bind", s.Bind(netip.AddrPortFrom(netip.Addr{}, 5000)))
		all = append(all, s)
	}
	const flows, each = 200, 3
	to := netip.AddrPortFrom(ip(bobAddr), 5000)
	for range flows {
		s := must[*Socket](t)(w.alice.Socket(inet, SOCK_DGRAM, 0))
		for range each {
			must[int](t)(s.SendTo([]byte("x"), 0, to))
		}
	}
	sum := 0
	for i, s := range all {
		heard := make(map[netip.AddrPort]int)
		for {
			_, from, err := s.RecvFrom(make([]byte, 10), 0)
			if err != nil {
				break
			}
			heard[from]++
		}
		for from, n := range heard {
			if n != each {
				t.Errorf("socket %d heard %d datagrams of %v, want all %d or none", i, n, from, each)
			}
		}
		if len(heard) < flows/8 || len(heard) > flows/2 {
			t.Errorf("socket %d of 4 got %d of %d flows, want about a quarter", i, len(heard), flows)
		}
		sum += len(heard)
	}
	if sum != flows {
		t.Errorf("the sockets heard of %d flows, want %d", sum, flows)
	}
	if *overIPv6 {
		return // IPv6 has no broadcasts
	}
	b := must[*Socket](t)(w.alice.Socket(inet, SOCK_DGRAM, 0))
	check(t, "SO_BINDTODEVICE", b.SetSockOptDevice("eth0")) // no route leads there
	check(t, "SO_BROADCAST", b.SetSockOpt(SOL_SOCKET, SO_BROADCAST, 1))
	must[int](t)(b.SendTo([]byte("all"), 0, netip.MustParseAddrPort("255.255.255.255:5000")))
	for i, s := range all {
		if n, _, err := s.RecvFrom(make([]byte, 10), 0); n != 3 || err != nil {
			t.Errorf("socket %d: a broadcast of 3 bytes gives %d, %v: each sharer gets a copy", i, n, err)
		}
	}
}

// Packet sockets have no options of IP, nor have raw ones of IPv6 those of IPv4: a group
// that one could join nobody would leave.
func TestNoOptionsOfAnotherLevel(t *testing.T) {
	w := virtualWorld(t, 1, physical.Impairment{})
	for name, s := range map[string]*Socket{
		"packet":   must[*Socket](t)(w.alice.Socket(AF_PACKET, SOCK_RAW, ethAll)),
		"raw IPv6": must[*Socket](t)(w.alice.Socket(AF_INET6, SOCK_RAW, 200)),
	} {
		group := netip.MustParseAddr("224.1.1.1")
		mreqn := append(append(group.AsSlice(), 0, 0, 0, 0), binary.NativeEndian.AppendUint32(nil, 2)...)
		_, getting := s.GetSockOptBytes(SOL_IP, IP_MULTICAST_IF, make([]byte, 4))
		for call, err := range map[string]error{
			"join":                s.SetSockOptBytes(SOL_IP, IP_ADD_MEMBERSHIP, mreqn),
			"join by a request":   s.SetSockOptGroup(SOL_IP, IP_ADD_MEMBERSHIP, GroupRequest{Group: group, Interface: 2}),
			"get IP_MULTICAST_IF": getting,
			"set IP_RECVTTL":      s.SetSockOpt(SOL_IP, IP_RECVTTL, 1),
		} {
			if err != syscall.ENOPROTOOPT {
				t.Errorf("%s: %s: %v, Linux says ENOPROTOOPT", name, call, err)
			}
		}
	}
}
