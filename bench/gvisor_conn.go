package main

import (
	"io"
	"net"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// shortRead is the length below which gvisorConn.Read waits in its own way.
const shortRead = 4 << 10

// gvisorConn is netstack's own net.Conn (gonet), with a faster way to wait for
// something short. gonet makes and registers a channel each time a Read has to
// wait. To have one registered all the time is 15 % faster for round trips, but
// slower for bulk, where then every segment wakes the reader.
type gvisorConn struct {
	*gonet.TCPConn
	ep       tcpip.Endpoint
	wq       *waiter.Queue
	readable *listening // nil until a short Read has had to wait
}

func newGVisorConn(ep tcpip.Endpoint, wq *waiter.Queue) *gvisorConn {
	return &gvisorConn{TCPConn: gonet.NewTCPConn(wq, ep), ep: ep, wq: wq}
}

func (c *gvisorConn) Read(b []byte) (int, error) {
	if len(b) >= shortRead {
		return c.TCPConn.Read(b)
	}
	for {
		w := tcpip.SliceWriter(b)
		res, err := c.ep.Read(&w, tcpip.ReadOptions{})
		switch err.(type) {
		case nil:
			return res.Count, nil
		case *tcpip.ErrWouldBlock:
			if c.readable == nil {
				c.readable = new(listening)
			}
			<-c.readable.event(c.wq)
		case *tcpip.ErrClosedForReceive:
			return 0, io.EOF
		default:
			return 0, gvisorError("read", err)
		}
	}
}

// listening is a lasting registration for the event that a socket can be read.
type listening struct {
	entry waiter.Entry
	ch    chan struct{}
}

// event returns what gets a value when there may be something to read; the first
// time at once, for what came before the registration.
func (l *listening) event(wq *waiter.Queue) <-chan struct{} {
	if l.ch == nil {
		l.entry, l.ch = waiter.NewChannelEntry(waiter.ReadableEvents)
		wq.EventRegister(&l.entry)
		select {
		case l.ch <- struct{}{}:
		default:
		}
	}
	return l.ch
}

// gvisorListener is what gonet.TCPListener is, with a backlog of more than ten.
type gvisorListener struct {
	ep       tcpip.Endpoint
	wq       waiter.Queue
	readable listening
	closed   chan struct{}
}

func gvisorListen(s *stack.Stack, addr tcpip.Address) (net.Listener, error) {
	l := &gvisorListener{closed: make(chan struct{})}
	var err tcpip.Error
	if l.ep, err = s.NewEndpoint(tcp.ProtocolNumber, ipv4.ProtocolNumber, &l.wq); err != nil {
		return nil, gvisorError("socket", err)
	}
	if err := l.ep.Bind(tcpip.FullAddress{NIC: gvisorNIC, Addr: addr}); err != nil {
		return nil, gvisorError("bind", err)
	}
	if err := l.ep.Listen(gvisorBacklog); err != nil {
		return nil, gvisorError("listen", err)
	}
	return l, nil
}

func (l *gvisorListener) Accept() (net.Conn, error) {
	for {
		ep, wq, err := l.ep.Accept(nil)
		switch err.(type) {
		case nil:
			return newGVisorConn(ep, wq), nil
		case *tcpip.ErrWouldBlock:
		default:
			return nil, gvisorError("accept", err)
		}
		select {
		case <-l.readable.event(&l.wq):
		case <-l.closed:
			return nil, net.ErrClosed
		}
	}
}

func (l *gvisorListener) Addr() net.Addr {
	a, _ := l.ep.GetLocalAddress()
	return &net.TCPAddr{IP: a.Addr.AsSlice(), Port: int(a.Port)}
}

func (l *gvisorListener) Close() error {
	close(l.closed)
	l.ep.Close()
	return nil
}

func gvisorDial(s *stack.Stack, to tcpip.FullAddress) (net.Conn, error) {
	wq := new(waiter.Queue)
	ep, err := s.NewEndpoint(tcp.ProtocolNumber, ipv4.ProtocolNumber, wq)
	if err != nil {
		return nil, gvisorError("socket", err)
	}
	entry, connected := waiter.NewChannelEntry(waiter.WritableEvents)
	wq.EventRegister(&entry)
	defer wq.EventUnregister(&entry)
	err = ep.Connect(to)
	if _, started := err.(*tcpip.ErrConnectStarted); started {
		<-connected
		err = ep.LastError()
	}
	if err != nil {
		ep.Close()
		return nil, gvisorError("connect", err)
	}
	return newGVisorConn(ep, wq), nil
}

func gvisorListenPacket(s *stack.Stack, addr tcpip.Address) (net.PacketConn, error) {
	return gvisorUDP(s, func(ep tcpip.Endpoint) tcpip.Error {
		return ep.Bind(tcpip.FullAddress{NIC: gvisorNIC, Addr: addr})
	})
}

func gvisorDialPacket(s *stack.Stack, to tcpip.FullAddress) (net.Conn, error) {
	return gvisorUDP(s, func(ep tcpip.Endpoint) tcpip.Error { return ep.Connect(to) })
}

// gvisorUDP makes a gonet.UDPConn with buffers that gonet cannot set.
func gvisorUDP(s *stack.Stack, place func(tcpip.Endpoint) tcpip.Error) (*gonet.UDPConn, error) {
	wq := new(waiter.Queue)
	ep, err := s.NewEndpoint(udp.ProtocolNumber, ipv4.ProtocolNumber, wq)
	if err != nil {
		return nil, gvisorError("socket", err)
	}
	ep.SocketOptions().SetReceiveBufferSize(datagramBuffer, true)
	ep.SocketOptions().SetSendBufferSize(datagramBuffer, true)
	if err := place(ep); err != nil {
		ep.Close()
		return nil, gvisorError("bind or connect", err)
	}
	return gonet.NewUDPConn(wq, ep), nil
}
