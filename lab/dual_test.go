package lab

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

	"septet/event"
	"septet/lab/file"
)

// run runs a script that must succeed, and returns what it has said.
func run(t *testing.T, about *file.Lab) string {
	t.Helper()
	var said reports
	inBubble(t, about, func(b *Lab) {
		if err := b.RunScript(said.add); err != nil {
			t.Errorf("%s: %v", about.File, err)
		}
	})
	return said.String()
}

func says(t *testing.T, text string, wanted ...string) {
	t.Helper()
	for _, w := range wanted {
		if !strings.Contains(text, w) {
			t.Errorf("the script should say %q; it said:\n%s", w, text)
		}
	}
}

func TestDualStackLab(t *testing.T) {
	says(t, run(t, read(t, "../labs/dualstack.yaml")),
		"pc pings www (10.0.2.80): 2 sent, 2 received", "pc pings www (2001:db8:2::80): 2 sent, 2 received",
		"  10.0.1.1 dev eth0 lladdr 02:00:0a:00:01:01 REACHABLE", "  2001:db8:1::1 dev eth0 lladdr 02:00:0a:00:01:01 REACHABLE",
		"pc gets http://www/: 200 OK", "pc gets http://[2001:db8:2::80]/: 200 OK", `to www:7: "hello\n", received "hello\n"`,
		"  2001:db8:2::80 via 2001:db8:1::1 dev eth0 src 2001:db8:1::10",
		"  1  r1 (2001:db8:1::1)  4ms 4ms 4ms", "  2  www (2001:db8:2::80)  14ms 14ms 14ms",
		"  1  r1 (10.0.1.1)  4ms 4ms 4ms", "  2  www (10.0.2.80)  14ms 14ms 14ms",
		// The guest's Ethernet address is 02:1f:29:35:a1:57: RFC 4291, appendix A.
		"  inet6 2001:db8:1:0:1f:29ff:fe35:a157/64 scope global dynamic", "  default via fe80::aff:fe00:101 dev eth0",
		"guest gets http://www/: 200 OK")
}

const families = `
hosts:
  a: {address: [10.0.0.1/24, 2001:db8::1/64]}
  b:
    address: [10.0.0.2/24, 2001:db8::2/64]
    services:
      - echo: 7
      - echo: {port: 8, bind: ::1}
      - echo: {port: 9, bind: 0.0.0.0}
      - echo: {port: 10, bind: 2001:db8::2}
  old: {address: 10.0.0.3/24}
switches: [s]
links: [a - s, b - s, old - s]
`

// Who can connect depends on where the service listens, and a name is tried in both
// families.
func TestServicesInBothFamilies(t *testing.T) {
	about := parse(t, "families.yaml", families)
	inBubble(t, about, func(b *Lab) {
		for _, c := range []struct {
			from string
			to   file.Target
			err  error
		}{
			{"a", target(7, "10.0.0.2"), nil},
			{"a", target(7, "2001:db8::2"), nil},
			{"a", target(7, "10.0.0.2", "2001:db8::2"), nil},
			{"old", target(7, "10.0.0.2", "2001:db8::2"), nil},
			{"b", target(7, "127.0.0.1"), nil},
			{"b", target(7, "::1"), nil},
			{"a", target(8, "2001:db8::2"), syscall.ECONNREFUSED},
			{"b", target(8, "::1"), nil},
			{"b", target(8, "127.0.0.1"), syscall.ECONNREFUSED},
			{"a", target(9, "2001:db8::2"), syscall.ECONNREFUSED},
			{"a", target(9, "10.0.0.2", "2001:db8::2"), nil}, // the second address lets it
			{"a", target(10, "10.0.0.2"), syscall.ECONNREFUSED},
			{"a", target(10, "2001:db8::2"), nil},
		} {
			conn, err := dial(context.Background(), b.Host(c.from), "tcp", c.to)
			if !errors.Is(err, c.err) {
				t.Errorf("%s to port %d of %v: %v, should be %v", c.from, c.to.Port, c.to.Addrs, err, c.err)
			}
			if err == nil {
				conn.Close()
			}
		}
		b.Loop.Sleep(3 * time.Minute) // over TIME-WAIT
	})
}

func target(port uint16, addrs ...string) file.Target {
	to := file.Target{Port: port}
	for _, a := range addrs {
		to.Addrs = append(to.Addrs, netip.MustParseAddr(a))
	}
	return to
}

// A name has all addresses of its host. They come in the order of RFC 6724, and IPv4
// first where the host that asks has no other.
func TestNamesOfBothFamilies(t *testing.T) {
	inBubble(t, parse(t, "families.yaml", families), func(b *Lab) {
		for _, c := range []struct{ host, name, want string }{
			{"a", "b", "[2001:db8::2 10.0.0.2]"},
			{"old", "b", "[10.0.0.2 2001:db8::2]"},
			{"a", "old", "[10.0.0.3]"},
			{"a", "localhost", "[::1 127.0.0.1]"},
			{"old", "localhost", "[127.0.0.1]"},
			{"a", "a", "[127.0.1.1]"},
		} {
			got, err := b.Host(c.host).Lookup(c.name)
			if err != nil || fmt.Sprint(got) != c.want {
				t.Errorf("%s is %v, %v to %s; should be %s", c.name, got, err, c.host, c.want)
			}
		}
		for address, name := range map[string]string{
			"2001:db8::2": "b", "10.0.0.2": "b", "fe80::aff:fe00:2": "b", "fe80::aff:fe00:2%eth0": "b", "2001:db8::9": "2001:db8::9",
		} {
			if got := b.NameOf(netip.MustParseAddr(address)); got != name {
				t.Errorf("%s is called %s, should be %s", address, got, name)
			}
		}
	})
}

// Gateways by their addresses on the link, as routers have them (RFC 4861, section 8).
func TestGatewayOnTheLink(t *testing.T) {
	says(t, run(t, parse(t, "link.yaml", `
hosts:
  a: {address: 2001:db8:1::10/64, gateway: "fe80::ff:fe00:1%eth0"}
  b: {address: 2001:db8:2::10/64, gateway: 2001:db8:2::1}
routers:
  r:
    interfaces:
      eth0: {address: 2001:db8:1::1/64, mac: 02:00:00:00:00:01}
      eth1: 2001:db8:2::1/64
links: [a - r:eth0, r:eth1 - b]
script:
  - {host: a, ping: {to: b, count: 1}}
  - {host: a, ping: {to: fe80::ff:fe00:1%eth0, count: 1}}
  - {host: a, show: routes}
  - {host: a, show: neighbours}
`)), "a pings b (2001:db8:2::10): 1 sent, 1 received", "bytes from r: seq 1",
		"default via fe80::ff:fe00:1 dev eth0", "fe80::ff:fe00:1 dev eth0 lladdr 02:00:00:00:00:01 REACHABLE")
}

// A traceroute that does not arrive says who has no way, and who is silent.
func TestTracerouteThatEnds(t *testing.T) {
	about := parse(t, "ends.yaml", `
hosts:
  a: {address: [10.0.0.1/24, 2001:db8::1/64], gateway: [10.0.0.254, 2001:db8::fe]}
  b: {address: 10.0.0.2/24}
routers:
  r: {interfaces: {eth0: [10.0.0.254/24, 2001:db8::fe/64]}}
switches: [s]
links: [a - s, r - s, b - s]
script:
  - {host: a, traceroute: 10.9.9.9}
  - {host: a, traceroute: {to: 2001:db8:9::9, probes: 1}}
  - {link: b - s, state: down}
  - {host: a, timeout: 500ms, traceroute: {to: b, hops: 2}}
`)
	inBubble(t, about, func(b *Lab) {
		var said reports
		if err := b.RunScript(said.add); err == nil {
			t.Error("a destination that does not answer must fail the step")
		}
		says(t, said.String(), "   1  r (10.0.0.254)  0s says destination net unreachable", "   1  r (2001:db8::fe)  0s says no route to destination",
			"   1  * * *", "   2  * * a (10.0.0.1)  500ms says destination host unreachable", "a traces the way to b (10.0.0.2): 2 hops the destination has not answered")
	})
}

// chain is a lab of n routers in a row, a millisecond from one to the next.
func chain(n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "hosts:\n  left: {address: [10.0.0.2/24, 2001:db8:0::2/64], gateway: [10.0.0.1, 2001:db8:0::1]}\n"+
		"  right: {address: [10.0.%[1]d.2/24, 2001:db8:%[1]x::2/64], gateway: [10.0.%[1]d.1, 2001:db8:%[1]x::1], services: [echo: 7]}\nrouters:\n", n)
	for i := range n {
		left, right := 1, 3 // the last part of its addresses; the hosts have gateways with 1
		if i > 0 {
			left = 4
		}
		if i == n-1 {
			right = 1
		}
		fmt.Fprintf(&b, "  r%d:\n    interfaces:\n      eth0: [10.0.%d.%d/24, 2001:db8:%x::%d/64]\n      eth1: [10.0.%d.%d/24, 2001:db8:%x::%d/64]\n",
			i+1, i, left, i, left, i+1, right, i+1, right)
		b.WriteString("    routes:\n")
		if i < n-1 {
			fmt.Fprintf(&b, "      - default via 10.0.%d.4\n      - default via 2001:db8:%x::4\n", i+1, i+1)
		}
		if i > 0 {
			fmt.Fprintf(&b, "      - 10.0.0.0/24 via 10.0.%d.3\n      - 2001:db8::/64 via 2001:db8:%x::3\n", i, i)
		}
		if n == 1 {
			b.WriteString("      []\n")
		}
	}
	b.WriteString("links:\n  - {link: left - r1:eth0, delay: 1ms}\n")
	for i := 1; i < n; i++ {
		fmt.Fprintf(&b, "  - {link: r%d:eth1 - r%d:eth0, delay: 1ms}\n", i, i+1)
	}
	fmt.Fprintf(&b, "  - {link: r%d:eth1 - right, delay: 1ms}\n", n)
	return b.String()
}

// Thirty routers in a row: traceroute finds each of them, in both families, and what
// takes a millisecond to each next one takes 31 there and 31 back.
func TestThirtyRouters(t *testing.T) {
	const routers = 30
	about := parse(t, "chain.yaml", chain(routers)+`script:
  - {host: left, traceroute: {to: right, family: ipv4}}
  - {host: left, traceroute: {to: right, family: ipv6}}
`)
	inBubble(t, about, func(b *Lab) {
		var said reports
		if err := b.RunScript(said.add); err != nil {
			t.Fatal(err)
		}
		for i := 1; i <= routers; i++ {
			left := "1"
			if i > 1 {
				left = "4"
			}
			there := 2 * time.Duration(i) * time.Millisecond
			says(t, said.String(),
				fmt.Sprintf(" %2d  r%d (10.0.%d.%s)  ", i, i, i-1, left), fmt.Sprintf(" %2d  r%d (%v)  ", i, i, netip.MustParseAddr(fmt.Sprintf("2001:db8:%x::%s", i-1, left))),
				fmt.Sprintf(" %v %v <nil>", there, there)) // after the first, which may wait for addresses
		}
		says(t, said.String(), "31  right (10.0.30.2)  ", "31  right (2001:db8:1e::2)  ", "left traces the way to right (10.0.30.2): 31 hops")
		for _, to := range []string{"10.0.30.2", "2001:db8:1e::2"} {
			crosses(t, b, to, 62*time.Millisecond)
		}
	})
}

// crosses sends a datagram from left to an echo service and back.
func crosses(t *testing.T, b *Lab, to string, takes time.Duration) {
	t.Helper()
	c, err := dial(context.Background(), b.Host("left"), "udp", target(7, to))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	before := b.now()
	fmt.Fprint(c, "there and back")
	buf := make([]byte, 100)
	n, err := c.Read(buf)
	if err != nil || string(buf[:n]) != "there and back" {
		t.Errorf("%s: %q came back, %v", to, buf[:n], err)
	}
	if took := b.now().Sub(before); took != takes {
		t.Errorf("%s: there and back takes %v, should be the sum of the delays, %v", to, took, takes)
	}
}

func TestPublishedIntoIPv6(t *testing.T) {
	address := freeAddress(t)
	l := event.NewReal(1)
	defer l.Close()
	b := build(t, l, parse(t, "publish.yaml", families+fmt.Sprintf("publish:\n  - {listen: %s, to: \"[2001:db8::2]:10\", from: a}\n", address)))
	defer b.Close()
	if err := b.Publish(); err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprint(c, "to and fro")
	buf := make([]byte, len("to and fro"))
	if n, err := io.ReadFull(c, buf); err != nil || string(buf) != "to and fro" {
		t.Errorf("%q came back through the lab, %v", buf[:n], err)
	}
}
