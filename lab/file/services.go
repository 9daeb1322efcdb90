package file

import (
	"fmt"
	"net/netip"
	"strings"
)

// Service is a program that listens on a host.
type Service struct {
	Position
	Kind string         // "echo", over TCP and UDP, or "web", HTTP over TCP
	Bind netip.AddrPort // 0.0.0.0 is every IPv4 address of the host, :: every one of both families
	// Of "web" alone:
	Title string
	Pages map[string]string // the text of each page by its path; "/" is always there
}

// uses reports whether the service has the port of the protocol.
func (s *Service) uses(protocol string) bool {
	return s.Kind == "echo" || protocol == "tcp"
}

const serviceForm = "a list of services, like - echo: {port: 7}"

func (r *reader) readServices(h *Host, v value) {
	values, _ := r.list(v, serviceForm)
	for _, v := range values {
		before := len(r.mistakes)
		o, ok := r.object(v, serviceKeys)
		if !ok {
			continue
		}
		if len(h.Services) >= maxPerHost {
			r.mistake(v.at, "too many services", fmt.Sprintf("the most is %d", maxPerHost))
			return
		}
		switch len(o.entries) {
		case 0:
			if len(r.mistakes) == before { // otherwise its unknown key is reported
				r.mistake(v.at, "this service is empty", "expected "+serviceForm)
			}
		case 1:
			e := o.entries[0]
			r.readService(h, e.key, e.value)
		case 2:
			r.mistake(o.entries[1].key.place, "a second service in one entry", "expected a dash in front of each service")
		}
	}
}

func (r *reader) readService(h *Host, kind word, v value) {
	s := &Service{Position: kind.Position, Kind: kind.text}
	ks := echoKeys
	if s.Kind == "web" {
		ks = webKeys
	}
	o, ok := r.shorthand(v, "port", ks)
	if !ok {
		return
	}
	if s.Kind == "web" {
		r.readWeb(h, s, o)
	}
	number, ok := o.get("port")
	if !ok {
		r.mistake(kind.place, s.Kind+" has no port", "expected port: and "+portForm)
		return
	}
	bind, okBind := r.bind(h, o)
	w, ok := r.text(number, portForm)
	if !ok {
		return
	}
	if port, ok := r.port(w); ok && okBind {
		s.Bind = netip.AddrPortFrom(bind, port)
		r.addService(h, s, w.place)
	}
}

// bind reads the address a service listens on. The default is all there are.
func (r *reader) bind(h *Host, o object) (netip.Addr, bool) {
	any := netip.IPv4Unspecified()
	if h.SpeaksIPv6() {
		any = netip.IPv6Unspecified()
	}
	v, ok := o.get("bind")
	if !ok {
		return any, true
	}
	w, ok := r.text(v, addressForm)
	if !ok {
		return any, false
	}
	a, ok := r.address(w)
	if ok && a.Is6() && a.IsLinkLocalUnicast() {
		a, ok = r.linkAddress(h, w.place, a)
	}
	if ok && !a.IsUnspecified() && !a.IsLoopback() && !h.owns(a) {
		r.mistake(w.place, fmt.Sprintf("%s has no address %v", h.Name, a), "expected 0.0.0.0 for all its IPv4 addresses, \"::\" for those of both families, 127.0.0.1 or ::1 for itself alone, or one of its own")
		return a, false
	}
	return a, ok
}

// addService adds s unless another service has its port already.
func (r *reader) addService(h *Host, s *Service, at place) {
	for _, other := range h.Services {
		if other.Bind.Port() != s.Bind.Port() || !overlap(other.Bind.Addr(), s.Bind.Addr()) {
			continue
		}
		for _, protocol := range []string{"tcp", "udp"} {
			if s.uses(protocol) && other.uses(protocol) {
				r.mistake(at, fmt.Sprintf("%s port %d of %s is taken", protocol, s.Bind.Port(), h.Name),
					fmt.Sprintf("%s on line %d has it; choose another port", other.Kind, other.Line))
				return
			}
		}
	}
	h.Services = append(h.Services, s)
}

// overlap reports whether two listeners on one port would meet. Who listens on ::
// hears IPv4 too (RFC 3493, section 3.7).
func overlap(a, b netip.Addr) bool {
	covers := func(a, b netip.Addr) bool { return a.IsUnspecified() && (a.Is6() || b.Is4()) }
	return a == b || covers(a, b) || covers(b, a)
}

func (r *reader) readWeb(h *Host, s *Service, o object) {
	s.Title = h.Name
	if v, ok := o.get("title"); ok {
		w, _ := r.limitedText(v, "the title of the page", maxTextSize)
		s.Title = w.text
	}
	s.Pages = map[string]string{"/": "This page comes from " + h.Name + ".\n"}
	if v, ok := o.get("text"); ok {
		w, _ := r.limitedText(v, "the text of the page", maxTextSize)
		s.Pages["/"] = w.text
	}
	v, ok := o.get("pages")
	if !ok {
		return
	}
	entries, _ := r.mapping(v, "paths with their texts, like /about: a text")
	for _, e := range entries {
		if !strings.HasPrefix(e.key.text, "/") || strings.ContainsAny(e.key.text, " ?#%") {
			r.mistake(e.key.place, quote(e.key.text)+" is not a path", "expected a slash in front, and none of ? # % or blanks")
			continue
		}
		w, _ := r.limitedText(e.value, "the text of the page", maxTextSize)
		s.Pages[e.key.text] = w.text
	}
}

// limitedText reads a text of at most so many bytes.
func (r *reader) limitedText(v value, expected string, most int) (word, bool) {
	w, ok := r.text(v, expected)
	if ok && len(w.text) > most {
		r.mistake(w.place, fmt.Sprintf("this text has %d bytes", len(w.text)), fmt.Sprintf("the most is %d", most))
		return w, false
	}
	return w, ok
}
