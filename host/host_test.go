package host_test

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"time"

	"septet/event"
	"septet/host"
	"septet/inspect/check"
	"septet/inspect/check/checktest"
	"septet/network"
	"septet/packet"
	"septet/physical"
)

// lab is pc and www on two networks, with a router between, in virtual time.
// Each wire takes 5 ms.
type lab struct {
	loop            *event.Loop
	pool            packet.Pool
	near, far       *physical.Wire
	pc, router, www *host.Host
}

func newLab(t *testing.T) *lab {
	t.Helper()
	m := &lab{loop: event.NewVirtual(1)}
	slow := physical.Impairment{Delay: 5 * time.Millisecond}
	m.near = physical.NewWire(m.loop, &m.pool, 1500, slow, slow)
	m.far = physical.NewWire(m.loop, &m.pool, 1500, slow, slow)
	checktest.Wires(t, m.loop, check.Limits{}, m.near, m.far)
	m.pc = host.New(m.loop, &m.pool, "pc")
	m.router = host.New(m.loop, &m.pool, "router")
	m.www = host.New(m.loop, &m.pool, "www")
	attach := func(h *host.Host, name string, p physical.Port, prefix string) {
		if _, err := h.Attach(name, p, netip.MustParsePrefix(prefix)); err != nil {
			t.Fatalf("attach %s of %s: %v", name, h.Name(), err)
		}
	}
	attach(m.pc, "eth0", m.near.A(), "10.0.0.1/24")
	attach(m.router, "eth0", m.near.B(), "10.0.0.254/24")
	attach(m.router, "eth1", m.far.A(), "10.0.1.254/24")
	attach(m.www, "eth0", m.far.B(), "10.0.1.1/24")
	route := func(h *host.Host, gateway string) {
		err := h.Network.AddRoute(network.Route{
			Prefix: netip.MustParsePrefix("0.0.0.0/0"), Gateway: netip.MustParseAddr(gateway),
		})
		if err != nil {
			t.Fatalf("route of %s: %v", h.Name(), err)
		}
	}
	m.router.Network.SetForwarding(true)
	route(m.pc, "10.0.0.254")
	route(m.www, "10.0.1.254")
	t.Cleanup(func() {
		for _, h := range []*host.Host{m.pc, m.router, m.www} {
			h.Close()
		}
		if err := m.loop.Run(event.Never); err != nil {
			t.Error(err)
		}
		m.loop.Close()
		if n := m.pool.Live(); n != 0 {
			t.Errorf("%d packets are left after all hosts were closed", n)
		}
	})
	return m
}

// ping collects what Ping reports.
func (m *lab) ping(t *testing.T, to string, o host.PingOptions) ([]host.PingReply, host.PingStats) {
	t.Helper()
	var replies []host.PingReply
	stats, err := m.pc.Ping(netip.MustParseAddr(to), o, func(r host.PingReply) { replies = append(replies, r) })
	if err != nil {
		t.Fatalf("ping %s: %v", to, err)
	}
	return replies, stats
}

func TestPing(t *testing.T) {
	m := newLab(t)
	m.ping(t, "10.0.1.1", host.PingOptions{Count: 1}) // finds the neighbours
	begin := m.loop.Now()
	replies, stats := m.ping(t, "10.0.1.1", host.PingOptions{Count: 3, Size: 100})
	if len(replies) != 3 {
		t.Fatalf("got %d replies, want 3", len(replies))
	}
	for i, r := range replies {
		want := host.PingReply{
			Sequence: i + 1, From: netip.MustParseAddr("10.0.1.1"), Bytes: 100,
			TTL: 63, Time: 20 * time.Millisecond, // one router, four wires
		}
		if r != want {
			t.Errorf("reply %d is %+v, want %+v", i, r, want)
		}
	}
	if stats.Sent != 3 || stats.Received != 3 || stats.Avg != 20*time.Millisecond || stats.Loss() != 0 {
		t.Errorf("statistics %+v, want 3 of 3 in 20ms", stats)
	}
	// Three requests a second apart, and the last one's reply.
	if took := m.loop.Now().Sub(begin); took != 2*time.Second+20*time.Millisecond {
		t.Errorf("ping took %v, want 2.02s", took)
	}
}

// TestPingErrors: what routers report comes with the router's address; what is
// lost is given up after the timeout.
func TestPingErrors(t *testing.T) {
	m := newLab(t)
	replies, stats := m.ping(t, "10.0.1.1", host.PingOptions{Count: 1, TTL: 1})
	var icmp *host.ICMPError
	if !errors.As(replies[0].Err, &icmp) || icmp.From.String() != "10.0.0.254" || icmp.Type != 11 {
		t.Errorf("with a TTL of 1: %+v, want time exceeded from the router", replies[0])
	}
	if stats.Errors != 1 || stats.Loss() != 1 {
		t.Errorf("statistics %+v, want one error and all lost", stats)
	}
	replies, _ = m.ping(t, "10.0.1.77", host.PingOptions{Count: 1, Timeout: 10 * time.Second})
	if !errors.Is(replies[0].Err, syscall.EHOSTUNREACH) || replies[0].From.String() != "10.0.0.254" {
		t.Errorf("ping of a missing host: %+v, want host unreachable from the router", replies[0])
	}
	m.far.SetImpairment(physical.AToB, physical.Impairment{Loss: 1})
	begin := m.loop.Now()
	replies, stats = m.ping(t, "10.0.1.1", host.PingOptions{Count: 2, Timeout: 1500 * time.Millisecond})
	for i, r := range replies {
		if r.Err != syscall.ETIMEDOUT || r.Sequence != i+1 {
			t.Errorf("reply %d over a dead wire: %+v, want ETIMEDOUT", i, r)
		}
	}
	if took := m.loop.Now().Sub(begin); took != 2500*time.Millisecond || stats.Loss() != 1 {
		t.Errorf("took %v with loss %v, want 2.5s and 1", took, stats.Loss())
	}
}

// TestPingDuplicates: a wire that sends everything twice makes two requests of
// each, two replies of each of those, and so three duplicates.
func TestPingDuplicates(t *testing.T) {
	m := newLab(t)
	m.ping(t, "10.0.0.254", host.PingOptions{Count: 1})
	twice := physical.Impairment{Duplicate: 1}
	m.near.SetImpairment(physical.AToB, twice)
	m.near.SetImpairment(physical.BToA, twice)
	_, stats := m.ping(t, "10.0.0.254", host.PingOptions{Count: 2})
	if stats.Received != 2 || stats.Duplicates != 3+3 {
		t.Errorf("statistics %+v, want 2 received and 6 duplicates", stats)
	}
}

// TestPingWithoutRoute fails at once, as ping does.
func TestPingWithoutRoute(t *testing.T) {
	l := event.NewVirtual(1)
	defer l.Close()
	h := host.New(l, new(packet.Pool), "alone")
	stats, err := h.Ping(netip.MustParseAddr("10.9.9.9"), host.PingOptions{}, nil)
	if err != syscall.ENETUNREACH || stats.Received != 0 {
		t.Errorf("ping without a route: %+v, %v; want ENETUNREACH", stats, err)
	}
	// Its own addresses it has.
	for _, own := range []string{"127.0.0.1", "127.0.1.1", "0.0.0.0"} {
		stats, err := h.Ping(netip.MustParseAddr(own), host.PingOptions{Count: 1}, nil)
		if err != nil || stats.Received != 1 || stats.Max != 0 {
			t.Errorf("ping %s: %+v, %v; want an answer at once", own, stats, err)
		}
	}
	h.Close()
	if _, err := h.Ping(netip.MustParseAddr("127.0.0.1"), host.PingOptions{}, nil); err != net.ErrClosed {
		t.Errorf("ping on a closed host: %v, want net.ErrClosed", err)
	}
}

// TestCloseEndsPing: a ping that runs ends with its host.
func TestCloseEndsPing(t *testing.T) {
	m := newLab(t)
	var err error
	m.loop.Go("ping", func() {
		_, err = m.pc.Ping(netip.MustParseAddr("10.0.1.1"), host.PingOptions{Count: 100}, nil)
	})
	m.loop.Go("close", func() { m.loop.Sleep(2500 * time.Millisecond); m.pc.Close() })
	if err := m.loop.Run(event.Time(3 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if err != net.ErrClosed {
		t.Errorf("ping returned %v, want net.ErrClosed", err)
	}
}

// TestNames: every host has localhost and its own name; what it does not know it
// asks for, and what nobody knows is a DNS error.
func TestNames(t *testing.T) {
	l := event.NewVirtual(1)
	defer l.Close()
	h := host.New(l, new(packet.Pool), "pc1")
	h.Hosts.Add("www", netip.MustParseAddr("10.0.1.1"))
	h.Hosts.Add("www", netip.MustParseAddr("10.0.1.2"))
	h.Hosts.Add("web", netip.MustParseAddr("10.0.1.1"))
	for name, want := range map[string][]string{
		"localhost": {"127.0.0.1"}, "pc1": {"127.0.1.1"}, "10.1.2.3": {"10.1.2.3"},
		"www": {"10.0.1.1", "10.0.1.2"}, "WWW.": {"10.0.1.1", "10.0.1.2"},
	} {
		found, err := h.Lookup(name)
		var got []string
		for _, a := range found {
			got = append(got, a.String())
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s is %v, %v; want %v", name, got, err, want)
		}
	}
	if got := h.Hosts.Names(netip.MustParseAddr("10.0.1.1")); !slices.Equal(got, []string{"www", "web"}) {
		t.Errorf("10.0.1.1 is called %v, want www and web", got)
	}
	if got := h.Hosts.Names(netip.IPv6Loopback()); !slices.Equal(got, []string{"localhost"}) {
		t.Errorf("::1 is called %v, want localhost", got)
	}
	var dns *net.DNSError
	if _, err := h.Lookup("nowhere"); !errors.As(err, &dns) || !dns.IsNotFound {
		t.Errorf("an unknown name: %v, want a DNS error", err)
	}
	if _, err := h.Dial("tcp", "nowhere:80"); !errors.As(err, &dns) || dns.Name != "nowhere" {
		t.Errorf("dialling an unknown name: %v, want a DNS error in it", err)
	}
	all := host.NewHosts()
	all.Add("www", netip.MustParseAddr("10.0.1.9"))
	all.Add("mail", netip.MustParseAddr("10.0.1.3"))
	h.Hosts.Share(all)
	if got := h.Hosts.Addrs("mail"); !slices.Equal(got, []netip.Addr{netip.MustParseAddr("10.0.1.3")}) {
		t.Errorf("mail, of a shared table, is %v, want 10.0.1.3", got)
	}
	if got := h.Hosts.Addrs("www"); len(got) != 2 {
		t.Errorf("www is %v: what the host knows itself goes before a shared table", got)
	}
	if got := h.Hosts.Names(netip.MustParseAddr("10.0.1.3")); !slices.Equal(got, []string{"mail"}) {
		t.Errorf("10.0.1.3 is called %v, want mail", got)
	}
	h.Hosts.Share(nil)
	h.Hosts.Remove("www")
	if got := h.Hosts.Addrs("www"); got != nil {
		t.Errorf("a name that was removed still has %v", got)
	}
}

// TestBindingAddresses: a service bound to 127.0.0.1 cannot be reached from
// another host, one bound to 0.0.0.0 can.
func TestBindingAddresses(t *testing.T) {
	m := newLab(t)
	for port, bind := range map[string]string{"81": "127.0.0.1", "82": "0.0.0.0", "83": "10.0.1.1"} {
		if _, err := m.www.Listen("tcp", net.JoinHostPort(bind, port)); err != nil {
			t.Fatal(err)
		}
	}
	dial := func(h *host.Host, to string) error {
		c, err := h.Dial("tcp", to)
		if err == nil {
			c.Close()
		}
		return err
	}
	refused := syscall.ECONNREFUSED
	for _, test := range []struct {
		from *host.Host
		to   string
		want error
	}{
		{m.pc, "10.0.1.1:81", refused}, {m.pc, "10.0.1.1:82", nil}, {m.pc, "10.0.1.1:83", nil},
		{m.www, "127.0.0.1:81", nil}, {m.www, "127.0.0.1:82", nil}, {m.www, "127.0.0.1:83", refused},
		{m.www, "www:81", refused}, {m.www, "www:82", nil}, {m.www, "localhost:81", nil},
		{m.www, "10.0.1.1:82", nil}, {m.pc, "127.0.0.1:82", refused},
	} {
		if err := dial(test.from, test.to); !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
			t.Errorf("%s to %s: %v, want %v", test.from.Name(), test.to, err, test.want)
		}
	}
}

// TestMAC: a card's address is its own, always the same and locally
// administered, not a group's.
func TestMAC(t *testing.T) {
	seen := make(map[string]string)
	for _, h := range []string{"a", "b", "ae", "router"} {
		for _, i := range []string{"eth0", "eth1", "th0"} {
			mac := host.MAC(h, i)
			if mac != host.MAC(h, i) || mac[0]&3 != 2 {
				t.Errorf("%s of %s has %v: not fixed, not local, or a group's", i, h, mac)
			}
			if other := seen[mac.String()]; other != "" {
				t.Errorf("%s of %s has the address of %s", i, h, other)
			}
			seen[mac.String()] = i + " of " + h
		}
	}
}
