package host_test

import (
	"bytes"
	"io"
	"net/netip"
	"testing"
	"time"

	"septet/event"
	"septet/host"
	"septet/link"
	"septet/network"
)

// dual is newLab with IPv6 beside IPv4: pc and www on two networks and a router
// between, 5 ms each wire.
func dual(t *testing.T) *lab {
	t.Helper()
	m := newLab(t)
	m.loop.Lock()
	defer m.loop.Unlock()
	add := func(h *host.Host, n int, prefix string) {
		if err := h.Network.Interfaces()[n].AddAddress(netip.MustParsePrefix(prefix)); err != nil {
			t.Fatalf("%s of %s: %v", prefix, h.Name(), err)
		}
	}
	add(m.pc, 1, "2001:db8::1/64")
	add(m.router, 1, "2001:db8::fe/64")
	add(m.router, 2, "2001:db8:1::fe/64")
	add(m.www, 1, "2001:db8:1::1/64")
	for h, gateway := range map[*host.Host]string{m.pc: "2001:db8::fe", m.www: "2001:db8:1::fe"} {
		err := h.Network.AddRoute(network.Route{
			Prefix: netip.MustParsePrefix("::/0"), Gateway: netip.MustParseAddr(gateway),
		})
		if err != nil {
			t.Fatalf("route of %s: %v", h.Name(), err)
		}
	}
	return m
}

// One listener without an address serves both families, and every address that leads
// to it carries the same stream.
func TestBothFamiliesOneListener(t *testing.T) {
	m := dual(t)
	sent := bytes.Repeat([]byte("0123456789abcdef"), 20000)
	m.loop.Go("server", func() {
		ln, err := m.www.Listen("tcp", ":80")
		if err != nil {
			t.Errorf("listen: %v", err)
			return
		}
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			m.loop.Go("echo", func() {
				io.Copy(c, c)
				c.Close()
			})
		}
	})
	linkLocal := m.www.Network.Interfaces()[1].Addresses()[0].Addr
	for _, c := range []struct {
		from *host.Host
		to   netip.Addr
	}{
		{m.pc, netip.MustParseAddr("10.0.1.1")},
		{m.pc, netip.MustParseAddr("2001:db8:1::1")},
		{m.www, netip.MustParseAddr("::1")},
		{m.www, netip.MustParseAddr("2001:db8:1::1")},
		{m.www, netip.MustParseAddr("127.0.0.1")},
		{m.router, linkLocal.WithZone("eth1")},
	} {
		m.loop.Go("client of "+c.to.String(), func() {
			conn, err := c.from.Dial("tcp", netip.AddrPortFrom(c.to, 80).String())
			if err != nil {
				t.Errorf("dial %v: %v", c.to, err)
				return
			}
			m.loop.Go("writer", func() {
				conn.Write(sent)
				conn.(interface{ CloseWrite() error }).CloseWrite()
			})
			got, err := io.ReadAll(conn)
			if err != nil || !bytes.Equal(got, sent) {
				t.Errorf("%v: %d bytes came back, %v; all %d should have", c.to, len(got), err, len(sent))
			}
			conn.Close()
		})
	}
	m.loop.Run(event.Time(0).Add(time.Minute))
}

// A datagram that is longer than the MTU goes in fragments both ways.
func TestFragments6(t *testing.T) {
	m := dual(t)
	sent := bytes.Repeat([]byte("fragments"), 600)
	m.loop.Go("server", func() {
		s, err := m.www.ListenPacket("udp6", ":53")
		if err != nil {
			t.Errorf("listen: %v", err)
			return
		}
		b := make([]byte, 10000)
		n, from, err := s.ReadFrom(b)
		if err != nil {
			t.Errorf("read: %v", err)
			return
		}
		s.WriteTo(b[:n], from)
	})
	m.loop.Go("client", func() {
		c, err := m.pc.Dial("udp", "[2001:db8:1::1]:53")
		if err != nil {
			t.Errorf("dial: %v", err)
			return
		}
		c.Write(sent)
		b := make([]byte, 10000)
		if n, err := c.Read(b); err != nil || !bytes.Equal(b[:n], sent) {
			t.Errorf("%d bytes came back, %v; all %d should have", n, err, len(sent))
		}
		c.Close()
	})
	m.loop.Run(event.Time(0).Add(time.Minute))
	if n := m.www.Network.Stats().Reassembled; n != 1 {
		t.Errorf("%d datagrams were made whole, there was one", n)
	}
}

// Ping finds hosts behind a router by IPv6, and the router tells of those that are
// too far.
func TestPing6(t *testing.T) {
	m := dual(t)
	m.loop.Go("ping", func() {
		stats, err := m.pc.Ping(netip.MustParseAddr("2001:db8:1::1"), host.PingOptions{Count: 3}, nil)
		if err != nil || stats.Received != 3 {
			t.Errorf("%d replies, %v; there should be 3", stats.Received, err)
		}
		stats, _ = m.pc.Ping(netip.MustParseAddr("2001:db8:1::1"), host.PingOptions{Count: 1, TTL: 1}, func(r host.PingReply) {
			if r.Err == nil || r.From != netip.MustParseAddr("2001:db8::fe") {
				t.Errorf("one hop: %v from %v, the router should have said that it is too far", r.Err, r.From)
			}
		})
	})
	m.loop.Run(event.Time(0).Add(time.Minute))
}

// What TCP sends and gets acknowledged confirms the gateway: it is never asked whether
// it is there (RFC 4861, section 7.3.1).
func TestForwardProgressConfirms(t *testing.T) {
	m := dual(t)
	m.loop.Go("server", func() {
		ln, err := m.www.Listen("tcp", ":7")
		if err != nil {
			t.Errorf("listen: %v", err)
			return
		}
		c, err := ln.Accept()
		if err != nil {
			t.Errorf("accept: %v", err)
			return
		}
		io.Copy(io.Discard, c)
	})
	m.loop.Go("client", func() {
		c, err := m.pc.Dial("tcp", "[2001:db8:1::1]:7")
		if err != nil {
			t.Errorf("dial: %v", err)
			return
		}
		defer c.Close()
		for second := range 200 {
			c.Write([]byte("on and on"))
			m.loop.Sleep(time.Second)
			m.loop.Lock()
			for _, n := range m.pc.Network.Interfaces()[1].NIC().Neighbours() {
				if n.Addr == netip.MustParseAddr("2001:db8::fe") && (n.State == link.Delay || n.State == link.Probe) {
					t.Errorf("after %d seconds the gateway is in state %v, the acknowledgements should have confirmed it", second, n.State)
				}
			}
			m.loop.Unlock()
		}
	})
	m.loop.Run(event.Time(0).Add(10 * time.Minute))
}
