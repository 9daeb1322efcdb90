package socket_test

import (
	"net/netip"
	"testing"
	"time"

	"septet/physical"
	. "septet/socket"
)

// TestHeritage: an accepted socket has the settings that its listener had when the
// connection came, not those that it has got since.
func TestHeritage(t *testing.T) {
	const delay = 10 * time.Millisecond
	w := virtualWorld(t, 1, physical.Impairment{Delay: delay})
	set := func(l *Socket, n int) {
		check(t, "SO_BROADCAST", l.SetSockOpt(SOL_SOCKET, SO_BROADCAST, n&1))
		check(t, "SO_RCVLOWAT", l.SetSockOpt(SOL_SOCKET, SO_RCVLOWAT, n))
		check(t, "IP_TTL", l.SetSockOpt(SOL_IP, IP_TTL, 60+n))
		check(t, "SO_LINGER", l.SetSockOptLinger(Linger{On: true, Time: time.Duration(n) * time.Second}))
		check(t, "SO_RCVTIMEO", l.SetSockOptTimeout(SO_RCVTIMEO, time.Duration(n)*time.Minute))
	}
	expect := func(l *Socket, n int) {
		c, _, err := l.Accept()
		check(t, "accept", err)
		for _, o := range []struct {
			name                string
			level, option, want int
		}{
			{"SO_BROADCAST", SOL_SOCKET, SO_BROADCAST, n & 1},
			{"SO_RCVLOWAT", SOL_SOCKET, SO_RCVLOWAT, max(n, 1)},
			{"IP_TTL", SOL_IP, IP_TTL, 60 + max(n, 4)}, // 64 if nobody has set it
		} {
			if got := must[int](t)(c.GetSockOpt(o.level, o.option)); got != o.want {
				t.Errorf("%s of a connection that came at setting %d is %d, want %d", o.name, n, got, o.want)
			}
		}
		if got, want := must[Linger](t)(c.GetSockOptLinger()), (Linger{On: n > 0, Time: time.Duration(n) * time.Second}); got != want {
			t.Errorf("SO_LINGER of a connection that came at setting %d is %v, want %v", n, got, want)
		}
		if got, want := must[time.Duration](t)(c.GetSockOptTimeout(SO_RCVTIMEO)), time.Duration(n)*time.Minute; got != want {
			t.Errorf("SO_RCVTIMEO of a connection that came at setting %d is %v, want %v", n, got, want)
		}
	}
	bob := netip.MustParseAddrPort(bobAddr + ":80")
	connect := func() {
		s := must[*Socket](t)(w.alice.Socket(inet, SOCK_STREAM, 0))
		check(t, "connect", s.Connect(bob))
		w.loop.Sleep(10 * delay) // the last ACK
	}
	w.run(t, map[string]func(){"both": func() {
		l := must[*Socket](t)(w.bob.Socket(inet, SOCK_STREAM, 0))
		check(t, "bind", l.Bind(netip.AddrPortFrom(netip.Addr{}, 80)))
		check(t, "listen", l.Listen(5))
		connect()
		for _, n := range []int{5, 8} {
			set(l, n)
			connect()
			connect()
		}
		set(l, 9)
		for _, n := range []int{0, 5, 5, 8, 8} {
			expect(l, n)
		}
	}})
}
