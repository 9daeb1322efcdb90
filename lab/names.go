package lab

import (
	"context"
	"net"
	"net/netip"
	"slices"

	"septet/host"
	"septet/lab/file"
)

// NameOf returns the name of the host that has the address, or the address. Those that
// a host has found itself, and those of a link, are looked for on the hosts: of the
// latter the same may be on two links, but each has a card of its own behind it.
func (b *Lab) NameOf(a netip.Addr) string {
	if name, ok := b.names[a]; ok {
		return name
	}
	if !a.Is6() {
		return a.String()
	}
	b.Loop.Lock()
	defer b.Loop.Unlock()
	for _, h := range b.About.Hosts {
		for _, i := range b.hosts[h.Name].Network.Interfaces() {
			for _, own := range i.Addresses() {
				if own.Addr.WithZone("") == a.WithZone("") {
					return h.Name
				}
			}
		}
	}
	return a.String()
}

// addresses returns the addresses of a target in the order in which h tries them.
func addresses(h *host.Host, t file.Target) []netip.Addr {
	all := slices.Clone(t.Addrs)
	h.SortAddresses(all)
	return all
}

// dial connects to a target: to its first address that lets it, as net.Dial does with
// those of a name. The error is that of the first.
func dial(ctx context.Context, h *host.Host, network string, t file.Target) (net.Conn, error) {
	var first error
	for _, a := range addresses(h, t) {
		c, err := h.DialContext(ctx, network, netip.AddrPortFrom(a, t.Port).String())
		if err == nil {
			return c, nil
		}
		if first == nil {
			first = err
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, first
}
