package differential

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"

	"septet/socket"
)

// Raw and packet sockets, and sockets bound to devices, on a machine whose cable leads
// nowhere.

// rawPlay is a situation whose sockets do not block, and which writes down everything.
type rawPlay struct{ *situation }

func raw(run func(p *rawPlay)) func(*situation) {
	return func(s *situation) { run(&rawPlay{s}) }
}

func (p *rawPlay) note(call string, results ...any) {
	p.log = append(p.log, strings.TrimRight(call+": "+fmt.Sprintln(results...), "\n"))
}

// socket makes one that does not block.
func (p *rawPlay) socket(domain, kind, protocol int) socket.Descriptor {
	s, err := p.sys.Socket(domain, kind|socket.SOCK_NONBLOCK, protocol)
	if p.note(fmt.Sprintf("socket %d %d %d", domain, kind, protocol), err); err != nil {
		return nil
	}
	p.closeLater(s)
	return s
}

// link is a packet socket.
func link(s socket.Descriptor) socket.LinkDescriptor { return s.(socket.LinkDescriptor) }

func (p *rawPlay) bytes(s socket.Descriptor, level, name, room int) {
	b := make([]byte, room)
	n, err := s.GetSockOptBytes(level, name, b)
	p.note(fmt.Sprintf("getsockopt %d/%d", level, name), n, hex.EncodeToString(b[:n]), err)
}

func (p *rawPlay) set(s socket.Descriptor, level, name int, b []byte) {
	p.note(fmt.Sprintf("setsockopt %d/%d %x", level, name, b), s.SetSockOptBytes(level, name, b))
}

func (p *rawPlay) setInt(s socket.Descriptor, level, name, v int) {
	p.set(s, level, name, binary.NativeEndian.AppendUint32(nil, uint32(v)))
}

func (p *rawPlay) names(s socket.Descriptor) {
	a, err := s.GetSockName()
	b, err2 := s.GetPeerName()
	p.note("names", a, err, b, err2)
}

func (p *rawPlay) sendTo(s socket.Descriptor, b []byte, to string) {
	n, err := s.SendTo(b, 0, netip.MustParseAddrPort(to))
	p.note(fmt.Sprintf("sendto %s of %d", to, len(b)), n, err)
	p.settle()
}

// recv receives until nothing is there. What a kernel numbers itself is left out.
func (p *rawPlay) recv(name string, s socket.Descriptor) {
	for {
		b := make([]byte, 100)
		n, from, err := s.RecvFrom(b, 0)
		if n >= 20 && from.Addr().Is4() {
			b[4], b[5], b[10], b[11] = 0, 0, 0, 0 // identification and checksum
		}
		if p.note(name+" received", n, hex.EncodeToString(b[:min(n, 60)]), from, err); err != nil {
			return
		}
	}
}

var raws = []script{
	{name: "names of raw sockets", run: raw(rawNames), in: only4, lonely: true},
	{name: "raw IPv6", run: raw(rawData6), in: only4, lonely: true},
	{name: "raw datagrams in pieces", run: raw(rawPieces), in: only4, lonely: true},
	{name: "filters", run: raw(rawFilters), in: only4, lonely: true},
	{name: "headers included", run: raw(rawHeaders), in: only4, lonely: true},
	{name: "packets on lo", run: raw(packetsOnLoopback), in: only4, lonely: true},
	{name: "packets on eth0", run: raw(packetsOnEthernet), in: only4, lonely: true},
	{name: "options of packet sockets", run: raw(packetOptions), in: only4, lonely: true},
	{name: "devices", run: raw(boundDevices), in: only4, lonely: true},
}

func rawNames(p *rawPlay) {
	for _, domain := range []int{socket.AF_INET, socket.AF_INET6} {
		for _, protocol := range []int{-1, 0, 1, 6, 17, 58, 200, 255} {
			p.socket(domain, socket.SOCK_RAW, protocol)
		}
	}
	for _, a := range []string{
		"127.0.0.1:0", "127.0.0.1:7", "10.0.0.1:0", "0.0.0.0:0", "10.0.0.255:0", "10.0.0.9:5", "192.0.2.1:0",
		"[::]:0", "[::1]:0", "[::1]:7", "[fd00::1]:0", "[fd00::1]:200", "[fd00::77]:5", "[ff02::1]:0", "[2001:db8::1]:0",
	} {
		to := netip.MustParseAddrPort(a)
		domain := socket.AF_INET
		if to.Addr().Is6() {
			domain = socket.AF_INET6
		}
		s := p.socket(domain, socket.SOCK_RAW, 200)
		p.note("bind "+a, s.Bind(to))
		p.names(s)
		s = p.socket(domain, socket.SOCK_RAW, 200)
		p.note("connect "+a, s.Connect(to))
		p.names(s)
		if !to.Addr().IsMulticast() { // of which link?
			p.sendTo(p.socket(domain, socket.SOCK_RAW, 200), []byte("hello"), a)
		}
	}
}

func rawData6(p *rawPlay) {
	a := p.socket(socket.AF_INET6, socket.SOCK_RAW, 200)
	b := p.socket(socket.AF_INET6, socket.SOCK_RAW, 200)
	for _, at := range []int{-2, -1, 0, 1, 2, 3, 4, 65534, 2} {
		p.setInt(a, socket.SOL_IPV6, socket.IPV6_CHECKSUM, at)
		p.bytes(a, socket.SOL_IPV6, socket.IPV6_CHECKSUM, 4)
		p.bytes(a, socket.SOL_RAW, socket.IPV6_CHECKSUM, 4)
	}
	p.sendTo(a, []byte("\x01\x02\x03\x04\x05\x06\x07\x08"), "[::1]:0")
	p.recv("b", b)
	p.recv("a", a)
	p.sendTo(b, []byte("without a checksum"), "[::1]:0")
	p.recv("b", b)
	p.recv("a", a)
	p.sendTo(a, []byte("123"), "[::1]:0")
	p.sendTo(a, []byte("1234"), "[fd00::1]:200")
	p.sendTo(a, []byte("1234"), "[fd00::1]:201")
	p.recv("b", b)
	p.sendTo(b, nil, "[::1]:0")
	p.recv("b", b)
	p.note("bind", b.Bind(netip.MustParseAddrPort("[fd00::1]:0")))
	p.sendTo(a, []byte("1234"), "[::1]:0")
	p.recv("b, bound to another", b)
	c := p.socket(socket.AF_INET6, socket.SOCK_RAW, 58)
	for at := range 4 {
		p.setInt(c, socket.SOL_IPV6, socket.IPV6_CHECKSUM, at)
	}
	p.bytes(c, socket.SOL_IPV6, socket.IPV6_CHECKSUM, 4)
	p.sendTo(c, []byte("\x80\x00\x00\x00\x00\x01\x00\x01ping"), "[::1]:0")
	p.recv("c", c)
}

func rawFilters(p *rawPlay) {
	six := p.socket(socket.AF_INET6, socket.SOCK_RAW, 58)
	p.bytes(six, socket.SOL_ICMPV6, socket.ICMP6_FILTER, 32)
	block := make([]byte, 32)
	block[16] = 1 // type 128
	p.set(six, socket.SOL_ICMPV6, socket.ICMP6_FILTER, block)
	p.bytes(six, socket.SOL_ICMPV6, socket.ICMP6_FILTER, 40)
	p.bytes(six, socket.SOL_ICMPV6, socket.ICMP6_FILTER, 20)
	p.sendTo(six, []byte("\x80\x00\x00\x00\x00\x01\x00\x01ping"), "[::1]:0")
	p.recv("without echo requests", six)
	p.set(six, socket.SOL_ICMPV6, socket.ICMP6_FILTER, []byte("\xff\xff\xff\xff"))
	p.bytes(six, socket.SOL_ICMPV6, socket.ICMP6_FILTER, 32)
	four := p.socket(socket.AF_INET, socket.SOCK_RAW, 1)
	p.setInt(four, socket.SOL_RAW, socket.ICMP_FILTER, 1<<8)
	p.bytes(four, socket.SOL_RAW, socket.ICMP_FILTER, 4)
	p.sendTo(four, []byte("\x08\x00\xf7\xfd\x00\x01\x00\x01"), "127.0.0.1:0")
	p.recv("without echo requests", four)
	for _, s := range []socket.Descriptor{p.socket(socket.AF_INET6, socket.SOCK_RAW, 200), p.socket(socket.AF_INET, socket.SOCK_RAW, 200)} {
		p.setInt(s, socket.SOL_RAW, socket.ICMP_FILTER, 1)
		p.set(s, socket.SOL_ICMPV6, socket.ICMP6_FILTER, block)
	}
}

func rawHeaders(p *rawPlay) {
	h := p.socket(socket.AF_INET, socket.SOCK_RAW, 255)
	p.bytes(h, socket.SOL_IP, socket.IP_HDRINCL, 4)
	in := p.socket(socket.AF_INET, socket.SOCK_RAW, 200)
	header := func(first byte, total, id int, src, dst string, more int) []byte {
		b := []byte{first, 0, byte(total >> 8), byte(total), byte(id >> 8), byte(id), 0, 0, 9, 200, 0x12, 0x34}
		b = append(b, netip.MustParseAddr(src).AsSlice()...)
		b = append(b, netip.MustParseAddr(dst).AsSlice()...)
		return append(b, make([]byte, more)...)
	}
	any, lo := "0.0.0.0", "127.0.0.1"
	for _, b := range [][]byte{
		header(0x45, 0, 0, any, lo, 4), header(0x45, 9999, 0, any, lo, 4), header(0x45, 0, 77, any, lo, 4),
		header(0x45, 0, 0, "1.2.3.4", lo, 4), header(0x45, 0, 0, any, "127.0.0.9", 4),
		header(0x65, 0, 0, any, lo, 4), header(0x05, 0, 0, any, lo, 4), header(0x44, 0, 0, any, lo, 4),
		header(0x40, 0, 0, any, lo, 4), header(0x46, 0, 0, any, lo, 0), header(0x46, 0, 0, any, lo, 8),
		header(0x45, 0, 0, any, lo, 0)[:19], header(0x45, 0, 0, any, lo, 0), nil,
		header(0x45, 0, 0, any, lo, 65515), header(0x45, 0, 0, any, lo, 65516),
	} {
		p.sendTo(h, b, "127.0.0.1:0")
		p.recv("in", in)
	}
	p.sendTo(h, header(0x45, 0, 0, any, "10.0.0.2", 1480), "10.0.0.2:0")
	p.sendTo(h, header(0x45, 0, 0, any, "10.0.0.2", 1481), "10.0.0.2:0")
	p.recv("the one that only sends", h)

	h6 := p.socket(socket.AF_INET6, socket.SOCK_RAW, 255)
	in6 := p.socket(socket.AF_INET6, socket.SOCK_RAW, 200)
	p.bytes(h6, socket.SOL_IPV6, socket.IPV6_HDRINCL, 4)
	p.setInt(in6, socket.SOL_IPV6, socket.IPV6_HDRINCL, 1)
	p.bytes(in6, socket.SOL_IPV6, socket.IPV6_HDRINCL, 4)
	six := []byte{0x60, 0, 0, 0, 0, 4, 200, 9}
	six = append(six, netip.MustParseAddr("fd00::1").AsSlice()...)
	six = append(six, netip.MustParseAddr("::1").AsSlice()...)
	six = append(six, "abcd"...)
	for _, b := range [][]byte{six, six[:40], six[:39], nil} {
		p.sendTo(h6, b, "[::1]:0")
		p.recv("in", in6)
	}
	p.sendTo(h6, append(six[:40:40], make([]byte, 1460)...), "[fd00::2]:0")
	p.sendTo(h6, append(six[:40:40], make([]byte, 1461)...), "[fd00::2]:0")
}

func htons(n uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, n))
}

// frames receives until nothing is there.
func (p *rawPlay) frames(name string, s socket.Descriptor) {
	for {
		b := make([]byte, 100)
		n, from, err := link(s).RecvLink(b, 0)
		if from.Interface == 2 && from.Protocol == htons(socket.ETH_P_IPV6) {
			continue // when a host tells of its groups is its own affair
		}
		p.note(name+" saw", n, fmt.Sprintf("%d %x %d %d", from.Interface, from.Protocol, from.HardwareType, from.PacketType), err)
		if err != nil {
			return
		}
	}
}

func packetsOnLoopback(p *rawPlay) {
	all := htons(socket.ETH_P_ALL)
	// A socket with a protocol sees and counts the frames of all interfaces until it is
	// bound to one, what this machine tells its link of itself among them.
	raw, cooked := p.socket(socket.AF_PACKET, socket.SOCK_RAW, 0), p.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
	ip, none := p.socket(socket.AF_PACKET, socket.SOCK_RAW, int(htons(socket.ETH_P_IP))), p.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
	p.note("bind", link(raw).BindLink(socket.LinkAddress{Interface: 1, Protocol: all}))
	p.note("bind", link(cooked).BindLink(socket.LinkAddress{Interface: 1, Protocol: all}))
	for _, s := range []socket.Descriptor{ip, none} {
		p.note("bind", link(s).BindLink(socket.LinkAddress{Interface: 1}))
		a, err := link(s).GetSockLink()
		p.note("getsockname", a.Interface, a.Protocol, err)
	}
	u := p.socket(socket.AF_INET, socket.SOCK_DGRAM, 0)
	p.note("bind", u.Bind(netip.MustParseAddrPort("127.0.0.1:4000")))
	p.sendTo(u, []byte("hi"), "127.0.0.1:4000")
	p.sendTo(u, []byte("to nobody"), "127.0.0.1:9")
	p.sendTo(p.socket(socket.AF_INET6, socket.SOCK_RAW, 200), []byte("six"), "[::1]:0")
	p.frames("raw", raw)
	p.frames("cooked", cooked)
	p.frames("of IP", ip)
	p.frames("of nothing", none)
	for _, s := range []socket.Descriptor{raw, ip, none} {
		p.bytes(s, socket.SOL_PACKET, socket.PACKET_STATISTICS, 8)
		p.bytes(s, socket.SOL_PACKET, socket.PACKET_STATISTICS, 4)
	}
}

func packetsOnEthernet(p *rawPlay) {
	all := htons(socket.ETH_P_ALL)
	s, other := p.socket(socket.AF_PACKET, socket.SOCK_RAW, int(all)), p.socket(socket.AF_PACKET, socket.SOCK_RAW, int(all))
	cooked := p.socket(socket.AF_PACKET, socket.SOCK_DGRAM, int(all))
	n, err := link(s).SendLink(make([]byte, 60), 0, nil)
	p.note("send unbound", n, err)
	p.note("bind to none", link(s).BindLink(socket.LinkAddress{Interface: 99}))
	for _, s := range []socket.Descriptor{s, other, cooked} {
		p.note("bind", link(s).BindLink(socket.LinkAddress{Interface: 2, Protocol: all}))
	}
	frame := append([]byte("\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x01\x88\xb5"), make([]byte, 1600)...)
	for _, size := range []int{0, 1, 13, 14, 15, 60, 1514, 1515, 1518, 1519} {
		n, err := link(s).SendLink(frame[:size], 0, nil)
		p.note(fmt.Sprintf("send %d", size), n, err)
	}
	to := &socket.LinkAddress{Interface: 2, Protocol: htons(0x88b5), Addr: [6]byte{1, 0, 0x5e, 0, 0, 1}}
	for _, size := range []int{5, 1500, 1501} {
		n, err := link(cooked).SendLink(frame[:size], 0, to)
		p.note(fmt.Sprintf("send %d cooked", size), n, err)
	}
	u := p.socket(socket.AF_INET, socket.SOCK_DGRAM, 0)
	p.sendTo(u, []byte("asks for the address"), "10.0.0.2:9")
	p.frames("the sender", s)
	p.frames("another", other)
	p.frames("cooked", cooked)
}

func packetOptions(p *rawPlay) {
	s := p.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
	for _, kind := range []int{1, 4, 5} {
		p.socket(socket.AF_PACKET, kind, 0)
	}
	request := func(index, kind, length int) []byte {
		b := binary.NativeEndian.AppendUint32(nil, uint32(index))
		b = binary.NativeEndian.AppendUint16(b, uint16(kind))
		return append(binary.NativeEndian.AppendUint16(b, uint16(length)), 1, 2, 3, 4, 5, 6, 0, 0)
	}
	for _, b := range [][]byte{request(2, 1, 6), request(99, 1, 6), request(2, 9, 6), request(2, 0, 3), request(2, 0, 6), request(2, 1, 6)[:8], nil} {
		p.set(s, socket.SOL_PACKET, socket.PACKET_ADD_MEMBERSHIP, b)
	}
	for _, b := range [][]byte{request(2, 2, 6), request(2, 1, 6), request(2, 1, 6), request(99, 1, 6)} {
		p.set(s, socket.SOL_PACKET, socket.PACKET_DROP_MEMBERSHIP, b)
	}
	p.note("connect", s.Connect(netip.MustParseAddrPort("10.0.0.1:1")))
	p.note("bind", s.Bind(netip.MustParseAddrPort("10.0.0.1:1")))
}

func boundDevices(p *rawPlay) {
	s := p.socket(socket.AF_INET, socket.SOCK_DGRAM, 0)
	device := func(s socket.Descriptor, name string) {
		p.set(s, socket.SOL_SOCKET, socket.SO_BINDTODEVICE, []byte(name))
	}
	for _, name := range []string{"nope", "nope\x00", "eth0", "eth0\x00\x00junk", "aaaaaaaaaaaaaaa", "eeeeeeeeeeeeeeeeeeee", "", "lo", "\x00", "eth0"} {
		device(s, name)
		p.bytes(s, socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16)
	}
	p.bytes(s, socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 15)
	for _, name := range []string{"eth0", "lo"} {
		for _, to := range []string{"127.0.0.1", "10.0.0.1", "10.0.0.2", "192.0.2.1", "10.0.0.255", "255.255.255.255", "::1", "fd00::1", "fd00::2", "2001:db8::1"} {
			domain := socket.AF_INET
			if strings.Contains(to, ":") {
				domain = socket.AF_INET6
			}
			u := p.socket(domain, socket.SOCK_DGRAM, 0)
			device(u, name)
			p.note("connect by "+name+" "+to, u.Connect(netip.AddrPortFrom(netip.MustParseAddr(to), 9)))
			if a, err := u.GetSockName(); a.Port() != 0 {
				p.note("from", a.Addr(), err)
			}
		}
	}
	// What this host sends to itself is heard at the interface that has the address.
	at := map[string]socket.Descriptor{}
	for _, name := range []string{"eth0", "lo"} {
		at[name] = p.socket(socket.AF_INET, socket.SOCK_DGRAM, 0)
		device(at[name], name)
		p.note("bind at "+name, at[name].Bind(netip.MustParseAddrPort("0.0.0.0:5000")))
	}
	p.note("bind at all", p.socket(socket.AF_INET, socket.SOCK_DGRAM, 0).Bind(netip.MustParseAddrPort("0.0.0.0:5000")))
	from := p.socket(socket.AF_INET, socket.SOCK_DGRAM, 0)
	p.note("bind", from.Bind(netip.MustParseAddrPort("0.0.0.0:5001")))
	p.sendTo(from, []byte("x"), "10.0.0.1:5000")
	p.sendTo(from, []byte("y"), "127.0.0.1:5000")
	p.recv("eth0", at["eth0"])
	p.recv("lo", at["lo"])
}
