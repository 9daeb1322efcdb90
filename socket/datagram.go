package socket

import (
	"cmp"
	"io"
	"net/netip"
	"syscall"

	"septet/event"
	"septet/network"
	"septet/transport/udp"
)

// datagram is the protocol of SOCK_DGRAM sockets: UDP.
type datagram struct {
	socket        Socket
	endpoint      *udp.Endpoint
	inbox         inbox
	receiveBuffer int // as GetSockOpt returns them
	sendBuffer    int
	ttl, tos      uint8
	hops, class   uint8             // of IPv6
	discover      network.Discovery // of IPv4, and of IPv6
	discover6     network.Discovery
	corked        bool       // UDP_CORK
	was           *addresses // once closed
}

// addresses are the two ends of a socket.
type addresses struct{ local, remote netip.AddrPort }

func newDatagram(st *Stack, domain uint8) *datagram {
	d := &datagram{
		endpoint:      st.udp.Open(everyAddr(domain)),
		discover:      network.DiscoverWant, // as on Linux: routers must not cut what fits the path
		discover6:     network.DiscoverWant,
		receiveBuffer: udp.DefaultReceiveBuffer,
		sendBuffer:    udp.DefaultReceiveBuffer,
	}
	d.endpoint.SetOwner(d)
	d.endpoint.SetDiscovery(d.discover)
	d.endpoint.SetDiscovery6(d.discover6)
	d.socket.init(st, domain, SOCK_DGRAM, d)
	return d
}

func (d *datagram) readCond() *event.Cond { return &d.endpoint.Readable }

func (d *datagram) bind(local netip.AddrPort) error {
	err := d.endpoint.Bind(local)
	if err == syscall.EINVAL {
		return d.socket.boundAlready(local)
	}
	return err
}

func (d *datagram) listen(int) error { return syscall.EOPNOTSUPP }

func (d *datagram) accept() (*Socket, netip.AddrPort, error) {
	return nil, netip.AddrPort{}, syscall.EOPNOTSUPP
}

func (d *datagram) connect(to netip.AddrPort) error {
	if !to.IsValid() {
		d.endpoint.Disconnect()
		return nil
	}
	if a := to.Addr(); a.IsMulticast() && a.Zone() == "" && ofOneLink(a) &&
		d.socket.device() == nil && d.endpoint.Multicast(true).Via == nil {
		// Connected to it, though not to send there, Linux wants to know of which link.
		return cmp.Or(d.endpoint.Use(), error(syscall.EINVAL))
	}
	return d.endpoint.Connect(d.here(to))
}

func (d *datagram) send(b []byte, flags int, to netip.AddrPort) (int, error) {
	return d.sendMsg(b, flags, to, nil)
}

func (d *datagram) sendMsg(b []byte, flags int, to netip.AddrPort, control []ControlMessage) (int, error) {
	// As on Linux, a send that fails has bound the socket, and over IPv4 the length is
	// looked at before anything else.
	if err := d.endpoint.Use(); err != nil {
		return 0, err
	}
	to = d.here(to)
	dst := d.over(to)
	if d.socket.domain == AF_INET || dst.Is4() {
		if err := tooMuch(len(b), flags); err != nil {
			return 0, err
		}
	}
	if flags&MSG_MORE != 0 || d.corked || d.endpoint.Holding() {
		return d.sendPiece(b, flags, to, control)
	}
	w, err := d.socket.parseControl(control, dst)
	if err == nil || !dst.IsValid() || to.IsValid() && to.Port() == 0 {
		err = d.endpoint.SendBy(b, to, w)
	}
	if err == syscall.EMSGSIZE && d.socket.rare != nil {
		d.tooLong(to, len(b))
	}
	if err != nil {
		return 0, err
	}
	d.socket.tell(room) // as for every datagram that has left, on Linux
	return len(b), nil
}

// tooMuch is what is looked at first of a datagram for IPv4: that a length of 16 bits can
// say its own, and that it is not urgent, which is nothing that RFC 768 has. Over IPv6
// Linux does not mind.
func tooMuch(length, flags int) error {
	switch {
	case length > maxDatagram:
		return syscall.EMSGSIZE
	case flags&MSG_OOB != 0:
		return syscall.EOPNOTSUPP
	}
	return nil
}

// here returns what Linux takes :: for, as a destination: the loopback address of IPv4
// if the socket has an address of that family, else that of IPv6 (as network has it).
func (d *datagram) here(to netip.AddrPort) netip.AddrPort {
	if to.Addr() == netip.IPv6Unspecified() && d.endpoint.Local().Addr().Is4() {
		return netip.AddrPortFrom(localhost4, to.Port())
	}
	return to
}

var localhost4 = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// over returns to whom a datagram goes that is sent to the address to.
func (d *datagram) over(to netip.AddrPort) netip.Addr {
	if !to.IsValid() {
		to = d.endpoint.Remote()
	}
	return to.Addr()
}

func (d *datagram) receive(b []byte, flags int) (int, netip.AddrPort, error) {
	return d.receiveMsg(b, flags, nil)
}

func (d *datagram) receiveMsg(b []byte, flags int, m *Message) (int, netip.AddrPort, error) {
	if err := d.endpoint.TakeError(); err != nil {
		return 0, netip.AddrPort{}, err
	}
	length, from, ok := d.receiveNext(b, flags, m)
	switch {
	case !ok && d.socket.shutRead && d.socket.waits(flags):
		return 0, from, io.EOF // Linux: where there is nobody to wake it is EAGAIN
	case !ok:
		return 0, from, syscall.EAGAIN
	}
	if m != nil && length > len(b) {
		m.Flags |= MSG_TRUNC
	}
	return datagramCount(length, b, flags), from, nil
}

func (d *datagram) shutdown(how int) error {
	if how != SHUT_WR {
		d.socket.shutRead = true
	}
	if how != SHUT_RD {
		d.socket.shutWrite = true
		d.endpoint.CloseWrite()
	}
	if !d.endpoint.Remote().IsValid() {
		return syscall.ENOTCONN // though shut down, as on Linux
	}
	return nil
}

func (d *datagram) close(bool) {
	d.was = &addresses{d.endpoint.Local(), d.endpoint.Remote()}
	d.endpoint.Close()
	d.inbox.clear()
}

func (d *datagram) multicast(six bool) *network.Multicast { return d.endpoint.Multicast(six) }

func (d *datagram) reroute() { d.endpoint.Reroute() }

func (d *datagram) lingering() bool { return false }

func (d *datagram) linger() Linger { return Linger{} }

func (d *datagram) setLinger(Linger) {}

func (d *datagram) local() netip.AddrPort {
	if d.was != nil {
		return d.was.local
	}
	return d.endpoint.Local()
}

func (d *datagram) remote() (netip.AddrPort, error) {
	a := d.endpoint.Remote()
	if d.was != nil {
		a = d.was.remote
	}
	if a.Port() == 0 { // connect takes such a port, and Linux says this
		return a, syscall.ENOTCONN
	}
	return a, nil
}

func (d *datagram) takeError() error { return d.endpoint.TakeError() }

func (d *datagram) dropped() uint64 { return d.endpoint.Dropped() }

func (d *datagram) option(level, name int) (int, error) {
	switch {
	case level == SOL_SOCKET && name == SO_PROTOCOL:
		return IPPROTO_UDP, nil
	case level == SOL_SOCKET && name == SO_RCVBUF:
		return d.receiveBuffer, nil
	case level == SOL_SOCKET && name == SO_SNDBUF:
		return d.sendBuffer, nil
	case level == SOL_SOCKET && name == SO_ACCEPTCONN:
		return 0, nil
	case level == SOL_IP && name == IP_TTL:
		return getTTL(d.ttl), nil
	case level == SOL_IP && name == IP_TOS:
		return int(d.tos), nil
	case level == SOL_IPV6 && name == IPV6_UNICAST_HOPS:
		return getTTL(d.hops), nil
	case level == SOL_IPV6 && name == IPV6_TCLASS:
		return int(d.class), nil
	case level == SOL_IP && name == IP_MTU_DISCOVER:
		return int(d.discover), nil
	case level == SOL_IPV6 && name == IPV6_MTU_DISCOVER:
		return int(d.discover6), nil
	case level == SOL_IP && name == IP_MTU:
		return d.endpoint.PathMTU()
	case level == IPPROTO_UDP && name == UDP_CORK:
		return number(d.corked), nil
	}
	return 0, syscall.ENOPROTOOPT
}

func (d *datagram) setOption(level, name, value int) error {
	switch {
	case level == SOL_SOCKET && name == SO_REUSEADDR:
		d.endpoint.SetReuseAddress(value != 0)
	case level == SOL_SOCKET && name == SO_REUSEPORT:
		d.endpoint.SetReusePort(value != 0)
	case level == SOL_SOCKET && name == SO_BROADCAST:
		d.endpoint.SetBroadcast(value != 0)
	case level == SOL_SOCKET && name == SO_RCVBUF:
		d.receiveBuffer = 2 * clampBuffer(value, minReceiveBuffer)
		d.endpoint.SetReceiveBuffer(d.receiveBuffer)
	case level == SOL_SOCKET && name == SO_SNDBUF:
		// What is sent leaves at once; the value is only remembered.
		d.sendBuffer = 2 * clampBuffer(value, minSendBuffer)
	case level == SOL_SOCKET && name == SO_KEEPALIVE:
		// Every socket has the option; here it means nothing.
	case level == SOL_IP && name == IP_TTL:
		if err := setTTL(&d.ttl, value); err != nil {
			return err
		}
		d.endpoint.SetTTL(d.ttl)
	case level == SOL_IP && name == IP_TOS:
		d.tos = uint8(value)
		d.endpoint.SetTOS(d.tos)
	case level == SOL_IPV6 && name == IPV6_UNICAST_HOPS:
		if err := setTTL(&d.hops, value); err != nil {
			return err
		}
		d.endpoint.SetHopLimit(d.hops)
	case level == SOL_IPV6 && name == IPV6_TCLASS:
		d.class = uint8(value)
		d.endpoint.SetTrafficClass(d.class)
	case level == SOL_IP && name == IP_MTU_DISCOVER:
		if err := setDiscovery(&d.discover, value); err != nil {
			return err
		}
		d.endpoint.SetDiscovery(d.discover)
	case level == SOL_IPV6 && name == IPV6_MTU_DISCOVER:
		if err := setDiscovery(&d.discover6, value); err != nil {
			return err
		}
		d.endpoint.SetDiscovery6(d.discover6)
	case level == IPPROTO_UDP && name == UDP_CORK:
		d.cork(value != 0)
	default:
		return syscall.ENOPROTOOPT
	}
	return nil
}
