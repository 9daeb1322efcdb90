package name

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"septet/socket"
)

// Config is what resolv.conf(5) says.
type Config struct {
	Servers  []netip.AddrPort
	Search   []string      // domains in which a short name is looked for
	Ndots    int           // a name with as many dots is first asked for as it is
	Timeout  time.Duration // for the first answer of one server
	Attempts int           // how often all servers are asked
	Rotate   bool          // not always the same server first
}

// What resolv.conf may ask for (MAXNS and its kin of resolv.h).
const (
	maxServers  = 3
	maxSearch   = 64
	maxNdots    = 15
	maxTimeout  = 30
	maxAttempts = 5
)

const domainPort = 53

// ParseConfig reads resolv.conf(5). What is wrong in it is passed over, as glibc does.
// Without a nameserver it is the one on 127.0.0.1.
func ParseConfig(file []byte) *Config {
	c := &Config{Ndots: 1, Timeout: 5 * time.Second, Attempts: 2}
	for line := range configLines(file) {
		words := fields(line)
		if len(words) < 2 {
			continue
		}
		switch words[0] {
		case "nameserver":
			a, err := netip.ParseAddr(words[1])
			if err == nil && len(c.Servers) < maxServers {
				c.Servers = append(c.Servers, netip.AddrPortFrom(a.Unmap(), domainPort))
			}
		case "domain":
			c.Search = words[1:2]
		case "search":
			c.Search = words[1:min(len(words), 1+maxSearch)]
		case "options":
			for _, o := range words[1:] {
				c.option(o)
			}
		}
	}
	if len(c.Servers) == 0 {
		c.Servers = []netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), domainPort)}
	}
	return c
}

// configLines goes through the lines that are no comment: in resolv.conf only a whole
// line is one, and it may begin with a semicolon.
func configLines(file []byte) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for line := range strings.Lines(string(file)) {
			line = strings.TrimRight(line, "\r\n")
			if line != "" && line[0] != '#' && line[0] != ';' && !yield([]byte(line)) {
				return
			}
		}
	}
}

func (c *Config) option(o string) {
	key, value, _ := strings.Cut(o, ":")
	n, err := strconv.Atoi(value)
	ok := err == nil && n >= 0
	switch {
	case key == "rotate":
		c.Rotate = true
	case key == "ndots" && ok:
		c.Ndots = min(n, maxNdots)
	case key == "timeout" && ok:
		c.Timeout = time.Duration(max(1, min(n, maxTimeout))) * time.Second
	case key == "attempts" && ok:
		c.Attempts = max(1, min(n, maxAttempts))
	}
}

// configOf returns the System's resolv.conf, nil if it has none: then there is nobody
// to ask.
func configOf(sys socket.System) *Config {
	file, err := sys.ReadFile(resolvFile)
	if err != nil {
		return nil
	}
	c := ParseConfig(file[:min(len(file), maxFile)])
	if len(c.Search) == 0 {
		// As resolv.conf(5) has it, the domain is that of the host's own name.
		own, _ := sys.Hostname()
		if _, domain, ok := strings.Cut(own, "."); ok && domain != "" {
			c.Search = []string{domain}
		}
	}
	return c
}

// candidates are the names for which a name may stand, in the order in which they are
// asked for. asIs is the one that is the name itself.
func (c *Config) candidates(name string) (all []string, asIs int) {
	if strings.HasSuffix(name, ".") {
		return []string{name}, 0
	}
	for _, domain := range c.Search {
		domain = strings.Trim(domain, ".")
		if domain != "" {
			all = append(all, name+"."+domain+".")
		}
	}
	if strings.Count(name, ".") >= c.Ndots {
		return append([]string{name + "."}, all...), 0
	}
	return append(all, name+"."), len(all)
}
