// Package machine is the machine on which this program runs, as a socket.System: a
// program that is given one makes the same calls in a lab and on a real network.
//
// On Linux every call goes to the kernel, and descriptors are the kernel's. Two things are
// not the kernel's: a call never fails with EINTR, for a Go program does not see its
// signals, and Close ends the calls that are blocked in the descriptor with EBADF, as it
// does on a host of a lab; close(2) leaves them blocked. A broken pipe raises no signal.
//
// A blocked call holds a thread, so a server of thousands of clients waits by Epoll or
// by the shapes of package net, as it would in C.
//
// Elsewhere there are the shapes of package net, the clock and the files; the BSD calls
// fail with ENOSYS.
package machine

import (
	"context"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

// portable is what every machine has, by package net.
type portable struct{}

// Now returns the machine's time.
func (portable) Now() time.Time { return time.Now() }

// Sleep blocks for d.
func (portable) Sleep(d time.Duration) error {
	time.Sleep(d)
	return nil
}

// Go starts a goroutine.
func (portable) Go(_ string, task func()) { go task() }

// DialContext is net.Dialer's.
func (portable) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, network, address)
}

// Listen is net.Listen.
func (portable) Listen(network, address string) (net.Listener, error) {
	return net.Listen(network, address)
}

// ListenPacket is net.ListenPacket.
func (portable) ListenPacket(network, address string) (net.PacketConn, error) {
	return net.ListenPacket(network, address)
}

// Hostname is os.Hostname.
func (portable) Hostname() (string, error) { return os.Hostname() }

// ReadFile is os.ReadFile.
func (portable) ReadFile(name string) ([]byte, error) { return os.ReadFile(name) }

// GetIfAddrs returns the addresses of the interfaces with their networks (getifaddrs(3)).
func (portable) GetIfAddrs() ([]netip.Prefix, error) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	var all []netip.Prefix
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok {
			ip, _ := netip.AddrFromSlice(n.IP)
			bits, _ := n.Mask.Size()
			all = append(all, netip.PrefixFrom(ip.Unmap(), bits))
		}
	}
	return all, nil
}

// InterfaceName returns the name of an interface, ENXIO without it (if_indextoname(3)).
func (portable) InterfaceName(index int) (string, error) {
	i, err := net.InterfaceByIndex(index)
	if err != nil {
		return "", syscall.ENXIO
	}
	return i.Name, nil
}

// InterfaceIndex returns the number of an interface, ENODEV without it
// (if_nametoindex(3)).
func (portable) InterfaceIndex(name string) (int, error) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return 0, syscall.ENODEV
	}
	return i.Index, nil
}
