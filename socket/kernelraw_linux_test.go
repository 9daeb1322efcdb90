package socket_test

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"septet/event"
	"septet/host"
	"septet/packet"
	"septet/physical"
	"septet/socket"
)

// Raw and packet sockets, and sockets bound to devices, compared with the kernel in a
// network namespace of its own: both machines have "lo" and "eth0", whose cable leads
// nowhere, with 10.0.0.1/24 and fd00::1/64. The kernel needs root for it.

// sock is what the scripts need of a socket.
type sock interface {
	Bind(netip.AddrPort) error
	Connect(netip.AddrPort) error
	SendTo([]byte, int, netip.AddrPort) (int, error)
	RecvFrom([]byte, int) (int, netip.AddrPort, error)
	GetSockOptBytes(level, name int, b []byte) (int, error)
	SetSockOptBytes(level, name int, b []byte) error
	GetSockName() (netip.AddrPort, error)
	GetPeerName() (netip.AddrPort, error)
	BindLink(socket.LinkAddress) error
	SendLink([]byte, int, *socket.LinkAddress) (int, error)
	RecvLink([]byte, int) (int, socket.LinkAddress, error)
	Close() error
}

// kernelSock is a socket of the kernel.
type kernelSock struct {
	kernelBinder
}

func (k kernelSock) Connect(a netip.AddrPort) error { return k.kernelBinder.Connect(a) }

func (k kernelSock) SendTo(b []byte, flags int, to netip.AddrPort) (int, error) {
	var sa syscall.Sockaddr
	if to.IsValid() {
		sa = inetSockaddr(to)
	}
	return syscall.SendmsgN(k.fd, b, nil, sa, flags)
}

func (k kernelSock) RecvFrom(b []byte, flags int) (int, netip.AddrPort, error) {
	n, sa, err := syscall.Recvfrom(k.fd, b, flags)
	switch a := sa.(type) {
	case *syscall.SockaddrInet4:
		return n, netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port)), err
	case *syscall.SockaddrInet6:
		return n, netip.AddrPortFrom(netip.AddrFrom16(a.Addr), uint16(a.Port)), err
	}
	return max(n, 0), netip.AddrPort{}, err
}

func (k kernelSock) GetPeerName() (netip.AddrPort, error) {
	switch a, err := syscall.Getpeername(k.fd); a := a.(type) {
	case *syscall.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port)), err
	case *syscall.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr), uint16(a.Port)), err
	default:
		return netip.AddrPort{}, err
	}
}

func (k kernelSock) GetSockOptBytes(level, name int, b []byte) (int, error) {
	n := uint32(len(b))
	_, _, e := syscall.Syscall6(syscall.SYS_GETSOCKOPT, uintptr(k.fd), uintptr(level), uintptr(name),
		uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(unsafe.Pointer(&n)), 0)
	if e != 0 {
		return 0, e
	}
	return int(n), nil
}

func (k kernelSock) SetSockOptBytes(level, name int, b []byte) error {
	return syscall.SetsockoptString(k.fd, level, name, string(b))
}

func linkSockaddr(a socket.LinkAddress) *syscall.SockaddrLinklayer {
	s := &syscall.SockaddrLinklayer{Protocol: a.Protocol, Ifindex: a.Interface, Halen: 6}
	copy(s.Addr[:], a.Addr[:])
	return s
}

func (k kernelSock) BindLink(a socket.LinkAddress) error { return syscall.Bind(k.fd, linkSockaddr(a)) }

func (k kernelSock) SendLink(b []byte, flags int, to *socket.LinkAddress) (int, error) {
	if to == nil {
		return syscall.SendmsgN(k.fd, b, nil, nil, flags)
	}
	return syscall.SendmsgN(k.fd, b, nil, linkSockaddr(*to), flags)
}

func (k kernelSock) RecvLink(b []byte, flags int) (int, socket.LinkAddress, error) {
	n, sa, err := syscall.Recvfrom(k.fd, b, flags)
	a, ok := sa.(*syscall.SockaddrLinklayer)
	if err != nil || !ok {
		return 0, socket.LinkAddress{}, err
	}
	from := socket.LinkAddress{Protocol: a.Protocol, Interface: a.Ifindex, HardwareType: a.Hatype, PacketType: a.Pkttype}
	copy(from.Addr[:], a.Addr[:6])
	return n, from, nil
}

// rawPlay writes down what the calls of a script answer.
type rawPlay struct {
	t    *testing.T
	make func(domain, kind, protocol int) (sock, error)
	log  []string
	open []sock
}

func (p *rawPlay) note(call string, results ...any) {
	p.log = append(p.log, strings.TrimRight(call+": "+fmt.Sprintln(results...), "\n"))
}

// socket makes one that does not block.
func (p *rawPlay) socket(domain, kind, protocol int) sock {
	s, err := p.make(domain, kind|socket.SOCK_NONBLOCK, protocol)
	if p.note(fmt.Sprintf("socket %d %d %d", domain, kind, protocol), err); err != nil {
		return nil
	}
	p.open = append(p.open, s)
	return s
}

func (p *rawPlay) bytes(s sock, level, name, room int) {
	b := make([]byte, room)
	n, err := s.GetSockOptBytes(level, name, b)
	p.note(fmt.Sprintf("getsockopt %d/%d", level, name), n, hex.EncodeToString(b[:n]), err)
}

func (p *rawPlay) set(s sock, level, name int, b []byte) {
	p.note(fmt.Sprintf("setsockopt %d/%d %x", level, name, b), s.SetSockOptBytes(level, name, b))
}

func (p *rawPlay) setInt(s sock, level, name, v int) {
	p.set(s, level, name, binary.NativeEndian.AppendUint32(nil, uint32(v)))
}

func (p *rawPlay) names(s sock) {
	a, err := s.GetSockName()
	b, err2 := s.GetPeerName()
	p.note("names", a, err, b, err2)
}

func (p *rawPlay) sendTo(s sock, b []byte, to string) {
	n, err := s.SendTo(b, 0, netip.MustParseAddrPort(to))
	p.note(fmt.Sprintf("sendto %s of %d", to, len(b)), n, err)
	time.Sleep(2 * time.Millisecond)
}

// recv receives until nothing is there. What a kernel numbers itself is left out.
func (p *rawPlay) recv(name string, s sock) {
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

var rawScripts = []struct {
	name string
	run  func(p *rawPlay)
}{
	{"names of raw sockets", rawNames},
	{"raw IPv6", rawData6},
	{"filters", rawFilters},
	{"headers included", rawHeaders},
	{"packets on lo", packetsOnLoopback},
	{"packets on eth0", packetsOnEthernet},
	{"options of packet sockets", packetOptions},
	{"devices", boundDevices},
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
	for _, s := range []sock{p.socket(socket.AF_INET6, socket.SOCK_RAW, 200), p.socket(socket.AF_INET, socket.SOCK_RAW, 200)} {
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
func (p *rawPlay) frames(name string, s sock) {
	for {
		b := make([]byte, 100)
		n, from, err := s.RecvLink(b, 0)
		if from.Interface != 1 && from.Protocol == htons(socket.ETH_P_IPV6) {
			continue // when a host tells of its groups is its own affair
		}
		p.note(name+" saw", n, fmt.Sprintf("%d %x %d %d", from.Interface, from.Protocol, from.HardwareType, from.PacketType), err)
		if err != nil {
			return
		}
	}
}

func packetsOnLoopback(p *rawPlay) {
	all := int(htons(socket.ETH_P_ALL))
	raw, cooked := p.socket(socket.AF_PACKET, socket.SOCK_RAW, all), p.socket(socket.AF_PACKET, socket.SOCK_DGRAM, all)
	ip, none := p.socket(socket.AF_PACKET, socket.SOCK_RAW, int(htons(socket.ETH_P_IP))), p.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
	for _, s := range []sock{raw, cooked, ip, none} {
		p.note("bind", s.BindLink(socket.LinkAddress{Interface: 1}))
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
	for _, s := range []sock{raw, ip, none} {
		p.bytes(s, socket.SOL_PACKET, socket.PACKET_STATISTICS, 8)
		p.bytes(s, socket.SOL_PACKET, socket.PACKET_STATISTICS, 4)
	}
}

func packetsOnEthernet(p *rawPlay) {
	all := htons(socket.ETH_P_ALL)
	s, other := p.socket(socket.AF_PACKET, socket.SOCK_RAW, int(all)), p.socket(socket.AF_PACKET, socket.SOCK_RAW, int(all))
	cooked := p.socket(socket.AF_PACKET, socket.SOCK_DGRAM, int(all))
	n, err := s.SendLink(make([]byte, 60), 0, nil)
	p.note("send unbound", n, err)
	p.note("bind to none", s.BindLink(socket.LinkAddress{Interface: 99}))
	for _, s := range []sock{s, other, cooked} {
		p.note("bind", s.BindLink(socket.LinkAddress{Interface: 2, Protocol: all}))
	}
	frame := append([]byte("\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x01\x88\xb5"), make([]byte, 1600)...)
	for _, size := range []int{0, 1, 13, 14, 15, 60, 1514, 1515, 1518, 1519} {
		n, err := s.SendLink(frame[:size], 0, nil)
		p.note(fmt.Sprintf("send %d", size), n, err)
	}
	to := &socket.LinkAddress{Interface: 2, Protocol: htons(0x88b5), Addr: [6]byte{1, 0, 0x5e, 0, 0, 1}}
	for _, size := range []int{5, 1500, 1501} {
		n, err := cooked.SendLink(frame[:size], 0, to)
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
	device := func(s sock, name string) { p.set(s, socket.SOL_SOCKET, socket.SO_BINDTODEVICE, []byte(name)) }
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
	at := map[string]sock{}
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

func TestRawSocketsLikeTheKernel(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("the kernel's raw sockets need root")
	}
	for _, sc := range rawScripts {
		t.Run(sc.name, func(t *testing.T) {
			got, want := playOurs(t, sc.run), playKernel(t, sc.run)
			different := 0
			for i := range max(len(got), len(want)) {
				if g, k := lineOf(got, i), lineOf(want, i); g != k {
					if different++; different < 12 {
						t.Errorf("call %d differs from Linux\n  got  %s\n  want %s", i+1, g, k)
					}
				}
			}
			t.Logf("%d answers, %d differ", len(want), different)
		})
	}
}

func lineOf(log []string, i int) string {
	if i < len(log) {
		return log[i]
	}
	return "nothing"
}

func (p *rawPlay) play(script func(*rawPlay)) []string {
	script(p)
	for _, s := range p.open {
		s.Close()
	}
	return p.log
}

func playOurs(t *testing.T, script func(*rawPlay)) []string {
	l := event.NewReal(1)
	defer l.Close()
	pool := new(packet.Pool)
	h := host.New(l, pool, "alice")
	defer h.Close()
	l.Lock()
	w := physical.NewWire(l, pool, 1500, physical.Impairment{}, physical.Impairment{}) // Unjudged: nobody is there
	l.Unlock()
	i, err := h.Attach("eth0", w.A(), netip.MustParsePrefix("10.0.0.1/24"))
	if err == nil {
		l.Lock()
		err = i.AddAddress(netip.MustParsePrefix("fd00::1/64"))
		l.Unlock()
	}
	if err != nil {
		t.Fatal(err)
	}
	return (&rawPlay{t: t, make: func(domain, kind, protocol int) (sock, error) {
		s, err := h.Socket(domain, kind, protocol)
		return s, err
	}}).play(script)
}

func playKernel(t *testing.T, script func(*rawPlay)) (log []string) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with its namespace
		if err := syscall.Unshare(syscall.CLONE_NEWNET); err != nil {
			t.Logf("no network namespace: %v", err)
			return
		}
		setUp := "set -e; ip link set lo up; ip link add eth0 index 2 type veth peer name far index 3; ip addr add 10.0.0.1/24 dev eth0;" +
			"ip -6 addr add fd00::1/64 dev eth0 nodad; sysctl -qw net.ipv6.conf.eth0.router_solicitations=0 net.ipv6.conf.far.disable_ipv6=1 " +
			"net.ipv6.conf.eth0.addr_gen_mode=1 net.ipv6.conf.eth0.accept_dad=0;" +
			"ip link set eth0 up; ip link set far up; sleep 0.3"
		if out, err := exec.Command("sh", "-c", setUp).CombinedOutput(); err != nil {
			t.Logf("setting up the namespace: %v: %s", err, out)
			return
		}
		log = (&rawPlay{t: t, make: func(domain, kind, protocol int) (sock, error) {
			fd, err := syscall.Socket(domain, kind, protocol)
			return kernelSock{kernelBinder{fd}}, err
		}}).play(script)
	}()
	<-done
	if log == nil {
		t.Skip("the kernel could not be asked")
	}
	return log
}
