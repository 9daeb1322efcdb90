// Package host assembles one machine from the layers: cards, IP, UDP, TCP and
// sockets, a name and a table of names. It has no protocol logic of its own.
//
// Its methods take the loop's turn themselves. The layers are there to be used
// directly, with the turn held.
package host

import (
	"context"
	"net"
	"net/netip"

	"septet/event"
	"septet/header"
	"septet/link"
	"septet/network"
	"septet/packet"
	"septet/physical"
	"septet/socket"
	"septet/transport/tcp"
	"septet/transport/udp"
)

// Host is one machine.
type Host struct {
	Network *network.Layer
	UDP     *udp.Layer
	TCP     *tcp.Layer
	Sockets *socket.Stack

	// Hosts are the names that the host knows without asking anyone: its /etc/hosts.
	Hosts *Hosts

	loop   *event.Loop
	pool   *packet.Pool
	name   string
	files  map[string][]byte // that were put on the host; nil if none was
	nics   []*link.NIC
	pinged event.Cond // something has come of a ping
	closed bool
}

// New returns a host with no card yet. It knows "localhost" and, as Debian has
// it, its own name as 127.0.1.1.
func New(l *event.Loop, pool *packet.Pool, name string) *Host {
	l.Lock()
	defer l.Unlock()
	h := &Host{loop: l, pool: pool, name: name, Hosts: NewHosts()}
	h.Hosts.Add("localhost", netip.AddrFrom4([4]byte{127, 0, 0, 1}))
	h.Hosts.Add(name, netip.AddrFrom4([4]byte{127, 0, 1, 1}))
	h.Network = network.New(l, pool)
	h.UDP = udp.New(h.Network)
	h.TCP = tcp.New(h.Network, nil)
	h.Sockets = socket.NewStack(h.Network, h.TCP, h.UDP, h)
	return h
}

// Name returns the host's name, as gethostname does.
func (h *Host) Name() string { return h.name }

// Loop returns the loop on which the host lives.
func (h *Host) Loop() *event.Loop { return h.loop }

// Attach plugs a new card into port and gives it an address on the network of
// prefix. The card's own address is made from the names of host and interface.
// Errors are those of network's AddInterface.
func (h *Host) Attach(ifname string, port physical.Port, prefix netip.Prefix) (*network.Interface, error) {
	return h.AttachMAC(ifname, MAC(h.name, ifname), port, prefix)
}

// AttachMAC is Attach with a given address of the card.
func (h *Host) AttachMAC(ifname string, mac header.MAC, port physical.Port, prefix netip.Prefix) (*network.Interface, error) {
	h.loop.Lock()
	defer h.loop.Unlock()
	if h.closed {
		return nil, net.ErrClosed
	}
	nic := link.NewNIC(h.loop, h.pool, ifname, mac, port)
	i, err := h.Network.AddInterface(nic, prefix)
	if err != nil {
		nic.Close()
		return nil, err
	}
	h.nics = append(h.nics, nic)
	return i, nil
}

// MAC returns the address of a host's card: the same names always give the same
// address.
func MAC(host, ifname string) header.MAC {
	return header.LocalMAC(host, ifname)
}

// Close switches the host off: every socket is closed, every connection reset,
// every card taken out. Calls that are blocked return.
func (h *Host) Close() {
	h.Sockets.Close()
	h.loop.Lock()
	defer h.loop.Unlock()
	if h.closed {
		return
	}
	h.closed = true
	h.TCP.Close()
	h.loop.Signal(&h.pinged)
	for _, nic := range h.nics {
		nic.Close()
	}
	h.nics = nil
	h.Network.Close()
}

// Dial connects from this host, see socket.Stack.Dial.
func (h *Host) Dial(network, address string) (net.Conn, error) {
	return h.Sockets.Dial(network, address)
}

// DialContext connects from this host and gives up when ctx ends.
func (h *Host) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return h.Sockets.DialContext(ctx, network, address)
}

// Listen waits for connections to this host, see socket.Stack.Listen.
func (h *Host) Listen(network, address string) (net.Listener, error) {
	return h.Sockets.Listen(network, address)
}

// ListenPacket receives datagrams, see socket.Stack.ListenPacket.
func (h *Host) ListenPacket(network, address string) (net.PacketConn, error) {
	return h.Sockets.ListenPacket(network, address)
}

// Socket makes a socket on this host, see socket.Stack.Socket.
func (h *Host) Socket(domain, kind, protocol int) (*socket.Socket, error) {
	return h.Sockets.Socket(domain, kind, protocol)
}
