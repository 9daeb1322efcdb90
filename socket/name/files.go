package name

import (
	"bytes"
	"iter"
	"net/netip"
	"strconv"
	"strings"

	"septet/socket"
)

// What is read of a file.
const (
	maxFile   = 16 << 20 // bytes
	maxFields = 64       // of a line: a name and its aliases
)

// The files.
const (
	hostsFile     = "/etc/hosts"
	servicesFile  = "/etc/services"
	protocolsFile = "/etc/protocols"
	resolvFile    = "/etc/resolv.conf"
)

// contents returns a file's bytes, none if it cannot be read.
func contents(sys socket.System, name string) []byte {
	b, err := sys.ReadFile(name)
	if err != nil {
		return nil
	}
	return b[:min(len(b), maxFile)]
}

// hostsWith returns those lines of /etc/hosts in which a name or an address may stand: all,
// unless the System can tell.
func hostsWith(sys socket.System, word string) []byte {
	s, ok := sys.(interface {
		HostsWith(word string) ([]byte, error)
	})
	if !ok {
		return contents(sys, hostsFile)
	}
	b, _ := s.HostsWith(word)
	return b[:min(len(b), maxFile)]
}

// lines goes through the lines of a file that are not empty once the comment is gone.
func lines(file []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for len(file) > 0 {
			line, rest, _ := bytes.Cut(file, []byte{'\n'})
			file = rest
			if n := bytes.IndexByte(line, '#'); n >= 0 {
				line = line[:n]
			}
			if line = bytes.TrimSpace(line); len(line) > 0 && !yield(line) {
				return
			}
		}
	}
}

// fields returns the words of a line.
func fields(line []byte) []string {
	words := strings.FieldsFunc(string(line), func(r rune) bool { return r < 128 && isSpace(byte(r)) })
	return words[:min(len(words), maxFields)]
}

// hostLine is a line of hosts(5).
type hostLine struct {
	addr  netip.Addr
	names []string // the canonical one, then the aliases
}

func parseHost(line []byte) (h hostLine, ok bool) {
	words := fields(line)
	if len(words) < 2 {
		return h, false
	}
	a, err := netip.ParseAddr(words[0])
	return hostLine{a, words[1:]}, err == nil
}

// has reports whether a name is one of the line's. Case makes no difference (RFC 4343).
func (h *hostLine) has(name string) bool {
	for _, n := range h.names {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// hostsOf goes through the lines of hosts(5) in which a name may stand.
func hostsOf(file []byte, name string) iter.Seq[hostLine] {
	return func(yield func(hostLine) bool) {
		for line := range lines(file) {
			if len(line) <= len(name) || !containsFold(line, name) {
				continue // most lines: nothing is made for them
			}
			if h, ok := parseHost(line); ok && h.has(name) && !yield(h) {
				return
			}
		}
	}
}

// containsFold reports whether a name stands at the end of the line, or before white space.
func containsFold(line []byte, name string) bool {
	if name == "" {
		return false
	}
	last := name[len(name)-1] | 0x20
	for n := len(name); n <= len(line); n++ {
		if line[n-1]|0x20 == last && (n == len(line) || isSpace(line[n])) &&
			strings.EqualFold(string(line[n-len(name):n]), name) {
			return true
		}
	}
	return false
}

// A Serv is a line of services(5): struct servent.
type Serv struct {
	Name    string
	Aliases []string
	Port    int // in host byte order
	Proto   string
}

// A Proto is a line of protocols(5): struct protoent.
type Proto struct {
	Name    string
	Aliases []string
	Number  int
}

// services goes through the entries in whose line a text stands: for the others nothing
// is made.
func services(sys socket.System, with string) iter.Seq[*Serv] {
	return func(yield func(*Serv) bool) {
		for line := range lines(contents(sys, servicesFile)) {
			if !bytes.Contains(line, []byte(with)) {
				continue
			}
			words := fields(line)
			if len(words) < 2 {
				continue
			}
			number, proto, _ := strings.Cut(words[1], "/")
			port, err := strconv.ParseUint(number, 10, 16)
			if err == nil && !yield(&Serv{words[0], words[2:], int(port), proto}) {
				return
			}
		}
	}
}

func protocols(sys socket.System) iter.Seq[*Proto] {
	return func(yield func(*Proto) bool) {
		for line := range lines(contents(sys, protocolsFile)) {
			words := fields(line)
			if len(words) < 2 {
				continue
			}
			number, err := strconv.ParseUint(words[1], 10, 31)
			if err == nil && !yield(&Proto{words[0], words[2:], int(number)}) {
				return
			}
		}
	}
}

func called(name string, is string, aliases []string) bool {
	if name == is {
		return true
	}
	for _, a := range aliases {
		if a == name {
			return true
		}
	}
	return false
}

// GetServByName returns a service's entry, as getservbyname(3) does: with the given
// protocol, or with any for "". Case matters. Errors: *EntryError.
func GetServByName(sys socket.System, name, proto string) (*Serv, error) {
	for s := range services(sys, name) {
		if (proto == "" || s.Proto == proto) && called(name, s.Name, s.Aliases) {
			return s, nil
		}
	}
	return nil, &EntryError{"services", name}
}

// GetServByPort returns the entry of a port in host byte order. Errors: *EntryError.
func GetServByPort(sys socket.System, port int, proto string) (*Serv, error) {
	for s := range services(sys, strconv.Itoa(port)) {
		if (proto == "" || s.Proto == proto) && s.Port == port {
			return s, nil
		}
	}
	return nil, noEntry("services", port)
}

// GetProtoByName returns a protocol's entry. Errors: *EntryError.
func GetProtoByName(sys socket.System, name string) (*Proto, error) {
	for p := range protocols(sys) {
		if called(name, p.Name, p.Aliases) {
			return p, nil
		}
	}
	return nil, &EntryError{"protocols", name}
}

// GetProtoByNumber returns the entry of a protocol's number. Errors: *EntryError.
func GetProtoByNumber(sys socket.System, number int) (*Proto, error) {
	for p := range protocols(sys) {
		if p.Number == number {
			return p, nil
		}
	}
	return nil, noEntry("protocols", number)
}
