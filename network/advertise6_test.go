package network_test

import (
	"errors"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"septet/header"
	"septet/network"
)

// advertising returns a router's interface, with what its station hears of it.
func advertising(b *bench, a network.Advertising) (*network.Interface, *station) {
	b.t.Helper()
	i, s := b.join6(b.router())
	check(b.t, i.AddAddress(netip.MustParsePrefix("2001:db8::1/64")))
	check(b.t, i.Advertise(a))
	return i, s
}

func advertisement(t *testing.T, m heard) (header.RouterAdvertisement, header.NDOptions) {
	t.Helper()
	h, options, err := header.ParseRouterAdvertisement(m.b)
	check(t, err)
	o, err := header.ParseNDOptions(options)
	check(t, err)
	return h, o
}

// Three in quick succession, then at random times (RFC 4861, section 6.2.4).
func TestAdvertisementIntervals(t *testing.T) {
	b := newBench(t)
	_, s := advertising(b, network.Advertising{})
	b.run(3 * time.Hour)
	all := s.take(header.ICMPv6RouterAdvert)
	if len(all) < 20 {
		t.Fatalf("%d advertisements in three hours, want one at least every 600 s", len(all))
	}
	gaps := make(map[time.Duration]bool)
	for n := 1; n < len(all); n++ {
		gap := all[n].at - all[n-1].at
		gaps[gap] = true
		if n < 3 && gap > 16*time.Second {
			t.Errorf("the initial advertisement %d comes after %v, want 16 s at most", n+1, gap)
		}
		if n >= 3 && (gap < 200*time.Second || gap > 600*time.Second) {
			t.Errorf("advertisement %d comes after %v, want from 200 to 600 s", n+1, gap)
		}
	}
	if len(gaps) < len(all)/2 {
		t.Errorf("only %d different intervals among %d, they should be random", len(gaps), len(all))
	}
	h, o := advertisement(t, all[0])
	want := header.RouterAdvertisement{HopLimit: 64, Lifetime: 1800 * time.Second}
	if h != want || all[0].hopLimit != 255 || all[0].dst != addr("ff02::1") || !all[0].src.IsLinkLocalUnicast() {
		t.Errorf("%+v from %v to %v with hop limit %d; want the defaults, from the link to all nodes with 255", h, all[0].src, all[0].dst, all[0].hopLimit)
	}
	full := prefix("2001:db8::/64", 30*24*time.Hour, 7*24*time.Hour)
	if !o.HasSource || len(o.Prefixes) != 1 || o.Prefixes[0] != full {
		t.Errorf("options %+v, want the card's address and the prefix of the interface's", o)
	}
}

// Who asks is answered within half a second, but not oftener than every three seconds
// (RFC 4861, section 6.2.6).
func TestSolicitedAdvertisements(t *testing.T) {
	b := newBench(t)
	_, s := advertising(b, network.Advertising{})
	b.run(time.Minute)
	s.take(0)
	ask := message{src: "fe80::9", dst: "ff02::2", put: &header.RouterSolicitation{}, n: header.RouterSolicitationLen}.bytes()
	asked := time.Duration(b.loop.Now())
	for range 100 {
		s.send(ask)
		b.run(100 * time.Millisecond)
	}
	all := s.take(header.ICMPv6RouterAdvert)
	if len(all) == 0 || all[0].at-asked > 500*time.Millisecond {
		t.Fatalf("%d answers, the first should come within MAX_RA_DELAY_TIME, 500 ms", len(all))
	}
	if len(all) < 3 {
		t.Errorf("%d answers in ten seconds, want one about every three", len(all))
	}
	for n := 1; n < len(all); n++ {
		if gap := all[n].at - all[n-1].at; gap < 3*time.Second {
			t.Errorf("answers %v apart, MIN_DELAY_BETWEEN_RAS is 3 s", gap)
		}
	}
}

// The last words have a lifetime of zero (RFC 4861, section 6.2.5), also of a router
// that becomes a host.
func TestFinalAdvertisements(t *testing.T) {
	for _, stop := range []func(*network.Layer, *network.Interface){
		func(_ *network.Layer, i *network.Interface) { i.StopAdvertising() },
		func(l *network.Layer, _ *network.Interface) { l.SetForwarding(false) },
	} {
		b := newBench(t)
		l := b.router()
		i, s := b.join6(l)
		check(t, i.Advertise(network.Advertising{}))
		b.run(time.Minute)
		s.take(0)
		stop(l, i)
		b.run(time.Hour)
		last := s.take(header.ICMPv6RouterAdvert)
		if len(last) != 3 {
			t.Fatalf("%d last advertisements, want MAX_FINAL_RTR_ADVERTISEMENTS, 3", len(last))
		}
		for _, m := range last {
			if h, _ := advertisement(t, m); h.Lifetime != 0 {
				t.Errorf("a last advertisement has a lifetime of %v, want zero", h.Lifetime)
			}
		}
		b.run(time.Hour)
	}
}

func TestAdvertiseRefuses(t *testing.T) {
	b := newBench(t)
	l := b.router()
	i, _ := b.join6(l)
	hosts, _ := b.join6(b.host())
	if err := hosts.Advertise(network.Advertising{}); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("a host that is no router: %v, want EINVAL", err)
	}
	many := make([]header.PrefixInformation, 50)
	for n := range many {
		many[n] = prefix("2001:db8::/64", time.Hour, time.Hour)
	}
	for _, a := range []network.Advertising{
		{MaxInterval: 3 * time.Second},
		{MaxInterval: 1801 * time.Second},
		{MaxInterval: 100 * time.Second, MinInterval: 76 * time.Second},
		{MinInterval: 2 * time.Second},
		{Lifetime: time.Second},
		{Lifetime: 9001 * time.Second},
		{MTU: 1279},
		{MTU: 1501},
		{Preference: 2},
		{ReachableTime: 2 * time.Hour},
		{Prefixes: []header.PrefixInformation{prefix("2001:db8::/64", time.Hour, 2*time.Hour)}},
		{Prefixes: many},
		{Routes: []header.RouteInformation{{}}},
		{Routes: []header.RouteInformation{{Prefix: netip.MustParsePrefix("10.0.0.0/8"), Lifetime: time.Hour}}},
	} {
		if err := i.Advertise(a); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("%+v: %v, want EINVAL", a, err)
		}
	}
	for _, a := range []network.Advertising{
		{MaxInterval: 4 * time.Second}, {MaxInterval: 1800 * time.Second}, {MTU: 1280}, {NoDefault: true}, {Preference: -1},
	} {
		check(t, i.Advertise(a))
	}
}
