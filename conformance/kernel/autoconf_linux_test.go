package kernel

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"septet/header"
	"septet/host"
	"septet/network"
)

// The kernel configures itself by what our router advertises: an address, the default
// router with its preference, another route, the MTU and the hop limit; and heeds that the
// router is none any more.
func TestTheirAutoconfiguration(t *testing.T) {
	l := newLab(t)
	l.set("net/ipv6/conf/default/accept_ra", "1")
	l.set("net/ipv6/conf/default/accept_ra_rt_info_max_plen", "64")
	c := l.cable("tap0", 1500)
	router, _ := l.router(c, 1500)
	l.loop.Lock()
	inside := router.Network.Interfaces()[1]
	err := inside.Advertise(network.Advertising{
		MTU: 1400, HopLimit: 17, Preference: 1, MaxInterval: 4 * time.Second,
		Routes: []header.RouteInformation{{
			Prefix: netip.MustParsePrefix("2001:db8:7::/48"), Lifetime: time.Hour,
		}},
	})
	l.loop.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	shows := func(line string, words ...string) {
		t.Helper()
		eventually(t, fmt.Sprintf("%q in ip %s", words, line), func() bool {
			out := l.ip(line)
			for _, w := range words {
				if !strings.Contains(out, w) {
					return false
				}
			}
			return true
		})
	}
	shows("-6 address show dev tap0 scope global -tentative", "inet6 2001:db8:", "dynamic")
	shows("-6 route show default", "via fe80:", "proto ra", "pref high", "hoplimit 17", "mtu 1400")
	shows("-6 route show 2001:db8:7::/48", "proto ra")
	if out, err := l.try(tool(t, "ping"), "-6", "-n", "-c", "1", "-W", "10", families[1].far.String()); err != nil {
		t.Errorf("the kernel should reach what is behind its router: %v\n%s", err, out)
	}
	l.loop.Lock()
	inside.StopAdvertising()
	l.loop.Unlock()
	eventually(t, "the kernel has no default router", func() bool { return l.ip("-6 route show default") == "" })
}

// A host of ours configures itself by what radvd, the kernel's router, advertises.
func TestOurAutoconfiguration(t *testing.T) {
	l := newLab(t)
	radvd := tool(t, "radvd")
	c := l.cable("tap0", 1500)
	l.addresses("tap0", "2001:db8:77::1/64")
	l.set("net/ipv6/conf/all/forwarding", "1")
	l.ip("address add 2001:db8:78::1/128 dev lo")
	dir := t.TempDir()
	config := filepath.Join(dir, "radvd.conf")
	err := os.WriteFile(config, []byte(`interface tap0 {
	AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4;
	AdvLinkMTU 1400; AdvCurHopLimit 19; AdvDefaultPreference low;
	prefix 2001:db8:77::/64 { AdvValidLifetime 3600; AdvPreferredLifetime 1800; };
	route 2001:db8:79::/64 { AdvRouteLifetime 600; };
	RDNSS 2001:db8:77::53 { AdvRDNSSLifetime 600; };
	DNSSL corp.example example { AdvDNSSLLifetime 600; };
};
`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	l.daemon(radvd, "--nodaemon", "--logmethod", "stderr", "--config", config, "--pidfile", filepath.Join(dir, "radvd.pid"))
	ours := l.host("ours", c.A())
	l.loop.Lock()
	i := ours.Network.Interfaces()[1]
	err = i.Autoconfigure(network.Autoconf{Temporary: true})
	l.loop.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	prefix := netip.MustParsePrefix("2001:db8:77::/64")
	has := func(so func() bool) func() bool {
		return func() bool {
			l.loop.Lock()
			defer l.loop.Unlock()
			return so()
		}
	}
	eventually(t, "two addresses, a stable and a temporary one, can be used", has(func() bool {
		n := 0
		for _, a := range i.Addresses() {
			if prefix.Contains(a.Addr) && a.State == network.Preferred {
				n++
			}
		}
		return n == 2
	}))
	eventually(t, "there are a default route and another through the kernel", has(func() bool {
		n := 0
		for _, r := range ours.Network.Routes() {
			if r.Gateway.IsLinkLocalUnicast() && (r.Prefix.Bits() == 0 || r.Prefix == netip.MustParsePrefix("2001:db8:79::/64")) {
				n++
			}
		}
		return n == 2
	}))
	const conf = "search corp.example example\nnameserver 2001:db8:77::53\n"
	if got, err := ours.ReadFile("/etc/resolv.conf"); string(got) != conf {
		t.Errorf("resolv.conf is %q, %v; after what radvd says of DNS it should be %q", got, err, conf)
	}
	beyond := netip.MustParseAddr("2001:db8:78::1")
	l.loop.Lock()
	path, err := ours.Network.Path(beyond, netip.Addr{})
	if err != nil || path.MTU() != 1400 || !prefix.Contains(path.Src()) {
		t.Errorf("the path begins at %v and carries %d bytes, %v; radvd says 1400", path.Src(), path.MTU(), err)
	}
	l.loop.Unlock()
	stats, err := ours.Ping(beyond, host.PingOptions{Count: 1, Timeout: patience}, nil)
	if err != nil || stats.Received != 1 {
		t.Errorf("%d replies, %v: what is behind the router should be reached", stats.Received, err)
	}
}
