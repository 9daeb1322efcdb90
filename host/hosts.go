package host

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"septet/network"
)

// Hosts is a table of names and addresses, as in hosts(5). It may be shared and
// is safe for use by several goroutines.
type Hosts struct {
	mu      sync.RWMutex
	entries []entry // in the order of the file
	// names finds addresses where there are more than fewNames entries. Most
	// hosts know only themselves: for them it is nil.
	names map[string][]netip.Addr
	rest  *Hosts // asked for what is not here, see Share
}

// fewNames is how many entries are looked through one by one.
const fewNames = 8

type entry struct {
	addr netip.Addr
	name string
}

// NewHosts returns an empty table.
func NewHosts() *Hosts { return new(Hosts) }

// Share has the table answer from another one what it does not know itself. A lab's
// hosts share the names of all of them. The other table must not share this one.
func (t *Hosts) Share(rest *Hosts) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rest = rest
}

// fold makes names equal that differ in case or in a final dot only (RFC 4343).
func fold(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// Add adds an address to a name, after those that it has.
func (t *Hosts) Add(name string, addr netip.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := fold(name)
	if slices.Contains(t.find(key), addr) {
		return
	}
	t.entries = append(t.entries, entry{addr, name})
	switch {
	case t.names != nil:
		t.names[key] = append(t.names[key], addr)
	case len(t.entries) > fewNames:
		t.names = make(map[string][]netip.Addr)
		for _, e := range t.entries {
			key := fold(e.name)
			t.names[key] = append(t.names[key], e.addr)
		}
	}
}

// find returns the addresses of a folded name.
func (t *Hosts) find(key string) []netip.Addr {
	if t.names != nil {
		return t.names[key]
	}
	var found []netip.Addr
	for _, e := range t.entries {
		if fold(e.name) == key {
			found = append(found, e.addr)
		}
	}
	return found
}

// Remove forgets a name, though not one in a shared table.
func (t *Hosts) Remove(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.names, fold(name))
	t.entries = slices.DeleteFunc(t.entries, func(e entry) bool { return fold(e.name) == fold(name) })
}

// Addrs returns the addresses of a name, the first added first.
func (t *Hosts) Addrs(name string) []netip.Addr {
	t.mu.RLock()
	found, rest := slices.Clone(t.find(fold(name))), t.rest
	t.mu.RUnlock()
	switch {
	case len(found) == 0 && rest != nil:
		return rest.Addrs(name)
	case len(found) == 1 && found[0] == localhost4:
		return append(found, localhost6)
	}
	return found
}

// Who is 127.0.0.1 is ::1 too: it need not be said, on thousands of hosts.
var (
	localhost4 = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	localhost6 = netip.IPv6Loopback()
)

// Names returns the names that have an address, the canonical one first.
func (t *Hosts) Names(addr netip.Addr) []string {
	if addr == localhost6 {
		addr = localhost4
	}
	t.mu.RLock()
	var names []string
	for _, e := range t.entries {
		if e.addr == addr {
			names = append(names, e.name)
		}
	}
	rest := t.rest
	t.mu.RUnlock()
	if len(names) == 0 && rest != nil {
		return rest.Names(addr)
	}
	return names
}

// Lookup finds the addresses of a name, in the order in which they are to be tried, as
// Resolver's LookupNetIP does. Errors: *net.DNSError.
func (h *Host) Lookup(name string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(name); err == nil {
		return []netip.Addr{a}, nil
	}
	return h.Resolver().LookupNetIP(context.Background(), "ip", name)
}

// SortAddresses puts the addresses of a name into the order in which the host tries
// them: that of RFC 6724. A host without IPv6 tries IPv4 first even if both are its own.
func (h *Host) SortAddresses(addrs []netip.Addr) {
	if len(addrs) < 2 {
		return
	}
	h.loop.Lock()
	defer h.loop.Unlock()
	if h.Network.SpeaksIPv6() {
		network.SortDestinations(h.Network, addrs)
		return
	}
	slices.SortStableFunc(addrs, func(a, b netip.Addr) int { return a.BitLen() - b.BitLen() })
}
