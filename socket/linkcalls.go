package socket

import (
	"net/netip"
	"syscall"

	"septet/network"
)

// The calls whose addresses are those of the link, and what packet sockets do not have.

// LinkDescriptor is what a Descriptor of the family AF_PACKET is too: a netip.AddrPort
// cannot say its addresses.
type LinkDescriptor interface {
	Descriptor
	BindLink(LinkAddress) error
	GetSockLink() (LinkAddress, error)
	SendLink(b []byte, flags int, to *LinkAddress) (int, error)
	RecvLink(b []byte, flags int) (int, LinkAddress, error)
}

var _ LinkDescriptor = (*descriptor)(nil)

// BindLink has a packet socket see one interface, or all, and one protocol, or all. Unlike
// others it may be bound again. Errors: ENODEV without such an interface, EINVAL for a
// socket of another family.
func (s *Socket) BindLink(a LinkAddress) error {
	s.stack.loop.Lock()
	defer s.stack.loop.Unlock()
	k, err := s.link()
	if err != nil {
		return err
	}
	return k.bindLink(a)
}

// GetSockLink is GetSockName for packet sockets.
func (s *Socket) GetSockLink() (LinkAddress, error) {
	s.stack.loop.Lock()
	defer s.stack.loop.Unlock()
	k, err := s.link()
	if err != nil {
		return LinkAddress{}, err
	}
	a := linkAddressOf(k.via)
	a.Protocol = htons(uint16(k.protocol))
	return a, nil
}

// SendLink sends a frame, on SOCK_RAW whole, on SOCK_DGRAM what goes into it. Nil for the
// address is the interface to which the socket is bound. Errors: ENXIO without an
// interface, EMSGSIZE, EINVAL for less than an Ethernet header and on SOCK_DGRAM without
// an address, ENETDOWN without a carrier.
func (s *Socket) SendLink(b []byte, _ int, to *LinkAddress) (int, error) {
	s.stack.loop.Lock()
	defer s.stack.loop.Unlock()
	k, err := s.link()
	if err != nil {
		return 0, err
	}
	return k.sendLink(b, to)
}

// RecvLink is RecvFrom for packet sockets.
func (s *Socket) RecvLink(b []byte, flags int) (int, LinkAddress, error) {
	l := s.stack.loop
	l.Lock()
	defer l.Unlock()
	limit := s.limit(s.receiveTimeout)
	for {
		k, err := s.link()
		if err != nil {
			return 0, LinkAddress{}, err
		}
		n, from, err := k.receiveLink(b, flags)
		if err != syscall.EAGAIN || !s.waits(flags) {
			n, err = endOfStream(n, err)
			return n, from, err
		}
		if err := l.Wait(&s.readable, limit); err != nil {
			return 0, LinkAddress{}, errno(err)
		}
	}
}

// link returns the packet socket that this is. Errors: EBADF, EINVAL if it is none.
func (s *Socket) link() (*linkSocket, error) {
	k, ok := s.protocol.(*linkSocket)
	switch {
	case s.closed:
		return nil, syscall.EBADF
	case !ok:
		return nil, syscall.EINVAL
	}
	return k, nil
}

func (k *linkSocket) bind(netip.AddrPort) error    { return syscall.EINVAL }
func (k *linkSocket) listen(int) error             { return syscall.EOPNOTSUPP }
func (k *linkSocket) connect(netip.AddrPort) error { return syscall.EOPNOTSUPP }
func (k *linkSocket) shutdown(int) error           { return syscall.EOPNOTSUPP }

func (k *linkSocket) accept() (*Socket, netip.AddrPort, error) {
	return nil, netip.AddrPort{}, syscall.EOPNOTSUPP
}

func (k *linkSocket) local() netip.AddrPort { return netip.AddrPort{} }

func (k *linkSocket) remote() (netip.AddrPort, error) {
	return netip.AddrPort{}, syscall.EOPNOTSUPP
}

func (k *linkSocket) takeError() error                  { return nil }
func (k *linkSocket) dropped() uint64                   { return uint64(k.stats.drops) }
func (k *linkSocket) lingering() bool                   { return false }
func (k *linkSocket) linger() Linger                    { return Linger{} }
func (k *linkSocket) setLinger(Linger)                  {}
func (k *linkSocket) multicast(bool) *network.Multicast { return network.NewMulticast() }
func (k *linkSocket) reroute()                          {}
