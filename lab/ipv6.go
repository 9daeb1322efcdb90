package lab

import (
	"fmt"

	"septet/host"
	"septet/lab/file"
	"septet/network"
)

// startIPv6 puts IPv6 into operation, on all hosts at once. In simulated time all that
// belongs to this moment is over when startIPv6 returns, so that nothing races with it.
func (b *Lab) startIPv6() error {
	any := false
	b.Loop.Lock()
	for _, h := range b.About.Hosts {
		if !h.SpeaksIPv6() {
			continue
		}
		any = true
		if err := configure6(b.hosts[h.Name], h); err != nil {
			b.Loop.Unlock()
			return err
		}
	}
	b.Loop.Unlock()
	if any && b.Loop.Simulated() {
		return b.Loop.Sleep(0)
	}
	return nil
}

// configure6 gives a host its addresses and routes of IPv6.
func configure6(machine *host.Host, h *file.Host) error {
	for _, attached := range machine.Network.Interfaces() {
		i := h.Interface(attached.Name())
		if i == nil {
			continue // lo
		}
		for _, p := range i.IPv6 {
			if err := attached.AddAddress(p); err != nil {
				return fmt.Errorf("host %s: %v: %w", h.Name, p, err)
			}
		}
		if err := discover(attached, h, i); err != nil {
			return fmt.Errorf("host %s: %s: %w", h.Name, i.Name, err)
		}
	}
	for _, r := range h.Routes {
		if r.To.Addr().Is6() {
			if err := addRoute(machine, r); err != nil {
				return err
			}
		}
	}
	return nil
}

// discover begins what an interface does with router advertisements: a host's asks for
// them, a router's sends them, with its nameservers and search list. A host's addresses are
// made of that of its card, as Linux does it, so that they can be known beforehand.
func discover(attached *network.Interface, h *file.Host, i *file.Interface) error {
	switch {
	case i.Auto:
		return attached.Autoconfigure(network.Autoconf{HardwareID: true})
	case i.Advertise:
		var a network.Advertising
		for _, s := range h.Nameservers {
			if s.Is6() && s.Zone() == "" {
				a.DNS = append(a.DNS, s)
			}
		}
		a.Search = h.Search
		return attached.Advertise(a)
	}
	return nil
}
