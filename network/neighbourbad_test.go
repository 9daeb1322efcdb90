package network_test

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"septet/header"
	"septet/network"
)

// discoveries are valid messages of each kind, with every option that is used there, for
// a host that has asked for routers, or, the second, for a router. All would leave state.
func discoveries(own netip.Addr) map[string]message {
	mac := header.MAC{2, 9, 9, 9, 9, 9}
	source := header.NDOptions{Source: mac, HasSource: true}
	target := header.NDOptions{Target: mac, HasTarget: true}
	full := source
	full.MTU = 1400
	full.Prefixes = []header.PrefixInformation{prefix("2001:db8:5::/64", time.Hour, time.Hour)}
	full.Routes = []header.RouteInformation{{Prefix: netip.MustParsePrefix("2001:db8:6::/48"), Lifetime: time.Hour}}
	redirect := target
	redirect.Redirected = make([]byte, 48)
	to := own.String()
	return map[string]message{
		"router advertisement": {
			src: router, dst: "ff02::1", put: &advertised, n: header.RouterAdvertisementLen, options: full,
		},
		"router solicitation": {
			src: "fe80::7", dst: "ff02::2", put: &header.RouterSolicitation{}, n: header.RouterSolicitationLen, options: source,
		},
		"neighbour solicitation": {
			src: "fe80::7", dst: to, put: &header.NeighbourSolicitation{Target: own}, n: header.NeighbourSolicitationLen, options: source,
		},
		"neighbour advertisement": {
			src: "fe80::7", dst: to, put: &header.NeighbourAdvertisement{Target: addr("fe80::7"), Solicited: true},
			n: header.NeighbourAdvertisementLen, options: target,
		},
		"redirect": {
			src: router, dst: to, put: &header.Redirect{Target: addr("fe80::7"), Dst: addr("2001:db8:9::1")},
			n: header.RedirectLen, options: redirect,
		},
	}
}

// state is what a message may leave behind.
func state(l *network.Layer, i *network.Interface) string {
	s := l.Stats()
	return fmt.Sprint(l.Routes(), i.Addresses(), i.NIC().Neighbours(), s.RedirectsFollowed, l.DiscoveryStats())
}

// broken returns the ways in which a message is not valid: cut anywhere but between two
// options, an option's length zero or beyond the end, a code, a hop limit less than 255,
// a wrong checksum.
func broken(m message) map[string][]byte {
	whole := m.bytes()
	body := whole[header.IPv6Len:]
	boundary := map[int]bool{m.n: true}
	bad := make(map[string][]byte)
	edit := func(name string, hopLimit uint8, f func(b []byte) []byte) {
		bad[name] = nd(m.src, m.dst, hopLimit, f(append([]byte(nil), body...)))
	}
	for at := m.n; at < len(body); at += int(body[at+1]) * 8 {
		boundary[at+int(body[at+1])*8] = true
		for _, length := range []byte{0, byte((len(body)-at)/8 + 1), 255} {
			edit(fmt.Sprintf("option at %d of length %d", at, length), 255, func(b []byte) []byte {
				b[at+1] = length
				return b
			})
		}
	}
	for n := range len(body) {
		if !boundary[n] {
			edit(fmt.Sprintf("cut to %d bytes", n), 255, func(b []byte) []byte { return b[:n] })
		}
	}
	for extra := 1; extra < 8; extra++ {
		edit(fmt.Sprintf("%d bytes too many", extra), 255, func(b []byte) []byte { return append(b, make([]byte, extra)...) })
	}
	for _, code := range []byte{1, 255} {
		edit(fmt.Sprintf("code %d", code), 255, func(b []byte) []byte { b[1] = code; return b })
	}
	for _, hopLimit := range []uint8{1, 64, 254} {
		edit(fmt.Sprintf("hop limit %d", hopLimit), hopLimit, func(b []byte) []byte { return b })
	}
	wrong := append([]byte(nil), whole...)
	wrong[header.IPv6Len+2] ^= 1
	bad["a wrong checksum"] = wrong
	// RFC 6980, section 5: never in fragments, not even in one that is all.
	bad["a fragment header"] = fragmented(whole)
	return bad
}

// fragmented returns a packet as the only one of its fragments (RFC 6946).
func fragmented(ip []byte) []byte {
	f := header.IPv6Fragment{NextHeader: header.Protocol(ip[6]), ID: 7}
	b := append(append([]byte(nil), ip[:header.IPv6Len]...), make([]byte, header.IPv6FragmentLen)...)
	f.Put(b[header.IPv6Len:])
	b[6] = byte(header.ProtocolIPv6Fragment)
	b = append(b, ip[header.IPv6Len:]...)
	binary.BigEndian.PutUint16(b[4:], uint16(len(b)-header.IPv6Len))
	return b
}

// Whatever is not valid is dropped, counted, and leaves nothing behind (RFC 4861,
// sections 6.1, 7.1 and 8.1).
func TestBadDiscovery(t *testing.T) {
	for name := range discoveries(addr("fe80::1")) {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			host := b.host()
			i, s := b.join6(host)
			if name == "router solicitation" {
				host.SetForwarding(true)
				check(t, i.Advertise(network.Advertising{}))
			} else {
				check(t, i.Autoconfigure(network.Autoconf{}))
			}
			b.run(time.Minute)
			if name == "redirect" {
				s.advertise(router, advertised, header.NDOptions{})
			}
			if name == "neighbour advertisement" {
				i.NIC().Ask(addr("fe80::7"))
			}
			m := discoveries(i.Addresses()[0].Addr.WithZone(""))[name]
			all := broken(m)
			if len(all) < 20 {
				t.Fatalf("only %d broken messages", len(all))
			}
			before := state(host, i)
			for how, ip := range all {
				was := host.Stats()
				s.send(ip)
				now := host.Stats()
				if now.NeighbourBad+now.ICMPBad != was.NeighbourBad+was.ICMPBad+1 {
					t.Errorf("%s: not counted as bad", how)
				}
				if after := state(host, i); after != before {
					t.Fatalf("%s: it has left something:\n%s\nbefore:\n%s", how, after, before)
				}
			}
			s.send(m.bytes())
			if state(host, i) == before {
				t.Error("the message as it should be leaves nothing either, so this test proves nothing")
			}
		})
	}
}

// What only the addresses show to be wrong.
func TestDiscoveryWrongAddresses(t *testing.T) {
	b := newBench(t)
	host, i, s := configured(b, network.Autoconf{})
	own := i.Addresses()[0].Addr.WithZone("")
	all := discoveries(own)
	advert := all["router advertisement"]
	advert.src = "2001:db8::1" // RFC 4861, section 6.1.2: from an address of the link
	probe := all["neighbour solicitation"]
	probe.src, probe.dst = "::", "ff02::1:ff00:1" // with a link-layer address, section 7.1.1
	everybody := message{src: "::", dst: "ff02::1", put: &header.NeighbourSolicitation{Target: own}, n: header.NeighbourSolicitationLen}
	group := all["neighbour solicitation"]
	group.put = &header.NeighbourSolicitation{Target: addr("ff02::1")}
	solicited := all["neighbour advertisement"]
	solicited.dst = "ff02::1" // section 7.1.2: an answer is not for all
	low := own.As16()
	solicitedNode := addr("ff02::1:ff00:0").As16()
	copy(solicitedNode[13:], low[13:])
	probe.dst = netip.AddrFrom16(solicitedNode).String()
	for n, m := range []message{advert, probe, everybody, group, solicited} {
		before, was := state(host, i), host.Stats().NeighbourBad
		s.send(m.bytes())
		if now := host.Stats().NeighbourBad; now != was+1 {
			t.Errorf("message %d: NeighbourBad grew by %d, want 1", n, now-was)
		}
		if after := state(host, i); after != before {
			t.Errorf("message %d has left something:\n%s\nbefore:\n%s", n, after, before)
		}
	}
}
