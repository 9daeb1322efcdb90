package file

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// Every place that takes an address takes one of IPv6, and lists of both families.
func TestDualStackWords(t *testing.T) {
	lab := mustRead(t, "dualstack.yaml")
	pc, guest, r1 := lab.Host("pc"), lab.Host("guest"), lab.Host("r1")
	eth0 := pc.Interfaces[0]
	if eth0.Address != netip.MustParsePrefix("10.0.1.10/24") || !slices.Equal(eth0.IPv6, []netip.Prefix{netip.MustParsePrefix("2001:db8:1::10/64")}) {
		t.Errorf("pc has %v, want one address of each family", eth0.Addresses())
	}
	if len(pc.Routes) != 2 || pc.Routes[1].To != netip.MustParsePrefix("::/0") || pc.Routes[1].Via != netip.MustParseAddr("2001:db8:1::1") {
		t.Errorf("pc has the routes %v, want a gateway of each family", pc.Routes)
	}
	// RFC 4291, section 2.5.6 and appendix A, from 02:00:0a:00:01:0a.
	if a := eth0.LinkLocal(); a != netip.MustParseAddr("fe80::aff:fe00:10a%eth0") {
		t.Errorf("pc has %v on its link, want fe80::aff:fe00:10a", a)
	}
	if g := guest.Interfaces[0]; !g.Auto || g.Address.IsValid() || !slices.Equal(g.Found, []netip.Prefix{netip.MustParsePrefix("2001:db8:1:0:1f:29ff:fe35:a157/64")}) {
		t.Errorf("guest has %+v, want what r1 advertises, made of its MAC", g)
	}
	if !r1.Interface("eth0").Advertise || r1.Interface("eth1").Advertise {
		t.Error("r1 advertises at eth0 alone")
	}
	if web := lab.Host("www").Services[1]; web.Bind != netip.MustParseAddrPort("[::]:80") {
		t.Errorf("the web server listens at %v, want every address of both families", web.Bind)
	}
	if p := lab.Published[1]; !only(p.To, "2001:db8:2::80") || p.To.Port != 80 || p.To.Name != "www" {
		t.Errorf("the second published port leads to %+v, want www's IPv6 address", p.To)
	}
	for step, want := range map[int][]string{
		0: {"10.0.2.80"}, 1: {"2001:db8:2::80"}, 3: {"10.0.2.80", "2001:db8:2::80"}, 4: {"10.0.2.80"}, 5: {"2001:db8:2::80"},
	} {
		var to Target
		switch a := lab.Script[step].Action.(type) {
		case *Ping:
			to = a.To
		case *Get:
			to = a.To
		}
		if got := fmt.Sprint(to.Addrs); got != fmt.Sprint(want) {
			t.Errorf("step %d goes to %v, want %v", step, got, want)
		}
	}
}

// YAML lets a word without quotes have colons where no blank follows. The lexer must
// not see keys in addresses, whatever brackets they stand between.
func TestAddressesNeedNoQuotes(t *testing.T) {
	for _, text := range []string{
		"{a: {address: [10.0.1.1/24, 2001:db8::1/64]}, b: {address: [10.0.1.2/24, 2001:db8::2/64]}}",
		"{a: {address: [2001:db8::1/64]}, b: {address: 2001:db8::2/64}}",
		"{a: {address: 2001:db8::1/64}, b: {address: [fd00::2/64, 2001:db8::2/64], services: [echo: {port: 7, bind: ::1}]}}",
		"\n  a: {address: 2001:db8::1/64}\n  b: {interfaces: {eth0: [2001:db8::2/64, 10.0.0.1/24]}, gateway: [fe80::aff:fe00:9%eth0]}\nrouters:\n  c: {address: [10.0.0.9/24, 2001:db8::9/64]}",
	} {
		links := "a - s, b - s"
		if strings.Contains(text, "c:") {
			links += ", c - s"
		}
		lab, err := Parse("x.yaml", []byte("hosts: "+text+"\nswitches: [s]\nlinks: ["+links+"]\nscript: [{host: a, ping: 2001:db8::2}]\n"))
		if err != nil {
			t.Errorf("%s:\n%v", text, err)
			continue
		}
		if !lab.Host("b").owns(netip.MustParseAddr("2001:db8::2")) {
			t.Errorf("%s: b has %v, want 2001:db8::2 too", text, lab.Host("b").Addresses())
		}
	}
	m := oneMistake(t, "hosts:\n  a: {address: 10.0.1.10/24}\n  b: {address: [10.0.1.11/24, 2001:db8::g/64]}\nlinks: [a - b]\n")
	if m.Line != 3 || m.Column != 31 {
		t.Errorf("the mistake is at %d:%d, want 3:31, where the second address begins", m.Line, m.Column)
	}
}
