package file

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Defaults of the script.
const (
	DefaultTimeout      = 10 * time.Second
	DefaultPingCount    = 3
	DefaultPingInterval = time.Second
	DefaultPingSize     = 56 // as ping's on most systems
	DefaultHops         = 64 // as traceroute's of the BSDs
	DefaultProbes       = 3
)

// maxDatagram is what fits an IPv4 packet beside the headers of IP and UDP.
const maxDatagram = 65535 - 20 - 8

const scriptForm = "a list of steps, like - {host: pc1, ping: www}"

func (r *reader) readScript(o object, sound bool) {
	v, ok := o.get("script")
	if !ok {
		return
	}
	values, _ := r.list(v, scriptForm)
	var last *Step // the last one that says at
	for _, v := range values {
		if len(r.lab.Script) >= maxSteps {
			r.mistake(v.at, "too many steps", fmt.Sprintf("the most is %d", maxSteps))
			return
		}
		o, ok := r.object(v, stepKeys)
		if !ok {
			continue
		}
		s := &Step{Position: o.at.Position, Follows: true}
		if r.readWhen(s, o, last); !s.Follows {
			last = s
		}
		if r.readAction(s, o, sound); s.Action != nil {
			r.lab.Script = append(r.lab.Script, s)
		}
	}
}

// readWhen reads at. The list is in the order of time, so that it can be read
// from the top down.
func (r *reader) readWhen(s *Step, o object, last *Step) {
	v, ok := o.get("at")
	if !ok {
		return
	}
	d, ok := r.duration(v)
	if !ok {
		return
	}
	if last != nil && d < last.At {
		r.mistake(v.at, fmt.Sprintf("%v is before the step on line %d", d, last.Line), fmt.Sprintf("steps stand in the order of time; that one is at %v", last.At))
	}
	s.At, s.Follows = d, false
}

// readAction reads the one action of a step, after the host or link it is for.
func (r *reader) readAction(s *Step, o object, sound bool) {
	var actions []entry
	for _, e := range o.entries {
		if slices.Contains(actionNames, e.key.text) {
			actions = append(actions, e)
		}
	}
	switch len(actions) {
	case 0:
		r.mistake(o.at, "this step does nothing", "expected one of "+strings.Join(actionNames, ", "))
		return
	case 1:
	default:
		r.mistake(actions[1].key.place, fmt.Sprintf("this step does %s already", actions[0].key.text), "expected one action; begin the next with a dash")
		return
	}
	a := actions[0]
	switch a.key.text {
	case "sleep":
		r.forbid(o, a.key, "host", "link", "timeout")
		if d, ok := r.duration(a.value); ok {
			s.Action = &Sleep{For: d}
		}
	case "set", "state", "cable":
		r.forbid(o, a.key, "host", "timeout")
		if l, ok := r.subjectLink(o, a.key); ok {
			r.readLinkAction(s, l, a)
		}
	default:
		r.forbid(o, a.key, "link")
		s.Timeout = DefaultTimeout
		if v, ok := o.get("timeout"); ok {
			if d, ok := r.someDuration(v); ok {
				s.Timeout = d
			}
		}
		if h, ok := r.subjectHost(s, o, a.key); ok {
			r.readHostAction(s, h, a, sound)
		}
	}
}

// forbid reports keys that make no sense beside an action.
func (r *reader) forbid(o object, action word, names ...string) {
	for _, name := range names {
		if _, ok := o.get(name); ok {
			r.mistake(o.key(name), fmt.Sprintf("%s has no %s", action.text, name), "leave it out")
		}
	}
}

func (r *reader) subjectHost(s *Step, o object, action word) (*Host, bool) {
	v, ok := o.get("host")
	if !ok {
		r.mistake(action.place, fmt.Sprintf("%s does not say who does it", action.text), "expected host: beside it, like host: pc1")
		return nil, false
	}
	w, ok := r.text(v, "the name of a host")
	if !ok {
		return nil, false
	}
	s.Host = w.text
	return r.host(w)
}

func (r *reader) readHostAction(s *Step, h *Host, a entry, sound bool) {
	var to place
	var target *Target
	switch a.key.text {
	case "ping":
		if p, at, ok := r.readPing(h, a.value); ok {
			s.Action, to, target = p, at, &p.To
		}
	case "traceroute":
		if t, at, ok := r.readTraceroute(h, a.value); ok {
			s.Action, to, target = t, at, &t.To
		}
	case "show":
		if t, ok := r.readShow(h, a.value); ok {
			s.Action = t
		}
	case "connect":
		if c, at, ok := r.readExchange(h, a.value, connectKeys, maxTextSize); ok {
			s.Action, to, target = (*Connect)(c), at, &c.To
		}
	case "udp":
		if c, at, ok := r.readExchange(h, a.value, udpKeys, maxDatagram); ok {
			s.Action, to, target = (*Datagram)(c), at, &c.To
		}
	case "get":
		if g, at, ok := r.readGet(h, a.value); ok {
			s.Action, to, target = g, at, &g.To
		}
	}
	if target != nil && sound {
		r.checkReach(to, h, *target)
	}
}

// readPing reads "ping: www" or "ping: {to: www, count: 3}".
func (r *reader) readPing(h *Host, v value) (*Ping, place, bool) {
	p := &Ping{Count: DefaultPingCount, Interval: DefaultPingInterval, Size: DefaultPingSize}
	o, ok := r.shorthand(v, "to", pingKeys)
	if !ok {
		return nil, o.at, false
	}
	if v, ok := o.get("count"); ok {
		p.Count, _ = r.number(v, 1, 1_000_000)
	}
	if v, ok := o.get("interval"); ok {
		p.Interval, _ = r.someDuration(v)
	}
	if v, ok := o.get("size"); ok {
		p.Size, _ = r.number(v, 0, maxDatagram) // ICMP's header is as long as UDP's
	}
	w, ok := r.required(o, "to", hostForm)
	if ok {
		p.To, ok = r.target(w, h, r.readFamily(o), false)
	}
	return p, w.place, ok
}

const hostForm = "a host, like pc2"

// readTraceroute reads "traceroute: www" or "traceroute: {to: www, hops: 30}".
func (r *reader) readTraceroute(h *Host, v value) (*Traceroute, place, bool) {
	t := &Traceroute{Hops: DefaultHops, Probes: DefaultProbes}
	o, ok := r.shorthand(v, "to", tracerouteKeys)
	if !ok {
		return nil, o.at, false
	}
	if v, ok := o.get("hops"); ok {
		t.Hops, _ = r.number(v, 1, 255)
	}
	if v, ok := o.get("probes"); ok {
		t.Probes, _ = r.number(v, 1, 10)
	}
	w, ok := r.required(o, "to", hostForm)
	if ok {
		t.To, ok = r.target(w, h, r.readFamily(o), false)
	}
	return t, w.place, ok
}

// shown is what a host can show.
var shown = []string{"addresses", "routes", "neighbours", "route"}

// readShow reads "show: routes" or "show: {what: route, to: www}".
func (r *reader) readShow(h *Host, v value) (*Show, bool) {
	o, ok := r.shorthand(v, "what", showKeys)
	if !ok {
		return nil, false
	}
	w, ok := r.required(o, "what", strings.Join(shown, ", "))
	switch {
	case !ok:
		return nil, false
	case !slices.Contains(shown, w.text):
		r.mistake(w.place, quote(w.text)+" cannot be shown", oneOf("there", w.text, shown))
		return nil, false
	case w.text != "route":
		r.forbid(o, w, "to", "family")
		return &Show{What: w.text}, true
	}
	s := &Show{What: w.text}
	to, ok := r.required(o, "to", hostForm)
	if ok {
		s.To, ok = r.target(to, h, r.readFamily(o), false)
	}
	return s, ok
}

// readExchange reads what connect and udp have in common.
func (r *reader) readExchange(h *Host, v value, ks keys, most int) (*Connect, place, bool) {
	c := &Connect{}
	o, ok := r.shorthand(v, "to", ks)
	if !ok {
		return nil, o.at, false
	}
	if v, ok := o.get("send"); ok {
		w, _ := r.limitedText(v, "the text to send", most)
		c.Send = []byte(w.text)
	}
	if v, ok := o.get("expect"); ok {
		w, _ := r.limitedText(v, "the text that must come back", most)
		c.Expect = []byte(w.text)
	}
	w, ok := r.required(o, "to", targetForm)
	if ok {
		c.To, ok = r.target(w, h, r.readFamily(o), true)
	}
	return c, w.place, ok
}

const urlForm = "a URL like http://www/, http://www:8080/about or \"http://[2001:db8::80]/\""

// readGet reads "get: http://www/" or "get: {url: http://www/}".
func (r *reader) readGet(h *Host, v value) (*Get, place, bool) {
	o, ok := r.shorthand(v, "url", getKeys)
	if !ok {
		return nil, o.at, false
	}
	g := &Get{}
	if v, ok := o.get("expect"); ok {
		w, _ := r.limitedText(v, "a text that the page has", maxTextSize)
		g.Expect = w.text
	}
	w, ok := r.required(o, "url", urlForm)
	if !ok {
		return nil, w.place, false
	}
	const scheme = "http://"
	u, err := url.Parse(w.text)
	if err != nil || u.Scheme != "http" || u.Host == "" || u.User != nil || !strings.HasPrefix(w.text[len("http"):], "://") {
		r.mistake(w.place, quote(w.text)+" is not a page of a lab", "expected "+urlForm)
		return nil, w.place, false
	}
	// RFC 3986, section 3.2.2: the host is case-insensitive.
	end := len(scheme) + len(u.Host)
	if strings.Contains(u.Host, "%") {
		r.mistake(w.place, "a page's address cannot name an interface", "expected "+urlForm)
		return nil, w.place, false
	}
	authority := w.part(len(scheme), end)
	authority.text = strings.ToLower(authority.text)
	g.URL = scheme + authority.text + w.text[end:]
	family := r.readFamily(o)
	if u.Port() != "" {
		g.To, ok = r.target(authority, h, family, true)
	} else {
		g.To, ok = r.target(authority, h, family, false)
		g.To.Port = 80
	}
	return g, authority.place, ok
}

// shorthand reads a mapping, or a single value that stands for one key of it.
func (r *reader) shorthand(v value, key string, ks keys) (object, bool) {
	if kindOf(v.node) == "a single value" {
		return object{at: v.at, entries: []entry{{key: word{place: v.at, text: key}, value: v}}}, true
	}
	return r.object(v, ks)
}
