package file

import "slices"

// keys are the keys that a part of the file may have, in the order in which
// they are explained.
type keys struct {
	of    string // what has them
	names []string
}

var (
	labKeys        = keys{"a lab", []string{"name", "description", "seed", "hosts", "routers", "switches", "links", "publish", "script"}}
	hostKeys       = keys{"a host", []string{"address", "gateway", "nameserver", "search", "ipv6", "advertise", "mac", "mtu", "interfaces", "routes", "services"}}
	interfaceKeys  = keys{"an interface", []string{"address", "ipv6", "advertise", "mac", "mtu"}}
	serviceKeys    = keys{"a service", []string{"echo", "web"}}
	echoKeys       = keys{"echo", []string{"port", "bind"}}
	webKeys        = keys{"web", []string{"port", "bind", "title", "text", "pages"}}
	linkKeys       = keys{"a link", append([]string{"link", "vlan", "trunk", "native"}, impairmentKeys.names...)}
	publishKeys    = keys{"a published port", []string{"listen", "to", "from", "protocol"}}
	stepKeys       = keys{"a step", append([]string{"at", "host", "link", "timeout"}, actionNames...)}
	pingKeys       = keys{"ping", []string{"to", "family", "count", "interval", "size"}}
	tracerouteKeys = keys{"traceroute", []string{"to", "family", "hops", "probes"}}
	connectKeys    = keys{"connect", []string{"to", "family", "send", "expect"}}
	udpKeys        = keys{"udp", []string{"to", "family", "send", "expect"}}
	getKeys        = keys{"get", []string{"url", "family", "expect"}}
	showKeys       = keys{"show", []string{"what", "to", "family"}}

	impairmentKeys = keys{"an impairment", []string{
		"delay", "jitter", "rate", "queue", "loss", "burst", "duplicate", "reorder", "reorder-by", "corrupt",
	}}
	actionNames = []string{"ping", "traceroute", "connect", "udp", "get", "show", "sleep", "set", "state", "cable"}
)

// formatKeys is every part of the format that has fixed keys.
var formatKeys = []keys{
	labKeys, hostKeys, interfaceKeys, serviceKeys, echoKeys, webKeys, linkKeys, publishKeys,
	stepKeys, pingKeys, tracerouteKeys, connectKeys, udpKeys, getKeys, showKeys, impairmentKeys,
}

// object is a mapping whose keys are known.
type object struct {
	at      place
	entries []entry
}

// get returns the value under a key; ok is false if the file has none.
func (o object) get(key string) (v value, ok bool) {
	for _, e := range o.entries {
		if e.key.text == key {
			return e.value, true
		}
	}
	return value{at: o.at}, false
}

// key returns where a key stands.
func (o object) key(name string) place {
	for _, e := range o.entries {
		if e.key.text == name {
			return e.key.place
		}
	}
	return o.at
}

// object reads a mapping that may have only the given keys.
func (s *source) object(v value, ks keys) (object, bool) {
	entries, ok := s.mapping(v, "a mapping with keys of "+ks.of)
	if !ok {
		return object{at: v.at}, false
	}
	return s.known(v.at, entries, ks), true
}

// known leaves out the entries whose keys are unknown, which are mistakes.
func (s *source) known(at place, entries []entry, ks keys) object {
	o := object{at: at}
	for _, e := range entries {
		if slices.Contains(ks.names, e.key.text) {
			o.entries = append(o.entries, e)
		} else if !s.full() {
			s.mistake(e.key.place, "unknown key "+quote(e.key.text), oneOf("the keys of "+ks.of, e.key.text, ks.names))
		}
	}
	return o
}
