package network_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"septet/event"
	"septet/header"
	"septet/network"
)

// servers lists the DNS servers of a host.
func servers(l *network.Layer) string {
	var all []string
	for _, s := range l.DNSServers() {
		all = append(all, s.Addr.String())
	}
	return strings.Join(all, " ")
}

// dns is an option with servers.
func dns(lifetime time.Duration, addrs ...string) header.DNSServers {
	s := header.DNSServers{Lifetime: lifetime}
	for _, a := range addrs {
		s.Addrs = append(s.Addrs, addr(a))
	}
	return s
}

// RFC 8106, sections 5.3.1 and 6.1.
func TestDNSServersFromRouters(t *testing.T) {
	b := newBench(t)
	host, i, s := configured(b, network.Autoconf{})
	zone := "%" + i.Name()
	for _, step := range []struct {
		why  string
		dns  []header.DNSServers
		wait time.Duration
		want string
	}{
		{"the order is that of the option", []header.DNSServers{dns(time.Hour, "2001:db8::1", "2001:db8::2")}, 0,
			"2001:db8::1 2001:db8::2"},
		{"what is no server is not taken", []header.DNSServers{dns(time.Hour, "::", "ff02::1", "::1", "::ffff:10.0.0.1")}, 0,
			"2001:db8::1 2001:db8::2"},
		{"the latest comes first, and one of the link has its zone", []header.DNSServers{dns(2*time.Hour, "fe80::53")}, 0,
			"fe80::53" + zone + " 2001:db8::1 2001:db8::2"},
		{"a known one keeps its place and has its lifetime renewed", []header.DNSServers{dns(3*time.Hour, "2001:db8::2")}, 0,
			"fe80::53" + zone + " 2001:db8::1 2001:db8::2"},
		{"beyond three the one that would end first goes", []header.DNSServers{dns(4*time.Hour, "2001:db8::4")}, 0,
			"2001:db8::4 fe80::53" + zone + " 2001:db8::2"},
		{"a lifetime of zero ends it at once", []header.DNSServers{dns(0, "2001:db8::4", "2001:db8::99")}, 0,
			"fe80::53" + zone + " 2001:db8::2"},
		{"a moment before its end it is there", nil, 2*time.Hour - time.Second, "fe80::53" + zone + " 2001:db8::2"},
		{"and then it is not", nil, 2 * time.Second, "2001:db8::2"},
		{"nor the last of them", nil, time.Hour, ""},
		{"for ever", []header.DNSServers{dns(header.Infinity, "2001:db8::5")}, 1000 * time.Hour, "2001:db8::5"},
	} {
		if step.dns != nil {
			s.advertise(router, advertised, header.NDOptions{DNS: step.dns})
		}
		b.run(step.wait)
		if got := servers(host); got != step.want {
			t.Fatalf("%s: the servers are %q, want %q", step.why, got, step.want)
		}
	}
	if all := host.DNSServers(); all[0].Until != event.Never {
		t.Errorf("a lifetime of infinity ends at %v", all[0].Until)
	}
}

// A rogue router names thousands: three are kept, and those of the last option.
func TestManyDNSServers(t *testing.T) {
	b := newBench(t)
	host, _, s := configured(b, network.Autoconf{})
	for n := range 1000 {
		s.advertise(router, advertised, header.NDOptions{DNS: []header.DNSServers{
			dns(time.Hour, fmt.Sprintf("2001:db8::%x:1", n), fmt.Sprintf("2001:db8::%x:2", n)),
			dns(time.Hour, fmt.Sprintf("2001:db8::%x:3", n), fmt.Sprintf("2001:db8::%x:4", n)),
		}})
	}
	if got, want := servers(host), "2001:db8::3e7:1 2001:db8::3e7:2 2001:db8::3e7:3"; got != want {
		t.Errorf("the servers are %q, want %q", got, want)
	}
	if n := host.DiscoveryStats().DNSServersReplaced; n != 3997 {
		t.Errorf("%d servers were replaced, want 3997: all but three", n)
	}
}

// domains lists the domains in which a host looks.
func domains(l *network.Layer) string {
	var all []string
	for _, d := range l.DNSDomains() {
		all = append(all, d.Name)
	}
	return strings.Join(all, " ")
}

// search is an option with domains.
func search(lifetime time.Duration, domains ...string) []header.DNSSearch {
	return []header.DNSSearch{{Domains: domains, Lifetime: lifetime}}
}

// RFC 8106, sections 5.2, 5.3.1 and 6.1.
func TestDNSDomainsFromRouters(t *testing.T) {
	b := newBench(t)
	host, _, s := configured(b, network.Autoconf{})
	for _, step := range []struct {
		why    string
		search []header.DNSSearch
		wait   time.Duration
		want   string
	}{
		{"the order is that of the option", search(time.Hour, "corp.example", "example"), 0, "corp.example example"},
		{"the latest comes first", search(2*time.Hour, "lab"), 0, "lab corp.example example"},
		{"a known one, in whatever case, keeps its place and has its lifetime renewed", search(3*time.Hour, "EXAMPLE"), 0, "lab corp.example example"},
		{"a lifetime of zero ends it at once", search(0, "corp.example", "other"), 0, "lab example"},
		{"a moment before its end it is there", nil, 2*time.Hour - time.Second, "lab example"},
		{"and then it is not", nil, 2 * time.Second, "example"},
		{"nor the last of them", nil, time.Hour, ""},
		{"beyond six the ones that would end first go", append(search(time.Hour, "a", "b"), search(time.Minute, "c", "d", "e", "f", "g", "h")...), 0,
			"a b c d e f"},
	} {
		if step.search != nil {
			s.advertise(router, advertised, header.NDOptions{Search: step.search})
		}
		b.run(step.wait)
		if got := domains(host); got != step.want {
			t.Fatalf("%s: the domains are %q, want %q", step.why, got, step.want)
		}
	}
	if n := host.DiscoveryStats().DNSDomainsReplaced; n != 2 {
		t.Errorf("%d domains were replaced, want 2 of eight", n)
	}
}

// Our router tells our hosts, those that ask for routers and no others.
func TestRouterAdvertisesDNSServers(t *testing.T) {
	b := newBench(t)
	r, host, other := b.router(), b.host(), b.host()
	i, j := b.cable6(r, "2001:db8::1/64", host, "")
	check(t, j.Autoconfigure(network.Autoconf{}))
	k, _ := b.cable6(r, "2001:db8:1::1/64", other, "2001:db8:1::2/64")
	for _, i := range []*network.Interface{i, k} {
		check(t, i.Advertise(network.Advertising{DNS: []netip.Addr{addr("2001:db8::53"), addr("2001:db8::54")}, Search: []string{"corp.example", "example"}}))
	}
	b.run(10 * time.Second)
	if got, want := servers(host), "2001:db8::53 2001:db8::54"; got != want {
		t.Errorf("the servers are %q, want %q", got, want)
	}
	if got := servers(other); got != "" {
		t.Errorf("a host with addresses by hand has taken %q from a router", got)
	}
	// RFC 8106, section 5.1: for three times MaxRtrAdvInterval, which is ten minutes.
	for _, s := range host.DNSServers() {
		if left := s.Until.Sub(b.loop.Now()); left > 30*time.Minute || left < 29*time.Minute {
			t.Errorf("%v may be asked for %v, want 30 minutes from the advertisement", s.Addr, left)
		}
	}
	if got := domains(host); got != "corp.example example" {
		t.Errorf("the domains are %q, want %q", got, "corp.example example")
	}
	for _, d := range host.DNSDomains() {
		if left := d.Until.Sub(b.loop.Now()); left > 30*time.Minute || left < 29*time.Minute {
			t.Errorf("%v may be looked in for %v, want 30 minutes from the advertisement", d.Name, left)
		}
	}
	i.StopAdvertising()
	b.run(time.Hour)
	if got := servers(host); got != "" {
		t.Errorf("an hour after the last advertisement the servers are %q, want none", got)
	}
	if got := domains(host); got != "" {
		t.Errorf("an hour after the last advertisement the domains are %q, want none", got)
	}
	for _, bad := range [][]string{{"a b"}, {"example."}, {"a", "b", "c", "d", "e", "f", "g"}} {
		if err := i.Advertise(network.Advertising{Search: bad}); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("%q is advertised as a search list, error %v: want EINVAL", bad, err)
		}
	}
	for _, bad := range []string{"10.0.0.1", "::", "ff02::1"} {
		if err := i.Advertise(network.Advertising{DNS: []netip.Addr{addr(bad)}}); err == nil {
			t.Errorf("%s is advertised as a DNS server: want EINVAL", bad)
		}
	}
}
