package socket

import (
	"context"
	"crypto/rand"
	"net"
	"net/netip"
	"syscall"
)

// Machine is what a Stack's host has beside its network: Surroundings come from there.
type Machine interface {
	Hostname() (string, error)
	// ReadFile reads a whole file. Errors: fs.ErrNotExist.
	ReadFile(name string) ([]byte, error)
	// ResolverOf finds what names mean on this host, by sockets of sys. It is called
	// without the turn, and what it returns may block on them.
	ResolverOf(sys System) Resolver
}

// Resolver finds what names mean, in the shapes of net.Resolver. Errors are *net.DNSError,
// and *net.AddrError for a port out of range.
type Resolver interface {
	LookupHost(ctx context.Context, host string) ([]string, error)
	LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error)
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
	LookupPort(ctx context.Context, network, service string) (int, error)
	LookupAddr(ctx context.Context, addr string) ([]string, error)
	LookupCNAME(ctx context.Context, host string) (string, error)
}

// Resolver returns the host's, nil if it has none.
func (st *Stack) Resolver() Resolver {
	if st.machine == nil {
		return nil
	}
	return st.machine.ResolverOf(st.NewProcess(true))
}

// resolverOf returns the host's resolver for a process, or for itself.
func (st *Stack) resolverOf(p *Process) Resolver {
	if p != nil {
		return p.Resolver()
	}
	return st.Resolver()
}

// Hostname returns the host's name, as gethostname(2) does.
func (p *Process) Hostname() (string, error) {
	if p.machine == nil {
		return "", syscall.ENOSYS
	}
	return p.machine.Hostname()
}

// ReadFile reads one of the host's files. Errors: fs.ErrNotExist.
func (p *Process) ReadFile(name string) ([]byte, error) {
	if p.machine == nil {
		return nil, syscall.ENOENT
	}
	return p.machine.ReadFile(name)
}

// HostsWith returns the lines of /etc/hosts in which a name or an address stands, and
// perhaps others, for a host that need not read them all.
func (p *Process) HostsWith(word string) ([]byte, error) {
	if m, ok := p.machine.(interface {
		HostsWith(word string) ([]byte, error)
	}); ok {
		return m.HostsWith(word)
	}
	return p.ReadFile("/etc/hosts")
}

// InterfaceName returns the name of an interface, as if_indextoname(3) does. Errors: ENXIO.
func (p *Process) InterfaceName(index int) (string, error) {
	p.loop.Lock()
	defer p.loop.Unlock()
	if i := p.network.Interface(index); i.Index() == index {
		return i.Name(), nil
	}
	return "", syscall.ENXIO
}

// InterfaceIndex returns the number of an interface, as if_nametoindex(3) does. Errors:
// ENODEV.
func (p *Process) InterfaceIndex(name string) (int, error) {
	p.loop.Lock()
	defer p.loop.Unlock()
	if i := p.network.InterfaceNamed(name); i != nil {
		return i.Index(), nil
	}
	return 0, syscall.ENODEV
}

// GetIfAddrs returns the addresses of the host's interfaces with their networks, as
// getifaddrs(3) does: those of IPv4 first.
func (p *Process) GetIfAddrs() ([]netip.Prefix, error) {
	p.loop.Lock()
	defer p.loop.Unlock()
	var all, six []netip.Prefix
	for _, i := range p.network.Interfaces() {
		if i.Prefix().IsValid() {
			all = append(all, i.Prefix())
		}
		if i.Loopback() { // which speaks IPv6 even where no card does
			six = append(six, netip.PrefixFrom(netip.IPv6Loopback(), 128))
		}
		for _, a := range i.Addresses() {
			six = append(six, netip.PrefixFrom(a.Addr.WithZone(""), a.Bits))
		}
	}
	return append(all, six...), nil
}

// GetRandom fills b with bytes that nobody can guess, as getrandom(2) does. In virtual
// time they are the loop's: one seed gives the same bytes.
func (p *Process) GetRandom(b []byte) (int, error) {
	if !p.loop.Virtual() {
		return rand.Read(b)
	}
	p.loop.Lock()
	defer p.loop.Unlock()
	for i := range b {
		b[i] = byte(p.loop.Rand().Uint32())
	}
	return len(b), nil
}
