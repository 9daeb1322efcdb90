package socket_test

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"septet/header"
	"septet/physical"
	. "septet/socket"
)

// TestUDPEcho: a PacketConn answers a connected socket, which is a net.Conn and
// a net.PacketConn at once.
func TestUDPEcho(t *testing.T) {
	w := virtualWorld(t, 1, physical.Impairment{Delay: time.Millisecond})
	w.run(t, map[string]func(){
		"server": func() {
			pc := must[net.PacketConn](t)(w.bob.ListenPacket("udp", ":7"))
			b := make([]byte, 1500)
			n, from, err := pc.ReadFrom(b)
			check(t, "ReadFrom", err)
			if a, ok := from.(*net.UDPAddr); !ok || a.IP.String() != ip(aliceAddr).String() {
				t.Errorf("the sender is %v (%T), want alice as *net.UDPAddr", from, from)
			}
			must[int](t)(pc.WriteTo(b[:n], from))
			check(t, "close", pc.Close())
		},
		"client": func() {
			w.loop.Sleep(time.Millisecond)
			c := must[net.Conn](t)(w.alice.Dial("udp", "bob:echo"))
			if _, ok := c.(net.PacketConn); !ok {
				t.Errorf("%T is no net.PacketConn", c)
			}
			must[int](t)(c.Write([]byte("hello")))
			b := make([]byte, 1500)
			n := must[int](t)(c.Read(b))
			if string(b[:n]) != "hello" {
				t.Errorf("the echo is %q", b[:n])
			}
			if c.RemoteAddr().String() != bobAddr+":7" {
				t.Errorf("the peer is %v, want bob's echo", c.RemoteAddr())
			}
			check(t, "close", c.Close())
		},
	})
}

// TestUDPRefused: the ICMP error of a closed port on another host is the next
// call's.
func TestUDPRefused(t *testing.T) {
	w := virtualWorld(t, 1, physical.Impairment{Delay: time.Millisecond})
	c := must[net.Conn](t)(w.alice.Dial("udp", bobAddr+":9"))
	must[int](t)(c.Write([]byte("anybody?")))
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("read returned %v, want ECONNREFUSED", err)
	}
	check(t, "close", c.Close())
}

// TestBroadcast: SO_BROADCAST is asked for by the BSD calls and on in the net
// shapes; a broadcast reaches the other host.
func TestBroadcast(t *testing.T) {
	needsIPv4(t, "broadcasts")
	w := virtualWorld(t, 1, physical.Impairment{Delay: time.Millisecond})
	everyone := netip.MustParseAddrPort("10.0.0.255:9999")
	hears := must[net.PacketConn](t)(w.bob.ListenPacket("udp", ":9999"))
	s := must[*Socket](t)(w.alice.Socket(inet, SOCK_DGRAM, 0))
	if _, err := s.SendTo([]byte("x"), 0, everyone); err != syscall.EACCES {
		t.Errorf("a broadcast without SO_BROADCAST: %v, want EACCES", err)
	}
	check(t, "SO_BROADCAST", s.SetSockOpt(SOL_SOCKET, SO_BROADCAST, 1))
	must[int](t)(s.SendTo([]byte("to all"), 0, everyone))
	b := make([]byte, 10)
	if n, from, err := hears.ReadFrom(b); string(b[:n]) != "to all" || err != nil {
		t.Errorf("bob read %q from %v, %v", b[:n], from, err)
	}
	pc := must[net.PacketConn](t)(w.alice.ListenPacket("udp", ":0"))
	must[int](t)(pc.WriteTo([]byte("again"), net.UDPAddrFromAddrPort(everyone)))
	if n, _, err := hears.ReadFrom(b); string(b[:n]) != "again" || err != nil {
		t.Errorf("bob read %q, %v", b[:n], err)
	}
}

// echoRequest is an ICMP echo request with 4 bytes of payload.
func echoRequest(id, seq uint16) []byte {
	b := make([]byte, header.ICMPLen+4)
	h := header.ICMP{Type: header.ICMPEchoRequest, Rest: uint32(id)<<16 | uint32(seq)}
	h.Put(b)
	copy(b[header.ICMPLen:], "ping")
	header.SetICMPChecksum(b)
	return b
}

// TestRawICMP: ping made by hand, on a raw socket, which sees the IP header, and
// on an "ip4:icmp" connection, which does not.
func TestRawICMP(t *testing.T) {
	needsIPv4(t, "its header is received")
	w := virtualWorld(t, 1, physical.Impairment{Delay: time.Millisecond})
	s := must[*Socket](t)(w.alice.Socket(AF_INET, SOCK_RAW, IPPROTO_ICMP))
	check(t, "IP_TTL", s.SetSockOpt(SOL_IP, IP_TTL, 9))
	bob := netip.MustParseAddrPort(bobAddr + ":0")
	must[int](t)(s.SendTo(echoRequest(7, 1), 0, bob))
	b := make([]byte, 100)
	n, from, err := s.RecvFrom(b, 0)
	check(t, "recvfrom", err)
	ip, payload, err := header.ParseIPv4(b[:n])
	if err != nil || ip.Src.String() != bobAddr || from.Addr() != ip.Src {
		t.Fatalf("received %x from %v (%v), want an IP packet of bob's", b[:n], from, err)
	}
	icmp, data, err := header.ParseICMP(payload)
	if err != nil || icmp.Type != header.ICMPEchoReply || icmp.ID() != 7 || string(data) != "ping" {
		t.Errorf("received ICMP %+v %q, %v; want the reply to ours", icmp, data, err)
	}
	check(t, "close", s.Close())

	c := must[net.Conn](t)(w.alice.Dial("ip4:icmp", "bob"))
	must[int](t)(c.Write(echoRequest(8, 1)))
	n = must[int](t)(c.Read(b))
	if icmp, _, err := header.ParseICMP(b[:n]); err != nil || icmp.ID() != 8 || n != 12 {
		t.Errorf("the connection read %x, %v; want the ICMP message alone", b[:n], err)
	}
	check(t, "close", c.Close())
}

// TestHeaderIncluded: with IP_HDRINCL the caller's header goes out as it is.
func TestHeaderIncluded(t *testing.T) {
	needsIPv4(t, "IP_HDRINCL")
	w := virtualWorld(t, 1, physical.Impairment{Delay: time.Millisecond})
	in := must[net.PacketConn](t)(w.bob.ListenPacket("ip4:200", ""))
	s := must[*Socket](t)(w.alice.Socket(AF_INET, SOCK_RAW, IPPROTO_RAW))
	h := header.IPv4{
		TotalLength: 23, ID: 77, TTL: 3, Protocol: 200,
		Src: netip.MustParseAddr("10.0.0.77"), Dst: ip(bobAddr),
	}
	p := make([]byte, 23)
	h.Put(p)
	copy(p[20:], "abc")
	must[int](t)(s.SendTo(p, 0, netip.MustParseAddrPort(bobAddr+":0")))
	b := make([]byte, 100)
	n, from, err := in.ReadFrom(b)
	if err != nil || string(b[:n]) != "abc" || from.String() != "10.0.0.77" {
		t.Errorf("bob read %q from %v, %v; want abc from the address in the header", b[:n], from, err)
	}
	if _, _, err := s.RecvFrom(nil, MSG_DONTWAIT); err == nil {
		t.Error("an IPPROTO_RAW socket, which is for sending only, received something")
	}
}

// TestLargeDatagram: 65507 bytes cross a wire of MTU 1500 in fragments.
func TestLargeDatagram(t *testing.T) {
	w := virtualWorld(t, 1, physical.Impairment{Delay: time.Millisecond})
	pc := must[net.PacketConn](t)(w.bob.ListenPacket("udp", ":9"))
	c := must[net.Conn](t)(w.alice.Dial("udp", bobAddr+":9"))
	sent := bytes.Repeat([]byte("septet "), 65507/7+1)[:65507]
	if _, err := c.Write([]byte("find the neighbour first")); err != nil {
		t.Error(err)
	}
	b := make([]byte, 70000)
	pc.ReadFrom(b)
	must[int](t)(c.Write(sent))
	n, _, err := pc.ReadFrom(b)
	if err != nil || !bytes.Equal(b[:n], sent) {
		t.Errorf("read %d bytes, %v; want the 65507 that were sent", n, err)
	}
}

// TestNoPortLeft: a host has 28,232 ephemeral ports. When all are taken a send
// that needs one fails at once, as on Linux, and does not block.
func TestNoPortLeft(t *testing.T) {
	if testing.Short() {
		notUnderRace(t)
	}
	w := virtualWorld(t, 1, physical.Impairment{})
	for range 60999 - 32768 + 1 {
		s := must[*Socket](t)(w.alice.Socket(inet, SOCK_DGRAM, 0))
		check(t, "bind", s.Bind(netip.AddrPort{}))
	}
	s := must[*Socket](t)(w.alice.Socket(inet, SOCK_DGRAM, 0))
	if err := s.Bind(netip.AddrPort{}); err != syscall.EADDRINUSE {
		t.Errorf("bind without a free port: %v, want EADDRINUSE", err)
	}
	if _, err := s.SendTo([]byte("x"), 0, netip.MustParseAddrPort(bobAddr+":9")); err != syscall.EAGAIN {
		t.Errorf("send without a free port: %v, want EAGAIN", err)
	}
}

// After SHUT_WR Linux refuses what has its header, though it still sends what has none.
func TestRawSendAfterShutdown(t *testing.T) {
	w := virtualWorld(t, 1, physical.Impairment{})
	s := must[*Socket](t)(w.alice.Socket(AF_INET, SOCK_RAW, 200))
	check(t, "connect", s.Connect(netip.MustParseAddrPort("127.0.0.1:0")))
	check(t, "shutdown", s.Shutdown(SHUT_WR))
	h := make([]byte, 20)
	h[0] = 0x45
	must[int](t)(s.Send(h, 0))
	check(t, "IP_HDRINCL", s.SetSockOpt(SOL_IP, IP_HDRINCL, 1))
	if _, err := s.Send(h, 0); err != syscall.EPIPE {
		t.Errorf("send with IP_HDRINCL after SHUT_WR: %v, Linux says EPIPE", err)
	}
}
