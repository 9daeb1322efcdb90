package network_test

import (
	"crypto/sha256"
	"net/netip"
	"testing"
	"time"

	"septet/header"
	"septet/network"
)

// stable makes a host's address of a prefix and returns it.
func stable(b *bench, secret, p string) netip.Addr {
	b.t.Helper()
	host := b.host()
	host.SetSecretKey([]byte(secret))
	b.macs = 0 // the same name for each card
	i, s := b.join6(host)
	check(b.t, i.Autoconfigure(network.Autoconf{}))
	s.advertise(router, advertised, header.NDOptions{Prefixes: []header.PrefixInformation{prefix(p, time.Hour, time.Hour)}})
	b.run(5 * time.Second)
	made := madeFrom(i, p, network.Autoconfigured)
	if len(made) != 1 {
		b.t.Fatalf("%d addresses of %s, want one", len(made), p)
	}
	return made[0].Addr
}

// RFC 7217: the same secret and prefix give the same address, anything else another.
func TestStableIdentifier(t *testing.T) {
	b := newBench(t)
	first := stable(b, "secret of a host", "2001:db8:1::/64")
	if again := stable(b, "secret of a host", "2001:db8:1::/64"); again != first {
		t.Errorf("the host gets %v, then %v; with the same secret it should be the same", first, again)
	}
	for _, c := range [][2]string{{"another secret", "2001:db8:1::/64"}, {"secret of a host", "2001:db8:2::/64"}} {
		if other := stable(b, c[0], c[1]); [8]byte(other.AsSlice()[8:]) == [8]byte(first.AsSlice()[8:]) {
			t.Errorf("secret %q and prefix %s give the identifier of %v again", c[0], c[1], first)
		}
	}
	// F is SHA-256, of which the identifier is the last 64 bits (RFC 7217, section 5).
	f := sha256.Sum256(append(append(netip.MustParseAddr("2001:db8:1::").AsSlice()[:8], "eth1\x00"...), "secret of a host"...))
	if want := netip.AddrFrom16([16]byte(append(first.AsSlice()[:8], f[24:]...))); first != want {
		t.Errorf("the address is %v, F gives %v", first, want)
	}
}

// Somebody else has the address: the host tries three others (RFC 7217, section 6).
func TestStableIdentifierTaken(t *testing.T) {
	b := newBench(t)
	host, i, s := configured(b, network.Autoconf{})
	s.advertise(router, advertised, header.NDOptions{Prefixes: []header.PrefixInformation{
		prefix("2001:db8::/64", time.Hour, time.Hour),
	}})
	tried := make(map[netip.Addr]bool)
	for range 6 {
		made := madeFrom(i, "2001:db8::/64", network.Autoconfigured)
		if len(made) != 1 {
			t.Fatalf("%d addresses, want one at a time", len(made))
		}
		if made[0].State == network.Tentative {
			tried[made[0].Addr] = true
			s.claim(made[0].Addr.String())
		}
		b.run(500 * time.Millisecond)
	}
	made := madeFrom(i, "2001:db8::/64", network.Autoconfigured)
	if len(tried) != 4 || len(made) != 1 || made[0].State != network.Duplicated {
		t.Errorf("%d addresses were tried and %+v is left; want the first, IDGEN_RETRIES (3) more, and the last duplicated", len(tried), made)
	}
	if n := host.DiscoveryStats().Duplicates; n != 4 {
		t.Errorf("Duplicates is %d, want 4", n)
	}
}

// Temporary addresses: used for new connections, replaced before they are deprecated,
// two at most (RFC 8981).
func TestTemporaryAddresses(t *testing.T) {
	b := newBench(t)
	host, i, s := configured(b, network.Autoconf{Temporary: true})
	const p = "2001:db8::/64"
	again := func() {
		s.advertise(router, header.RouterAdvertisement{Lifetime: 9000 * time.Second}, header.NDOptions{
			Prefixes: []header.PrefixInformation{prefix(p, 30*24*time.Hour, 7*24*time.Hour)},
		})
	}
	again()
	b.run(5 * time.Second)
	seen := make(map[netip.Addr]bool)
	var longest time.Duration
	began := make(map[netip.Addr]time.Duration)
	for range 4 * 24 {
		b.run(time.Hour)
		again()
		temporary := madeFrom(i, p, network.Temporary)
		if len(temporary) > 2 {
			t.Fatalf("%d temporary addresses, want two at most", len(temporary))
		}
		path, err := host.Path(addr("2001:db8:9::1"), netip.Addr{})
		check(t, err)
		preferred := 0
		for _, a := range temporary {
			if !seen[a.Addr] {
				seen[a.Addr], began[a.Addr] = true, time.Duration(b.loop.Now())
			}
			if a.State == network.Preferred {
				preferred++
				longest = max(longest, time.Duration(b.loop.Now())-began[a.Addr])
				if path.Src() != a.Addr {
					t.Fatalf("the source is %v, new connections should use the temporary %v", path.Src(), a.Addr)
				}
			}
		}
		if preferred != 1 {
			t.Fatalf("%d temporary addresses are preferred, want one at any time: %+v", preferred, temporary)
		}
	}
	// Each is preferred for a day less up to 0.4 of it.
	if n := len(seen); n < 4 || n > 8 {
		t.Errorf("%d temporary addresses in four days, want one for each 14.4 to 24 hours", n)
	}
	if longest > 24*time.Hour {
		t.Errorf("one was preferred for %v, TEMP_PREFERRED_LIFETIME is a day", longest)
	}
	if n := len(madeFrom(i, p, network.Autoconfigured)); n != 1 {
		t.Errorf("%d stable addresses, want one", n)
	}
}
