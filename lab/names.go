package lab

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"septet/host"
	"septet/lab/file"
)

// NameOf returns the name of the host that has the address, or the address.
func (b *Lab) NameOf(a netip.Addr) string {
	if name, ok := b.names[a.WithZone("")]; ok {
		return name
	}
	return a.String()
}

// writeNameservers puts those of the file, and the search list, into the host's resolv.conf.
func writeNameservers(machine *host.Host, h *file.Host) error {
	if len(h.Nameservers) == 0 {
		return nil
	}
	var text []byte
	if len(h.Search) > 0 {
		text = fmt.Appendf(text, "search %s\n", strings.Join(h.Search, " "))
	}
	for _, a := range h.Nameservers {
		text = fmt.Appendf(text, "nameserver %v\n", a)
	}
	return machine.WriteFile("/etc/resolv.conf", text)
}

// learn notes the addresses that an interface has or will make itself, for NameOf.
func (b *Lab) learn(h *file.Host, i *file.Interface) {
	for _, a := range h.Addresses() {
		b.names[a] = h.Name
	}
	if i.SpeaksIPv6() {
		b.names[i.LinkLocal().WithZone("")] = h.Name
	}
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
