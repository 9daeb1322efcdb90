package kernel

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"septet/host"
	"septet/network"
)

// groups has one of each family, which no host listens to by itself.
var groups = map[string]netip.AddrPort{
	"IPv4": netip.MustParseAddrPort("239.1.2.3:5000"),
	"IPv6": netip.MustParseAddrPort("[ff05::4242]:5000"),
}

// udp is the network and the address of a group for a party whose card is named card.
func (f family) udp(card string) (kind string, group *net.UDPAddr) {
	group = net.UDPAddrFromAddrPort(groups[f.name])
	if f.name == "IPv4" {
		return "udp4", group
	}
	group.Zone = card
	return "udp6", group
}

// routeGroups gives a host of ours the route for IPv4 groups, without which nothing is sent
// there: it has no default route.
func (l *lab) routeGroups(h *host.Host) {
	l.t.Helper()
	l.loop.Lock()
	defer l.loop.Unlock()
	err := h.Network.AddRoute(network.Route{
		Prefix: netip.MustParsePrefix("224.0.0.0/4"), Interface: h.Network.Interfaces()[1],
	})
	if err != nil {
		l.t.Fatal(err)
	}
}

// sendUntil sends to the group of a family until so.
func sendUntil(t *testing.T, from party, f family, card, what string, so func() bool) {
	t.Helper()
	kind, group := f.udp(card)
	c, err := from.Dial(kind, group.String())
	if err != nil {
		t.Fatalf("%s: %v", f.name, err)
	}
	defer c.Close()
	eventually(t, f.name+": "+what, func() bool {
		if _, err := c.Write([]byte("to all of you")); err != nil {
			t.Fatalf("%s: send: %v", f.name, err)
		}
		return so()
	})
}

// hears returns a function that reports whether something has come to c.
func hears(c net.PacketConn) func() bool {
	return func() bool {
		_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
		n, _, err := c.ReadFrom(make([]byte, 100))
		return err == nil && n == len("to all of you")
	}
}

// Our router, which asks the link for its groups, knows those of the kernel while it
// listens, and what we send to them arrives; the kernel's arrives where we listen.
func TestGroups(t *testing.T) {
	l, _, ours := neighbours(t, 1500)
	l.ip("route add 224.0.0.0/4 dev tap0")
	l.routeGroups(ours)
	l.loop.Lock()
	inside := ours.Network.Interfaces()[1]
	failed := []error{inside.SetIGMPQuerier(true), inside.SetMLDQuerier(true)}
	l.loop.Unlock()
	for _, err := range failed {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range families {
		listened := func() bool {
			l.loop.Lock()
			defer l.loop.Unlock()
			return slices.Contains(inside.Listened(), groups[f.name].Addr())
		}
		theirs := l.join(f)
		eventually(t, f.name+": our router has the kernel's report", listened)
		sendUntil(t, ours, f, "eth0", "the kernel hears what we send to its group", hears(theirs))
		theirs.Close()
		eventually(t, f.name+": our router has forgotten the group that the kernel has left", func() bool { return !listened() })

		kind, group := f.udp("eth0")
		mine, err := ours.Sockets.ListenMulticastUDP(kind, "eth0", group)
		if err != nil {
			t.Fatal(err)
		}
		sendUntil(t, l, f, "tap0", "we hear what the kernel sends to our group", hears(mine))
		mine.Close()
	}
}

// join makes a socket of the kernel's that listens to the group of a family at tap0.
func (l *lab) join(f family) (c *net.UDPConn) {
	l.t.Helper()
	err := l.within(func() error {
		tap0, err := net.InterfaceByName("tap0")
		if err != nil {
			return err
		}
		kind, group := f.udp("tap0")
		c, err = net.ListenMulticastUDP(kind, tap0, group)
		return err
	})
	if err != nil {
		l.t.Fatalf("%s: %v", f.name, err)
	}
	l.t.Cleanup(func() { c.Close() })
	return c
}

// The kernel as a switch that follows IGMP and MLD knows from our reports where our
// listeners are: they hear what is sent to their group, and nobody else sees it.
func TestTheirSnooping(t *testing.T) {
	l := newLab(t)
	tool(t, "bridge")
	l.ip("link add br0 type bridge stp_state 0 mcast_snooping 1 mcast_query_response_interval 100")
	var hosts []*host.Host
	var cables []*cable
	for n, name := range []string{"tap0", "tap1", "tap2"} {
		c := l.cable(name, 1500)
		l.ip("link set " + name + " master br0")
		at := string(rune('1' + n))
		cables = append(cables, c)
		hosts = append(hosts, l.host("host"+at, c.A(), "192.0.2."+at+"/24", "2001:db8::"+at+"/64"))
	}
	l.ip("link set br0 up")
	l.ip("link set br0 type bridge mcast_querier 1")
	listener, sender, bystander := hosts[0], hosts[1], cables[2]
	l.routeGroups(sender)
	for _, f := range families {
		kind, group := f.udp("eth0")
		c, err := listener.Sockets.ListenMulticastUDP(kind, "eth0", group)
		if err != nil {
			t.Fatal(err)
		}
		entry := func() bool {
			for line := range strings.Lines(l.run("bridge", "mdb", "show", "dev", "br0")) {
				if strings.Contains(line, " port tap0 ") && strings.Contains(line, " grp "+groups[f.name].Addr().String()+" ") {
					return true
				}
			}
			return false
		}
		eventually(t, f.name+": the bridge has our report", entry)
		sendUntil(t, sender, f, "eth0", "our listener hears what is sent to its group", hears(c))
		before := 0
		sendUntil(t, sender, f, "eth0", "nobody else sees it", func() bool {
			now := len(bystander.seen())
			same := before == now && hears(c)()
			before = now
			return same
		})
		c.Close()
		eventually(t, f.name+": the bridge has forgotten our group", func() bool { return !entry() })
	}
}
