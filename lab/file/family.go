package file

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// familyOf names the family of an address.
func familyOf(a netip.Addr) string {
	if a.Is4() {
		return "IPv4"
	}
	return "IPv6"
}

const familyForm = "ipv4 or ipv6"

// readFamily reads the family that a step is confined to: "IPv4", "IPv6", or "" for
// either.
func (r *reader) readFamily(o object) string {
	v, ok := o.get("family")
	if !ok {
		return ""
	}
	w, ok := r.text(v, familyForm)
	switch {
	case !ok:
	case w.text == "ipv4":
		return "IPv4"
	case w.text == "ipv6":
		return "IPv6"
	default:
		r.mistake(w.place, quote(w.text)+" is not a family of addresses", "expected "+familyForm)
	}
	return ""
}

// confine leaves the addresses of a family in t. It is a mistake if there are none.
func (r *reader) confine(name word, t *Target, family string) bool {
	had := t.Addrs
	t.Addrs = nil
	for _, a := range had {
		if family == "" || familyOf(a) == family {
			t.Addrs = append(t.Addrs, a)
		}
	}
	h := r.lab.Host(t.Name)
	switch {
	case len(t.Addrs) > 0:
		return true
	case h == nil || h.Name != name.text:
		r.mistake(name.place, fmt.Sprintf("%s is not an %s address", name.text, family), "leave family out")
	case h.unread() || h.auto(): // its own mistake says it
	case len(had) > 0:
		r.mistake(name.place, fmt.Sprintf("%s has no %s address", name.text, family), fmt.Sprintf("it has %v", had[0]))
	}
	return false
}

func (h *Host) auto() bool {
	return slices.ContainsFunc(h.Interfaces, func(i *Interface) bool { return i.Auto })
}

// unread reports whether there is an address of h that could not be read.
func (h *Host) unread() bool {
	return slices.ContainsFunc(h.Interfaces, func(i *Interface) bool { return i.unread })
}

// splitPort splits "pc2:8888" or "[2001:db8::1]:8888" (RFC 3986, section 3.2.2), and
// takes the brackets away. has is false where there is no port.
func (w word) splitPort() (host, port word, has bool) {
	none := w.part(len(w.text), len(w.text))
	if end := strings.Index(w.text, "]"); end > 0 && w.text[0] == '[' {
		switch rest := w.text[end+1:]; {
		case rest == "":
			return w.part(1, end), none, false
		case rest[0] == ':':
			return w.part(1, end), w.part(end+2, len(w.text)), true
		}
	}
	if bareIPv6(w.text) {
		return w, none, false
	}
	return w.cut(":")
}

// bareIPv6 reports whether a text is an IPv6 address without brackets.
func bareIPv6(text string) bool {
	a, err := netip.ParseAddr(text)
	return err == nil && a.Is6()
}
