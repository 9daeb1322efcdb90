package file

import "fmt"

// maxNameservers is how many a host asks (MAXNS of resolv.h).
const maxNameservers = 3

// readNameservers reads the servers that a host asks for names.
func (r *reader) readNameservers(h *Host, o object) {
	v, ok := o.get("nameserver")
	if !ok {
		return
	}
	for _, v := range r.oneOrMore(v, addressForm) {
		w, ok := r.text(v, addressForm)
		if !ok {
			continue
		}
		a, ok := r.address(w)
		if ok && a.Is6() && a.IsLinkLocalUnicast() {
			a, ok = r.linkAddress(h, w.place, a)
		}
		switch {
		case !ok:
		case a.IsUnspecified() || a.IsMulticast():
			r.mistake(w.place, fmt.Sprintf("%v is no host's address", a), "expected "+addressForm)
		case len(h.Nameservers) >= maxNameservers:
			r.mistake(w.place, "too many nameservers", fmt.Sprintf("the most that a host asks is %d", maxNameservers))
			return
		default:
			h.Nameservers = append(h.Nameservers, a)
		}
	}
}
