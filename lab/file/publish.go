package file

import (
	"fmt"
	"net/netip"
	"strings"
)

const listenForm = "an address of this machine and a port, like 127.0.0.1:8888"

func (r *reader) readPublish(o object, sound bool) {
	v, ok := o.get("publish")
	if !ok {
		return
	}
	values, _ := r.list(v, "a list, like - {listen: 127.0.0.1:8888, to: pc2:8888, from: pc1}")
	for _, v := range values {
		if len(r.lab.Published) >= maxPublish {
			r.mistake(v.at, "too many published ports", fmt.Sprintf("the most is %d", maxPublish))
			return
		}
		if o, ok := r.object(v, publishKeys); ok {
			r.readPublished(o, sound)
		}
	}
}

func (r *reader) readPublished(o object, sound bool) {
	p := &Published{Position: o.at.Position, Protocol: "tcp"}
	var from *Host
	if w, ok := r.required(o, "from", "the host at which clients enter the lab"); ok {
		from, _ = r.host(w)
		p.From = w.text
	}
	if v, ok := o.get("protocol"); ok {
		w, ok := r.text(v, "tcp or udp")
		if ok && w.text != "tcp" && w.text != "udp" {
			r.mistake(w.place, quote(w.text)+" cannot be published", "expected tcp or udp")
		}
		p.Protocol = w.text
	}
	to, okTo := r.required(o, "to", targetForm)
	if okTo {
		p.To, okTo = r.target(to, from, "", true)
	}
	listen, okListen := r.required(o, "listen", listenForm)
	if !okListen || !r.listen(p, listen) || !okTo || from == nil {
		return
	}
	r.lab.Published = append(r.lab.Published, p)
	if sound {
		r.checkReach(to.place, from, p.To)
	}
}

// required returns the text under a key that must be there.
func (r *reader) required(o object, key, form string) (word, bool) {
	v, ok := o.get(key)
	if !ok {
		r.mistake(o.at, key+" is missing", fmt.Sprintf("expected %s: %s", key, form))
		return word{place: o.at}, false
	}
	return r.text(v, form)
}

// listen reads where the real machine listens.
func (r *reader) listen(p *Published, w word) bool {
	i := strings.LastIndex(w.text, ":")
	if i < 0 {
		r.mistake(w.place, quote(w.text)+" has no port", "expected "+listenForm)
		return false
	}
	port, ok := r.port(w.part(i+1, len(w.text)))
	if !ok {
		return false
	}
	a, err := netip.ParseAddr(strings.Trim(w.text[:i], "[]"))
	if err != nil {
		r.mistake(w.part(0, i).place, quote(w.text[:i])+" is not an IP address", "expected "+listenForm)
		return false
	}
	p.Listen = netip.AddrPortFrom(a, port)
	for _, other := range r.lab.Published {
		if other.Protocol == p.Protocol && other.Listen.Port() == port && overlap(other.Listen.Addr(), a) {
			r.mistake(w.place, fmt.Sprintf("%s port %d of this machine is published twice", p.Protocol, port), fmt.Sprintf("the first is on line %d", other.Line))
			return false
		}
	}
	return true
}

const targetForm = "a host and a port, like pc2:8888"

// target reads what a host dials: "pc2:8888", or "pc2" without a port. A name
// stands for the first address of its host in each family; localhost is the dialling
// host. If a family is given, only its addresses count.
func (r *reader) target(w word, from *Host, family string, withPort bool) (Target, bool) {
	t := Target{Position: w.Position, Text: w.text}
	name, port, has := w.splitPort()
	if has != withPort {
		form := targetForm
		switch {
		case !withPort:
			form = "a host without a port, like pc2"
		case bareIPv6(name.text):
			form = fmt.Sprintf("the address between brackets, and a port, like \"[%s]:8888\"", name.text)
		}
		r.mistake(w.place, quote(w.text)+" cannot be reached like this", "expected "+form)
		return t, false
	}
	known := r.resolve(name, from, &t) && r.confine(name, &t, family)
	if withPort {
		number, ok := r.port(port)
		t.Port = number
		known = known && ok
	}
	return t, known
}

// resolve fills in the addresses that a name stands for.
func (r *reader) resolve(name word, from *Host, t *Target) bool {
	switch {
	case name.text == "localhost":
		t.Addrs = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}
		if from != nil {
			t.Name = from.Name
		}
		return true
	case strings.Contains(name.text, ":") || name.text != "" && strings.Trim(name.text, "0123456789.") == "":
		return r.resolveLiteral(name, from, t)
	}
	h, ok := r.host(name)
	if !ok {
		return false
	}
	t.Name, t.Addrs = h.Name, h.firstAddresses()
	return true
}

// resolveLiteral takes an address as it is, and says whose it is.
func (r *reader) resolveLiteral(name word, from *Host, t *Target) bool {
	a, ok := r.address(name)
	if !ok {
		return false
	}
	if owner := r.addresses[a]; owner != nil {
		t.Name = owner.Name
	}
	if a.Is6() && a.IsLinkLocalUnicast() && from != nil {
		if a, ok = r.linkAddress(from, name.place, a); !ok {
			return false
		}
		if m, found := r.onLink(from, a); found {
			t.Name = m.host.Name
		}
	}
	t.Addrs = []netip.Addr{a}
	return true
}
