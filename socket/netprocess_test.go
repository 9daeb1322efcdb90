package socket_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"septet/event"
	"septet/physical"
	. "septet/socket"
)

// failing is what a call returns, of which only the error counts.
func failing[T any](_ T, err error) error { return err }

// shapeCall is a call of package net of a process that needs a privilege.
type shapeCall struct {
	name string
	call func(p *Process) error
	want error // of an ordinary process
}

func tcpAt(port int) *net.TCPAddr { return &net.TCPAddr{Port: port} }
func udpAt(port int) *net.UDPAddr { return &net.UDPAddr{Port: port} }

var shapeCalls = []shapeCall{
	{"Dial", func(p *Process) error { return failing(p.Dial("ip4:icmp", "127.0.0.1")) }, syscall.EPERM},
	{"DialContext", func(p *Process) error {
		return failing(p.DialContext(context.Background(), "ip4:icmp", "127.0.0.1"))
	}, syscall.EPERM},
	{"DialTCP", func(p *Process) error {
		return failing(p.DialTCP("tcp", tcpAt(1023), &net.TCPAddr{IP: ip(bobAddr).AsSlice(), Port: 7}))
	}, syscall.EACCES},
	{"DialUDP", func(p *Process) error {
		return failing(p.DialUDP("udp", udpAt(1023), &net.UDPAddr{IP: ip(bobAddr).AsSlice(), Port: 7}))
	}, syscall.EACCES},
	{"DialIP", func(p *Process) error {
		return failing(p.DialIP("ip4:icmp", nil, &net.IPAddr{IP: net.IPv4(127, 0, 0, 1)}))
	}, syscall.EPERM},
	{"Listen", func(p *Process) error { return failing(p.Listen("tcp", ":80")) }, syscall.EACCES},
	{"ListenPacket", func(p *Process) error { return failing(p.ListenPacket("udp", ":53")) }, syscall.EACCES},
	{"ListenTCP", func(p *Process) error { return failing(p.ListenTCP("tcp", tcpAt(81))) }, syscall.EACCES},
	{"ListenUDP", func(p *Process) error { return failing(p.ListenUDP("udp", udpAt(54))) }, syscall.EACCES},
	{"ListenIP", func(p *Process) error { return failing(p.ListenIP("ip4:icmp", nil)) }, syscall.EPERM},
	{"ListenMulticastUDP", func(p *Process) error {
		return failing(p.ListenMulticastUDP("udp4", "eth0", &net.UDPAddr{IP: net.IPv4(239, 1, 1, 1), Port: 55}))
	}, syscall.EACCES},
}

// What an ordinary process may not do by the BSD calls, it may not by any of those of
// package net, and a privileged one may. None is forgotten here.
func TestShapesNeedPrivilege(t *testing.T) {
	w := virtualWorld(t, 1, physical.Impairment{})
	if _, err := w.bob.Listen("tcp", ":7"); err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	ordinary, privileged := w.alice.Sockets.NewProcess(false), w.alice.Process()
	for _, c := range shapeCalls {
		named[c.name] = true
		if err := c.call(ordinary); !errors.Is(err, c.want) {
			t.Errorf("%s without privilege: %v, should be %v", c.name, err, c.want)
		}
		if err := c.call(privileged); err != nil {
			t.Errorf("%s with privilege: %v", c.name, err)
		}
	}
	for m := range reflect.TypeFor[*Process]().Methods() {
		if (strings.HasPrefix(m.Name, "Dial") || strings.HasPrefix(m.Name, "Listen")) && !named[m.Name] {
			t.Errorf("nothing is known of %s: may an ordinary process call it?", m.Name)
		}
	}
	if _, err := ordinary.Listen("tcp", ":1024"); err != nil {
		t.Errorf("listen on port 1024, which is anybody's: %v", err)
	}
	if n := w.alice.Sockets.Open(); n != len(shapeCalls)+1 {
		t.Errorf("%d sockets are open, the calls that succeeded have made %d", n, len(shapeCalls)+1)
	}
}

// The end of a process ends what its calls of package net have made: connections that it
// has dialled and accepted, listeners, sockets for datagrams and look-ups. What was blocked
// in one returns net.ErrClosed, and so does what comes later. Another process of the host
// notices nothing.
func TestClosedProcessEndsShapes(t *testing.T) {
	w := virtualWorld(t, 1, physical.Impairment{Delay: time.Millisecond})
	check(t, "resolv.conf", w.alice.WriteFile("/etc/resolv.conf", []byte("nameserver "+ip(bobAddr).String()+"\n")))
	must[net.PacketConn](t)(w.bob.ListenPacket("udp", ":53")) // it does not answer
	must[net.Listener](t)(w.bob.Listen("tcp", ":80"))
	p, other := w.alice.Process(), w.alice.Process()
	theirs := must[net.PacketConn](t)(other.ListenPacket("udp", ":9"))

	ln := must[*TCPListener](t)(p.ListenTCP("tcp", tcpAt(80)))
	from := must[net.Conn](t)(w.bob.Dial("tcp", aliceAddr+":80"))
	accepted := must[net.Conn](t)(ln.Accept())
	must[*TCPListener](t)(p.ListenTCP("tcp", tcpAt(81)))
	waiting := must[net.Conn](t)(w.bob.Dial("tcp", aliceAddr+":81")) // never accepted
	dialled := must[net.Conn](t)(p.Dial("tcp", bobAddr+":80"))
	packets := must[*UDPConn](t)(p.ListenUDP("udp", udpAt(5)))
	group := must[*UDPConn](t)(p.ListenMulticastUDP("udp4", "eth0", &net.UDPAddr{IP: net.IPv4(239, 1, 1, 1), Port: 6}))
	raw := must[*IPConn](t)(p.ListenIP("ip4:99", nil))
	b, absent := make([]byte, 10), netip.AddrPortFrom(ip(bobAddr).Next(), 80)
	blocked := map[string]func() error{
		"accept":                  func() error { return failing(ln.Accept()) },
		"read, accepted":          func() error { return failing(accepted.Read(b)) },
		"read, dialled":           func() error { return failing(dialled.Read(b)) },
		"read, datagrams":         func() error { return failing(packets.Read(b)) },
		"read, group":             func() error { return failing(group.Read(b)) },
		"read, raw":               func() error { return failing(raw.Read(b)) },
		"dial, nobody there":      func() error { return failing(p.Dial("tcp", absent.String())) },
		"dial, name unknown yet":  func() error { return failing(p.Dial("tcp", "www.example:80")) },
		"listen, name not known":  func() error { return failing(p.Listen("tcp", "www.example:80")) },
		"datagrams, name unknown": func() error { return failing(p.DialContext(t.Context(), "udp", "www.example:80")) },
	}
	returned := 0
	for what, call := range blocked {
		w.loop.Go(what, func() {
			err := call()
			if returned++; !errors.Is(err, net.ErrClosed) {
				t.Errorf("%s: %v when the process ended, should be net.ErrClosed", what, err)
			}
		})
	}
	lookup := error(nil)
	w.loop.Go("look-up", func() { _, lookup = p.Resolver().LookupHost(t.Context(), "www.example") })
	check(t, "sleep", w.loop.Sleep(100*time.Millisecond))
	if returned > 0 || lookup != nil {
		t.Fatalf("%d calls have returned before the process has ended, and the look-up says %v", returned, lookup)
	}
	p.Close()
	check(t, "sleep", w.loop.Sleep(0))
	if returned != len(blocked) || lookup == nil {
		t.Errorf("%d calls of %d have returned when the process has ended, and the look-up %v", returned, len(blocked), lookup)
	}
	for what, call := range blocked {
		if err := call(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: %v of a process that has ended, should be net.ErrClosed", what, err)
		}
	}
	if n := w.alice.Sockets.Open(); n != 1 {
		t.Errorf("%d sockets are open, should be the other process's only", n)
	}
	for what, c := range map[string]net.Conn{"accepted": from, "not accepted": waiting} {
		if _, err := c.Read(b); err == nil || errors.Is(err, event.ErrDeadlock) {
			t.Errorf("the peer of a connection that was %s is not told of the end: %v", what, err)
		}
	}
	check(t, "another process's socket", theirs.Close())
}

// Sockets of the net shapes are descriptors (RLIMIT_NOFILE counts them): without one left
// a call fails with EMFILE, and a connection waits until it can be accepted. What is closed,
// or could not be opened after all, gives its descriptor back.
func TestShapesCountAsFiles(t *testing.T) {
	w := virtualWorld(t, 1, physical.Impairment{})
	p := w.bob.Process()
	p.SetFileLimit(5) // three are the standard ones
	ln := must[net.Listener](t)(p.Listen("tcp", ":80"))
	for range 9 {
		if _, err := p.Listen("tcp", ":80"); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("listen on a port in use: %v, should be EADDRINUSE", err)
		}
		if _, err := p.Dial("tcp", aliceAddr+":9"); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("dial where nobody listens: %v, should be ECONNREFUSED", err)
		}
	}
	last := must[net.PacketConn](t)(p.ListenPacket("udp", ":7"))
	if _, err := p.Dial("tcp", aliceAddr+":9"); !errors.Is(err, syscall.EMFILE) {
		t.Errorf("dial: %v, but all five descriptors are in use", err)
	}
	if _, err := p.Socket(AF_INET, SOCK_DGRAM, 0); err != syscall.EMFILE {
		t.Errorf("socket: %v, but all five descriptors are in use", err)
	}
	c := must[net.Conn](t)(w.alice.Dial("tcp", bobAddr+":80"))
	if _, err := ln.Accept(); !errors.Is(err, syscall.EMFILE) {
		t.Errorf("accept: %v, but all five descriptors are in use", err)
	}
	check(t, "close", last.Close())
	a := must[net.Conn](t)(ln.Accept())
	if a.RemoteAddr().String() != c.LocalAddr().String() {
		t.Errorf("accept: a connection of %v, should be the one that waited, of %v", a.RemoteAddr(), c.LocalAddr())
	}
	check(t, "close", a.Close())
	if d, err := p.Socket(AF_INET, SOCK_DGRAM, 0); err != nil || d.FD() != 4 {
		t.Errorf("a socket after the close of the connection: %v, should be descriptor 4", err)
	}
}
