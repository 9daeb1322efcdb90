package socket_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"septet/host"
	"septet/physical"
	. "septet/socket"
)

// Addresses of bob, and beside them those that nobody has.
var (
	bob4, bob6       = netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("2001:db8::2")
	nobody4, nobody6 = netip.MustParseAddr("10.0.0.77"), netip.MustParseAddr("2001:db8::77")
)

// dualWorld is a virtual world whose hosts speak both families, with 10 ms of delay.
func dualWorld(t *testing.T) *world {
	w := virtualWorld(t, 1, physical.Impairment{Delay: 10 * time.Millisecond})
	w.loop.Lock()
	defer w.loop.Unlock()
	others := []string{"2001:db8::1/96", "2001:db8::2/96"}
	if *overIPv6 {
		others = []string{"10.0.0.1/24", "10.0.0.2/24"}
	}
	for i, h := range []*host.Host{w.alice, w.bob} {
		if err := h.Network.Interfaces()[1].AddAddress(netip.MustParsePrefix(others[i])); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// names makes names of alice's of addresses, in this order.
func (w *world) names(name string, addrs ...netip.Addr) {
	for _, a := range addrs {
		w.alice.Hosts.Add(name, a)
	}
}

// TestHappyEyeballs: of a name's two families the first has 300 ms, or as long as it does
// not fail, before the other is tried beside it; who is first wins, and of the loser
// nothing is left (RFC 8305).
func TestHappyEyeballs(t *testing.T) {
	for _, test := range []struct {
		name        string
		addrs       []netip.Addr
		port        string
		delay       time.Duration
		peer        netip.Addr // who is connected to, not valid for nobody
		least, most time.Duration
	}{
		{"both work", []netip.Addr{bob6, bob4}, "80", 0, bob6, 20 * time.Millisecond, 100 * time.Millisecond},
		{"the first family is silent", []netip.Addr{nobody6, bob4}, "80", 0, bob4, 320 * time.Millisecond, 360 * time.Millisecond},
		{"a shorter delay", []netip.Addr{nobody6, bob4}, "80", 50 * time.Millisecond, bob4, 70 * time.Millisecond, 110 * time.Millisecond},
		{"no fallback: neighbour discovery ends after 3 s", []netip.Addr{nobody6, bob4}, "80", -1, bob4, 3 * time.Second, 4 * time.Second},
		{"the first family refuses", []netip.Addr{bob6, bob4}, "81", 0, bob4, 40 * time.Millisecond, 120 * time.Millisecond},
		{"both refuse", []netip.Addr{bob6, bob4}, "82", 0, netip.Addr{}, 40 * time.Millisecond, 120 * time.Millisecond},
		{"two of the first family", []netip.Addr{nobody6, bob6, bob4}, "80", -1, bob6, 3 * time.Second, 4 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := dualWorld(t)
			w.names("both", test.addrs...)
			must[net.Listener](t)(w.bob.Listen("tcp", ":80"))
			must[net.Listener](t)(w.bob.Listen("tcp4", ":81"))
			var c net.Conn
			var err error
			var took time.Duration
			w.run(t, map[string]func(){"client": func() {
				begin := w.loop.Now()
				d := Dialer{Stack: w.alice.Sockets, FallbackDelay: test.delay}
				c, err = d.Dial("tcp", "both:"+test.port)
				took = w.loop.Now().Sub(begin)
			}})
			if took < test.least || took > test.most {
				t.Errorf("the dial took %v, want %v to %v", took, test.least, test.most)
			}
			open := 0
			if test.peer.IsValid() {
				open = 1
				if err != nil {
					t.Fatal(err)
				}
				if got := c.RemoteAddr().(*net.TCPAddr).AddrPort().Addr(); got != test.peer {
					t.Errorf("connected to %v, want %v", got, test.peer)
				}
			} else if !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("the dial returned %v, want ECONNREFUSED", err)
			}
			if n := w.alice.Sockets.Open(); n != open {
				t.Errorf("%d sockets are open on alice, want %d", n, open)
			}
		})
	}
}

// TestRaceIsCancelled: when the context of a race ends, both sides do.
func TestRaceIsCancelled(t *testing.T) {
	w := dualWorld(t)
	w.names("nobody", nobody6, nobody4)
	ctx, cancel := context.WithCancel(context.Background())
	var err error
	w.run(t, map[string]func(){
		"client": func() { _, err = w.alice.DialContext(ctx, "tcp", "nobody:80") },
		"other":  func() { w.loop.Sleep(time.Second); cancel() },
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the dial returned %v, want %v", err, context.Canceled)
	}
	if n := w.alice.Sockets.Open(); n != 0 {
		t.Errorf("%d sockets are open after a dial that was cancelled", n)
	}
}

// TestTimeoutIsShared: the timeout is that of the whole dial, and an address that is
// silent does not use up what those after it need.
func TestTimeoutIsShared(t *testing.T) {
	w := dualWorld(t)
	w.names("some", nobodyAt(), ip(bobAddr))
	must[net.Listener](t)(w.bob.Listen("tcp", ":80"))
	w.run(t, map[string]func(){"client": func() {
		for _, test := range []struct {
			timeout time.Duration
			err     error
			after   time.Duration
		}{
			{5 * time.Second, nil, 2500*time.Millisecond + 20*time.Millisecond}, // half of it for each of two
			{1500 * time.Millisecond, context.DeadlineExceeded, 1500 * time.Millisecond},
		} {
			w.loop.Sleep(time.Minute) // nobody remembers who did not answer
			begin := w.loop.Now()
			d := Dialer{Stack: w.alice.Sockets, Timeout: test.timeout}
			c, err := d.Dial("tcp", "some:80")
			if err == nil {
				c.Close()
			}
			if !errors.Is(err, test.err) {
				t.Errorf("a dial with a timeout of %v returned %v, want %v", test.timeout, err, test.err)
			}
			if took := w.loop.Now().Sub(begin); took < test.after || took > test.after+50*time.Millisecond {
				t.Errorf("a dial with a timeout of %v took %v, want about %v", test.timeout, took, test.after)
			}
		}
	}})
}

// TestControl: the function sees every socket before it is used, and its error is the
// call's.
func TestControl(t *testing.T) {
	w := dualWorld(t)
	var seen []string
	note := func(network, address string, s *Socket) error {
		seen = append(seen, network+" "+address)
		return s.SetSockOpt(SOL_IP, IP_TTL, 9)
	}
	lc := ListenConfig{Stack: w.bob.Sockets, Control: note, KeepAlive: 7 * time.Second}
	ln := must[net.Listener](t)(lc.Listen(context.Background(), "tcp", "10.0.0.2:80"))
	must[net.PacketConn](t)(lc.ListenPacket(context.Background(), "udp", "[2001:db8::2]:53"))
	d := Dialer{Stack: w.alice.Sockets, Control: note, KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: time.Minute}}
	w.run(t, map[string]func(){"client": func() {
		c := must[net.Conn](t)(d.Dial("tcp", "10.0.0.2:80"))
		p := must[net.Conn](t)(ln.Accept())
		for _, o := range []struct {
			what        string
			s           *Socket
			level, name int
			want        int
		}{
			{"the dialled socket's TTL", c.(*TCPConn).Socket(), SOL_IP, IP_TTL, 9},
			{"its keepalive", c.(*TCPConn).Socket(), SOL_SOCKET, SO_KEEPALIVE, 1},
			{"its idle time", c.(*TCPConn).Socket(), SOL_TCP, TCP_KEEPIDLE, 60},
			{"its interval, package net's", c.(*TCPConn).Socket(), SOL_TCP, TCP_KEEPINTVL, 15},
			{"its count, package net's", c.(*TCPConn).Socket(), SOL_TCP, TCP_KEEPCNT, 9},
			{"the accepted socket's keepalive", p.(*TCPConn).Socket(), SOL_SOCKET, SO_KEEPALIVE, 1},
			{"its interval", p.(*TCPConn).Socket(), SOL_TCP, TCP_KEEPINTVL, 7},
		} {
			if got, err := o.s.GetSockOpt(o.level, o.name); got != o.want || err != nil {
				t.Errorf("%s is %d, %v, want %d", o.what, got, err, o.want)
			}
		}
		refuse := errors.New("not this one")
		d.Control = func(string, string, *Socket) error { return refuse }
		if _, err := d.Dial("udp", "10.0.0.2:53"); !errors.Is(err, refuse) {
			t.Errorf("dial returned %v, want what Control returned", err)
		}
	}})
	want := "tcp4 10.0.0.2:80, udp6 [2001:db8::2]:53, tcp4 10.0.0.2:80"
	if got := strings.Join(seen, ", "); got != want {
		t.Errorf("Control saw\n  %s\nwant\n  %s", got, want)
	}
}

// TestCopies: io.Copy from and to a connection, and the typed calls.
func TestCopies(t *testing.T) {
	w := dualWorld(t)
	text := strings.Repeat("all of it, ", 10000)
	w.run(t, map[string]func(){
		"server": func() {
			ln := must[*TCPListener](t)(w.bob.Sockets.ListenTCP("tcp", &net.TCPAddr{Port: 80}))
			c := must[*TCPConn](t)(ln.AcceptTCP())
			n, err := io.Copy(c, c) // until the client's FIN
			if int(n) != len(text) || err != nil {
				t.Errorf("the server copied %d, %v, want %d", n, err, len(text))
			}
			c.Close()
		},
		"client": func() {
			c := must[*TCPConn](t)(w.alice.Sockets.DialTCP("tcp", nil, &net.TCPAddr{IP: bob6.AsSlice(), Port: 80}))
			w.loop.Go("writer", func() {
				n, err := c.ReadFrom(strings.NewReader(text))
				if int(n) != len(text) || err != nil {
					t.Errorf("ReadFrom = %d, %v, want %d", n, err, len(text))
				}
				check(t, "CloseWrite", c.CloseWrite())
			})
			var back strings.Builder
			if n, err := c.WriteTo(&back); int(n) != len(text) || err != nil || back.String() != text {
				t.Errorf("WriteTo = %d, %v, want %d and the same text", n, err, len(text))
			}
			c.Close()
			var op *net.OpError
			if _, err := c.ReadFrom(strings.NewReader("more")); !errors.As(err, &op) || op.Op != "readfrom" || !errors.Is(err, net.ErrClosed) {
				t.Errorf("ReadFrom on a closed connection returned %v, want a readfrom error that is net.ErrClosed", err)
			}
		},
		"other": func() {
			b := must[*UDPConn](t)(w.bob.Sockets.ListenUDP("udp", &net.UDPAddr{IP: bob4.AsSlice(), Port: 53}))
			a := must[*UDPConn](t)(w.alice.Sockets.DialUDP("udp", nil, &net.UDPAddr{IP: bob4.AsSlice(), Port: 53}))
			must[int](t)(a.Write([]byte("who")))
			buf := make([]byte, 10)
			n, from, err := b.ReadFromUDP(buf)
			if string(buf[:n]) != "who" || err != nil {
				t.Errorf("ReadFromUDP = %q, %v", buf[:n], err)
			}
			must[int](t)(b.WriteToUDP([]byte("you"), from))
			if n, err := a.Read(buf); string(buf[:n]) != "you" || err != nil {
				t.Errorf("Read = %q, %v", buf[:n], err)
			}
			if _, err := w.alice.Sockets.DialUDP("tcp", nil, &net.UDPAddr{IP: bob4.AsSlice(), Port: 53}); err == nil {
				t.Error("DialUDP of tcp returned no error")
			}
			if _, err := w.alice.Sockets.DialTCP("tcp", nil, nil); err == nil {
				t.Error("DialTCP to nowhere returned no error")
			}
		},
	})
}

// TestDialsItself: as with package net, an address without a host is the host itself,
// whatever families it speaks.
func TestDialsItself(t *testing.T) {
	w := dualWorld(t)
	defer w.loop.Close()
	ln := must[net.Listener](t)(w.alice.Listen("tcp", ":81"))
	pc := must[net.PacketConn](t)(w.alice.ListenPacket("udp", ":81"))
	defer ln.Close()
	defer pc.Close()
	for _, network := range []string{"tcp", "tcp4", "tcp6", "udp", "udp4", "udp6"} {
		for _, address := range []string{":81", "[::]:81", "0.0.0.0:81"} {
			if address != ":81" && (network[3:] == "4") == (address[0] == '[') && network[3:] != "" {
				continue // of the other family
			}
			c, err := w.alice.Dial(network, address)
			if err != nil {
				t.Errorf("%s to %s: %v", network, address, err)
				continue
			}
			to, ok := netip.ParseAddrPort(fmt.Sprint(c.RemoteAddr()))
			if ok != nil || !to.Addr().IsLoopback() || to.Port() != 81 {
				t.Errorf("%s to %s is connected to %v, must be port 81 of the host itself", network, address, c.RemoteAddr())
			}
			c.Close()
		}
	}
}
