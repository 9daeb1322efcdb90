package network

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"septet/event"
	"septet/header"
)

// DNSServer is a recursive DNS server that a router has advertised (RFC 8106), and until
// when it may be asked.
type DNSServer struct {
	Addr  netip.Addr // with a zone if it is of the link alone
	Until event.Time
}

// DNSDomain is a domain that a router has advertised for short names to be looked for in
// (RFC 8106, section 5.2), and until when.
type DNSDomain struct {
	Name  string // in lower case, without a dot at the end
	Until event.Time
}

// mostDNSServers caps those of an interface. RFC 8106, section 5.3.1: three are enough;
// and resolv.conf has no more. Of domains header.MostDomains are kept.
const mostDNSServers = 3

// DNSServers returns the servers that routers have advertised to this host, interface by
// interface, the ones learned last first.
func (l *Layer) DNSServers() (all []DNSServer) {
	for c := range l.autoconfigurations {
		for _, s := range c.servers {
			all = append(all, DNSServer{s.value, s.until})
		}
	}
	return all
}

// DNSDomains returns the search list that routers have advertised to this host, interface
// by interface, the domains learned last first.
func (l *Layer) DNSDomains() (all []DNSDomain) {
	for c := range l.autoconfigurations {
		for _, d := range c.domains {
			all = append(all, DNSDomain{d.value, d.until})
		}
	}
	return all
}

// autoconfigurations yields those of the interfaces that have one.
func (l *Layer) autoconfigurations(yield func(*autoconfiguration) bool) {
	for _, i := range l.interfaces {
		if i.six != nil && i.six.auto != nil && !yield(i.six.auto) {
			return
		}
	}
}

// takeDNS takes the servers and the domains that a router advertises (RFC 8106, section
// 5.3.1). Those at the front of an option come before those behind.
func (c *autoconfiguration) takeDNS(o *header.NDOptions) {
	now, stats := c.i.layer.loop.Now(), c.i.layer.discovery()
	for n := range slices.Backward(o.DNS) {
		for _, a := range slices.Backward(o.DNS[n].Addrs) {
			if !a.IsUnspecified() && !a.IsMulticast() && !a.IsLoopback() && !a.Is4In6() &&
				c.servers.take(c.i.Scoped(a), now, o.DNS[n].Lifetime, mostDNSServers) {
				stats.DNSServersReplaced++
			}
		}
	}
	for n := range slices.Backward(o.Search) {
		for _, d := range slices.Backward(o.Search[n].Domains) {
			if c.domains.take(strings.ToLower(d), now, o.Search[n].Lifetime, header.MostDomains) {
				stats.DNSDomainsReplaced++
			}
		}
	}
	c.schedule()
}

// dnsList has the servers or the domains that an interface has learned, the last first.
type dnsList[V comparable] []dnsEntry[V]

type dnsEntry[V comparable] struct {
	value V
	until event.Time
}

// take notes a value for its lifetime, or forgets it if that is zero. It reports whether
// another has gone for it: beyond the most there may be, that which would end first; of
// several, the oldest.
func (l *dnsList[V]) take(value V, now event.Time, lifetime time.Duration, most int) (replaced bool) {
	until := now.Add(lifetime)
	n := slices.IndexFunc(*l, func(e dnsEntry[V]) bool { return e.value == value })
	switch {
	case lifetime == 0:
		if n >= 0 {
			*l = slices.Delete(*l, n, n+1)
		}
		return false
	case n >= 0:
		(*l)[n].until = until
		return false
	case len(*l) >= most:
		first := 0
		for n, e := range *l {
			if e.until <= (*l)[first].until {
				first = n
			}
		}
		*l, replaced = slices.Delete(*l, first, first+1), true
	}
	*l = slices.Insert(*l, 0, dnsEntry[V]{value, until})
	return replaced
}

// age forgets those whose lifetime is over (RFC 8106, section 6.1).
func (l *dnsList[V]) age(now event.Time) {
	*l = slices.DeleteFunc(*l, func(e dnsEntry[V]) bool { return now >= e.until })
}

// next returns when the first of them ends.
func (l dnsList[V]) next() event.Time {
	next := event.Never
	for _, e := range l {
		next = min(next, e.until)
	}
	return next
}
