package kernel

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"septet/inspect"
)

// narrow is the MTU of the far link in these tests, other than any usual one.
const narrow = 1300

// The kernel learns from our router what the path to a host of ours carries, and its TCP
// goes on with segments that fit.
func TestTheirPathMTU(t *testing.T) {
	l, c, _, far := ourRouter(t, 1500, narrow)
	for _, f := range families {
		client, server := connect(t, l, far, f.far)
		exchange(t, client, server, 1<<20)
		route := l.ip(fmt.Sprintf("%s route get %v", f.flag, f.far))
		if !strings.Contains(route, fmt.Sprintf("mtu %d", narrow)) {
			t.Errorf("%s: the kernel should know the path's MTU of %d from our router:\n%s", f.name, narrow, route)
		}
		if n := c.count(tooBig(f, f.ours)); n == 0 {
			t.Errorf("%s: our router should have said that the link's MTU is %d", f.name, narrow)
		}
	}
}

// Our TCP heeds what the kernel, as the router, says of the path, and datagrams have the
// use of it: over IPv6 they are cut here, over IPv4 they may be cut by the kernel.
func TestOurPathMTU(t *testing.T) {
	_, c, ours, far := theirRouter(t, 1500, narrow)
	for _, f := range families {
		client, server := connect(t, ours, far, f.far)
		exchange(t, client, server, 1<<20)
		if c.count(tooBig(f, f.theirs)) == 0 {
			t.Errorf("%s: the kernel has not said that a packet was too big: the test tests nothing", f.name)
		}
		bounce(t, f.name+" over a narrow path", ours, far, f.far)
	}
	l := ours.Loop()
	l.Lock()
	defer l.Unlock()
	if s := ours.Network.Stats(); s.ICMPBadError > 0 {
		t.Errorf("%d errors of the kernel's were taken to be about nothing that we have sent", s.ICMPBadError)
	}
}

// tooBig selects what the router says of a packet that is too long for the narrow link.
func tooBig(f family, router netip.Addr) func(*inspect.Packet) bool {
	return func(p *inspect.Packet) bool {
		if source(p) != router.String() {
			return false
		}
		if f.name == "IPv4" {
			return strings.HasPrefix(value(p, "ICMP", "code"), "fragmentation needed") &&
				value(p, "ICMP", "next-hop MTU") == fmt.Sprint(narrow)
		}
		return strings.HasPrefix(value(p, "ICMPv6", "type"), "packet too big") &&
			value(p, "ICMPv6", "MTU") == fmt.Sprint(narrow)
	}
}
