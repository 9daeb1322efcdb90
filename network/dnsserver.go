package network

import (
	"net/netip"
	"slices"
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

// mostDNSServers caps those of an interface. RFC 8106, section 5.3.1: three are enough;
// and resolv.conf has no more.
const mostDNSServers = 3

// DNSServers returns the servers that routers have advertised to this host, interface by
// interface, the ones learned last first.
func (l *Layer) DNSServers() (all []DNSServer) {
	for _, i := range l.interfaces {
		if i.six != nil && i.six.auto != nil {
			all = append(all, i.six.auto.servers...)
		}
	}
	return all
}

// takeServers takes the servers that a router advertises (RFC 8106, section 5.3.1). Those
// at the front of an option come before those behind.
func (c *autoconfiguration) takeServers(options []header.DNSServers) {
	for o := range slices.Backward(options) {
		for _, a := range slices.Backward(options[o].Addrs) {
			if !a.IsUnspecified() && !a.IsMulticast() && !a.IsLoopback() && !a.Is4In6() {
				c.takeServer(c.i.Scoped(a), options[o].Lifetime)
			}
		}
	}
	c.schedule()
}

// takeServer notes a server for its lifetime, or forgets it if that is zero.
func (c *autoconfiguration) takeServer(a netip.Addr, lifetime time.Duration) {
	until := c.i.layer.loop.Now().Add(lifetime)
	n := slices.IndexFunc(c.servers, func(s DNSServer) bool { return s.Addr == a })
	switch {
	case lifetime == 0:
		if n >= 0 {
			c.servers = slices.Delete(c.servers, n, n+1)
		}
		return
	case n >= 0:
		c.servers[n].Until = until
		return
	case len(c.servers) >= mostDNSServers:
		// A new one takes the place of that which would end first; of several, of the
		// oldest.
		first := 0
		for n := range c.servers {
			if c.servers[n].Until <= c.servers[first].Until {
				first = n
			}
		}
		c.servers = slices.Delete(c.servers, first, first+1)
		c.i.layer.discovery().DNSServersReplaced++
	}
	c.servers = slices.Insert(c.servers, 0, DNSServer{a, until})
}

// ageServers forgets the servers whose lifetime is over (RFC 8106, section 6.1).
func (c *autoconfiguration) ageServers(now event.Time) {
	c.servers = slices.DeleteFunc(c.servers, func(s DNSServer) bool { return now >= s.Until })
}
