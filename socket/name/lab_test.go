package name_test

import (
	"net/netip"
	"strings"
	"testing"

	"septet/event"
	"septet/host"
	"septet/network"
	"septet/packet"
	"septet/physical"
	"septet/socket"
)

// station is a lab host in virtual time, and a nameserver on itself.
type station struct {
	loop *event.Loop
	host *host.Host
	sys  socket.System
}

// newStation makes the host with addresses of some families, "46" for both. Unjudged: nobody is at the other end of its wire.
func newStation(t *testing.T, hostname, families string) *station {
	t.Helper()
	l := event.NewVirtual(1)
	t.Cleanup(func() { l.Close() })
	pool := new(packet.Pool)
	h := host.New(l, pool, hostname)
	l.Lock()
	w := physical.NewWire(l, pool, 1500, physical.Impairment{}, physical.Impairment{})
	l.Unlock()
	four := strings.Contains(families, "4")
	var prefix netip.Prefix
	if four {
		prefix = netip.MustParsePrefix("10.9.0.2/24")
	}
	i, err := h.Attach("eth0", w.A(), prefix)
	check(t, err)
	l.Lock()
	defer l.Unlock()
	if four {
		check(t, h.Network.AddRoute(network.Route{Prefix: netip.MustParsePrefix("0.0.0.0/0"), Gateway: netip.MustParseAddr("10.9.0.1")}))
	}
	if strings.Contains(families, "6") {
		check(t, i.EnableIPv6())
		check(t, i.AddAddress(netip.MustParsePrefix("2001:db8:9::2/64")))
		check(t, h.Network.AddRoute(network.Route{Prefix: netip.MustParsePrefix("::/0"), Gateway: netip.MustParseAddr("2001:db8:9::1")}))
	}
	return &station{l, h, h.Sockets.NewProcess(true)}
}

// serve starts the nameserver.
func (s *station) serve(t *testing.T) {
	t.Helper()
	c, err := s.host.ListenPacket("udp4", "127.0.0.1:53")
	check(t, err)
	n, err := s.host.Listen("tcp4", "127.0.0.1:53")
	check(t, err)
	s.loop.Go("datagrams", func() { servePackets(c) })
	s.loop.Go("streams", func() { serveStreams(n) })
	t.Cleanup(func() { s.host.Close() })
}

// files puts files on the host.
func (s *station) files(t *testing.T, files map[string]string) {
	t.Helper()
	for name, data := range files {
		check(t, s.host.WriteFile(name, []byte(data)))
	}
}

// run runs a task to its end.
func (s *station) run(t *testing.T, task func()) {
	t.Helper()
	done := false
	s.loop.Go("test", func() { task(); done = true })
	for range 1000 {
		if done {
			return
		}
		s.loop.Run(s.loop.Now().Add(1e9)) // the servers are always blocked
	}
	if !done {
		t.Fatal("the task did not end in 1000 seconds")
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
