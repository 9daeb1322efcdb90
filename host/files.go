package host

import (
	"fmt"
	"io/fs"
	"net/netip"
	"path"
	"slices"
	"strings"

	"septet/network"
	"septet/socket"
	"septet/socket/name"
)

// What may be put on a host.
const (
	maxFiles    = 256
	maxFileSize = 16 << 20
)

// Hostname returns the host's name, as gethostname(2) does.
func (h *Host) Hostname() (string, error) { return h.name, nil }

// Resolver finds what names mean on this host: what its files and the nameservers of its
// /etc/resolv.conf say.
func (h *Host) Resolver() socket.Resolver {
	return &name.Resolver{System: h.Sockets.NewProcess(true)}
}

// WriteFile puts a file on the host, in place of the one that it has by itself or had.
// The nameservers, for example, are in /etc/resolv.conf. Errors: fs.ErrInvalid for a name
// that is not a whole path, or for too many or too long files.
func (h *Host) WriteFile(name string, data []byte) error {
	h.loop.Lock()
	defer h.loop.Unlock()
	_, known := h.files[name]
	if !path.IsAbs(name) || path.Clean(name) != name || len(data) > maxFileSize || !known && len(h.files) >= maxFiles {
		return &fs.PathError{Op: "write", Path: name, Err: fs.ErrInvalid}
	}
	if h.files == nil {
		h.files = make(map[string][]byte)
	}
	h.files[name] = slices.Clone(data)
	return nil
}

// ReadFile reads one of the host's files: one that was put there, or /etc/hostname,
// /etc/hosts, /etc/services and /etc/protocols, which every host has, or the
// /etc/resolv.conf of one to which routers have advertised nameservers or a search list
// (RFC 8106).
// Errors: fs.ErrNotExist.
func (h *Host) ReadFile(file string) ([]byte, error) {
	h.loop.Lock()
	data, ok := h.files[file]
	six := h.Network.SpeaksIPv6()
	servers, domains := h.Network.DNSServers(), h.Network.DNSDomains()
	h.loop.Unlock()
	switch {
	case ok:
		return slices.Clone(data), nil
	case file == "/etc/resolv.conf" && len(servers)+len(domains) > 0:
		return resolvConf(servers, domains), nil
	case file == "/etc/hosts":
		return h.Hosts.file(six, ""), nil
	case file == "/etc/hostname":
		return []byte(h.name + "\n"), nil
	case file == "/etc/services":
		return slices.Clone(name.Services), nil
	case file == "/etc/protocols":
		return slices.Clone(name.Protocols), nil
	}
	return nil, &fs.PathError{Op: "open", Path: file, Err: fs.ErrNotExist}
}

// resolvConf returns a resolv.conf(5) with these nameservers, and domains to look in.
func resolvConf(servers []network.DNSServer, domains []network.DNSDomain) (b []byte) {
	for n, d := range domains {
		if n == 0 {
			b = append(b, "search"...)
		}
		b = append(append(b, ' '), d.Name...)
	}
	if len(domains) > 0 {
		b = append(b, '\n')
	}
	for _, s := range servers {
		b = fmt.Appendf(b, "nameserver %v\n", s.Addr)
	}
	return b
}

// HostsWith returns the lines of /etc/hosts in which a name or an address stands, and
// perhaps others: a lab of ten thousand hosts is not written out for each look-up.
func (h *Host) HostsWith(word string) ([]byte, error) {
	h.loop.Lock()
	data, ok := h.files["/etc/hosts"]
	six := h.Network.SpeaksIPv6()
	h.loop.Unlock()
	if ok {
		return slices.Clone(data), nil
	}
	return h.Hosts.file(six, word), nil
}

// file returns the table as hosts(5) has it, for a host with or without IPv6: who is
// 127.0.0.1 is ::1 too. Those of a shared table come last, but for names that the table
// has itself. Unless word is empty only the entries that have it count.
func (t *Hosts) file(six bool, word string) []byte {
	addr, _ := netip.ParseAddr(word)
	addr = addr.Unmap()
	t.mu.RLock()
	defer t.mu.RUnlock()
	var b []byte
	asked := func(e entry) bool {
		return word == "" || e.addr.Unmap() == addr || len(e.name) == len(word) && strings.EqualFold(e.name, word)
	}
	add := func(e entry) {
		b = append(append(e.addr.AppendTo(b), '\t'), e.name...)
		b = append(b, '\n')
	}
	for _, e := range t.entries {
		if asked(e) {
			add(e)
		}
		if six && e.addr == localhost4 && asked(entry{localhost6, e.name}) {
			add(entry{localhost6, e.name})
		}
	}
	if t.rest == nil {
		return b
	}
	t.rest.mu.RLock()
	defer t.rest.mu.RUnlock()
	for _, e := range t.rest.entries {
		if asked(e) && !t.has(e.name) {
			add(e)
		}
	}
	return b
}

// has reports whether the table has a name itself.
func (t *Hosts) has(name string) bool {
	if t.names != nil {
		return len(t.names[fold(name)]) > 0
	}
	return slices.ContainsFunc(t.entries, func(e entry) bool { return strings.EqualFold(e.name, name) })
}
