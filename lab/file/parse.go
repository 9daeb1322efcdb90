package file

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"septet/header"
)

// How many of each thing a lab may have.
const (
	maxNodes    = 1024 // hosts, routers and switches
	maxLinks    = 4096
	maxPerHost  = 64 // interfaces, routes, services: of each
	maxSteps    = 4096
	maxPublish  = 256
	maxTextSize = 64 << 10 // bytes in one text
)

// Parse reads and checks a lab file. The filename is for messages only. If
// anything is wrong with the file the error is Mistakes, which has all of it,
// up to MaxMistakes. Where the text is not YAML, what follows is not checked.
func Parse(filename string, src []byte) (*Lab, error) {
	text := strings.TrimPrefix(string(src), "\ufeff") // a byte order mark, as some editors leave
	s := newSource(filename, text)
	start := place{Position{1, 1}, 1}
	if len(src) > MaxSize {
		s.mistake(start, fmt.Sprintf("the file has %d bytes", len(src)), fmt.Sprintf("a lab file has at most %d", MaxSize))
		return nil, s.err()
	}
	if !utf8.ValidString(text) {
		s.notUTF8()
		return nil, s.err()
	}
	root, ok := s.parse(text)
	if !ok {
		return nil, s.err()
	}
	r := &reader{
		source: s, lab: &Lab{File: filename, Seed: 1},
		nodes: make(map[string]node), addresses: make(map[netip.Addr]*Host), macs: make(map[header.MAC]string),
		autos: make(map[*Interface]place), advertisers: make(map[*Interface]*Host),
		walked: make(map[[2]string]bool), states: make(map[*Link][2]Impairment),
		vlans: make(map[uint16]bool),
	}
	r.read(root)
	if err := s.err(); err != nil {
		return nil, err
	}
	return r.lab, nil
}

func (s *source) notUTF8() {
	for i, line := range s.lines {
		for at, r := range line {
			if _, n := utf8.DecodeRuneInString(line[at:]); r == utf8.RuneError && n == 1 {
				column := utf8.RuneCountInString(line[:at]) + 1
				s.mistake(place{Position{i + 1, column}, 1}, fmt.Sprintf("the byte 0x%02x is not UTF-8", line[at]), "save the file as UTF-8")
				return
			}
		}
	}
}

// reader makes a Lab of a tree.
type reader struct {
	*source
	lab         *Lab
	nodes       map[string]node
	addresses   map[netip.Addr]*Host
	macs        map[header.MAC]string // whose it is
	wires       wiring
	gateways    []gateway
	autos       map[*Interface]place    // where ipv6: auto stands
	advertisers map[*Interface]*Host    // of whom those learn
	vlans       map[uint16]bool         // those that the file names
	unnamed     bool                    // a host or an interface has no name that it could have
	walked      map[[2]string]bool      // pairs whose routes were followed
	states      map[*Link][2]Impairment // links after the steps read so far
}

// node is what a name of the file stands for: one of the two is set.
type node struct {
	host   *Host
	bridge *Switch
	line   int
}

// read goes through the file, names first, then what mentions them. Routes are
// followed only through a network in which nothing is wrong, so that one
// mistake is not reported as many.
func (r *reader) read(root value) {
	o, ok := r.object(root, labKeys)
	if !ok {
		return
	}
	r.readHead(o)
	_, hosts := o.get("hosts")
	_, routers := o.get("routers")
	if !hosts && !routers {
		r.mistake(o.at, "this lab has no hosts", "expected a key hosts with at least one host")
	}
	r.readHosts(o, "hosts")
	r.readHosts(o, "routers")
	r.readSwitches(o)
	r.readLinks(o)
	r.checkWiring()
	r.checkGateways()
	sound := len(r.mistakes) == 0
	r.readPublish(o, sound)
	r.readScript(o, sound)
}

func (r *reader) readHead(o object) {
	if v, ok := o.get("name"); ok {
		w, _ := r.text(v, "a name for the lab")
		r.lab.Name = w.text
	}
	if v, ok := o.get("description"); ok {
		w, _ := r.text(v, "a text")
		r.lab.Description = w.text
	}
	if v, ok := o.get("seed"); ok {
		form := "a whole number from 0 to 2^64-1"
		if w, ok := r.text(v, form); ok {
			seed, err := strconv.ParseUint(w.text, 10, 64)
			if err != nil {
				r.mistake(w.place, quote(w.text)+" is not a seed", "expected "+form)
			}
			r.lab.Seed = seed
		}
	}
}

// declare gives a name to a node. Names are DNS labels (RFC 1123, section 2.1),
// in lower case.
func (r *reader) declare(w word, n node) bool {
	switch first, taken := r.nodes[w.text]; {
	case !isName(w.text, 63):
		r.mistake(w.place, quote(w.text)+" cannot be a name", "expected lower-case letters, digits and hyphens inside, at most 63")
	case w.text == "localhost" || w.text == "default":
		r.mistake(w.place, quote(w.text)+" has a meaning of its own on every host", "choose another name")
	case taken:
		r.mistake(w.place, fmt.Sprintf("the name %q is taken", w.text), fmt.Sprintf("the first is on line %d", first.line))
	case len(r.nodes) >= maxNodes:
		r.mistake(w.place, "too many hosts, routers and switches", fmt.Sprintf("the most is %d", maxNodes))
	default:
		n.line = w.Line
		r.nodes[w.text] = n
		return true
	}
	return false
}

func isName(text string, most int) bool {
	if text == "" || len(text) > most || text[0] == '-' || text[len(text)-1] == '-' {
		return false
	}
	digits := true
	for _, c := range []byte(text) {
		switch {
		case c >= 'a' && c <= 'z', c == '-':
			digits = false
		case c < '0' || c > '9':
			return false
		}
	}
	return !digits // a number would read as an address or a port
}

// hostNames lists the names that addresses can be had for.
func (r *reader) hostNames() []string {
	names := make([]string, 0, len(r.lab.Hosts))
	for _, h := range r.lab.Hosts {
		names = append(names, h.Name)
	}
	return names
}

// host finds the host that a word names.
func (r *reader) host(w word) (*Host, bool) {
	n, ok := r.nodes[w.text]
	switch {
	case !ok && r.full():
	case !ok:
		r.mistake(w.place, "unknown host "+quote(w.text), oneOf("hosts here", w.text, r.hostNames()))
	case n.host == nil:
		r.mistake(w.place, fmt.Sprintf("%q is a switch, which has no address", w.text), oneOf("hosts here", "", r.hostNames()))
	}
	return n.host, n.host != nil
}
