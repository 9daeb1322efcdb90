package main

import (
	"sync"
	"sync/atomic"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// maxQueued caps the packets on their way to one end, as a ring of a NIC does.
// A full window of 1448-byte segments has room.
const maxQueued = 4096

// gvisorPort is one end of a link between two netstacks. Each end has a
// goroutine that takes all that has been sent to it at once. netstack's own
// links were slower: pipe delivers on the sender's goroutine, which then does
// the work of both stacks; veth copies each packet; channel passes them one by
// one and needs somebody to carry them.
type gvisorPort struct {
	peer       *gvisorPort
	mtu        uint32
	gso        stack.SupportedGSO
	addr       tcpip.LinkAddress
	dispatcher atomic.Pointer[stack.NetworkDispatcher]
	worker     sync.WaitGroup
	tooLong    atomic.Int64 // packets over the MTU where each has to be a real frame

	mu      sync.Mutex
	arrived sync.Cond
	queue   []gvisorFrame
	closed  bool
}

type gvisorFrame struct {
	protocol tcpip.NetworkProtocolNumber
	pkt      *stack.PacketBuffer
}

var _ stack.GSOEndpoint = (*gvisorPort)(nil)

// newGVisorLink returns the two ends of a link. Where trains are allowed it
// takes segments of up to 64 KiB uncut, as a host's NIC with segmentation
// offload does. Where they are not, netstack cuts them just above the link,
// which is its fastest way to real frames.
func newGVisorLink(l Link) (a, b *gvisorPort) {
	gso := stack.GVisorGSOSupported
	if l.Trains {
		gso = stack.HostGSOSupported
	}
	a = &gvisorPort{mtu: uint32(l.MTU), gso: gso, addr: "\x02\x00\x00\x00\x00\x01"}
	b = &gvisorPort{mtu: uint32(l.MTU), gso: gso, addr: "\x02\x00\x00\x00\x00\x02"}
	a.peer, b.peer = b, a
	for _, p := range []*gvisorPort{a, b} {
		p.arrived.L = &p.mu
		p.worker.Go(p.deliver)
	}
	return a, b
}

// WritePackets hands packets to the other end. What finds no room is lost.
func (p *gvisorPort) WritePackets(pkts stack.PacketBufferList) (int, tcpip.Error) {
	q := p.peer
	q.mu.Lock()
	defer q.mu.Unlock()
	sent := 0
	for _, pkt := range pkts.AsSlice() {
		if q.closed || len(q.queue) == maxQueued {
			return sent, &tcpip.ErrNoBufferSpace{}
		}
		if p.gso == stack.GVisorGSOSupported && pkt.Size() > int(p.mtu) {
			p.tooLong.Add(1)
		}
		in := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: pkt.ToBuffer()})
		q.queue = append(q.queue, gvisorFrame{pkt.NetworkProtocolNumber, in})
		sent++
	}
	q.arrived.Signal()
	return sent, nil
}

// deliver gives to the stack what arrives, until the end is closed.
func (p *gvisorPort) deliver() {
	var frames []gvisorFrame
	for {
		p.mu.Lock()
		for len(p.queue) == 0 && !p.closed {
			p.arrived.Wait()
		}
		frames, p.queue = p.queue, frames[:0]
		closed := p.closed
		p.mu.Unlock()
		d := p.dispatcher.Load()
		for i, f := range frames {
			if d != nil && !closed {
				(*d).DeliverNetworkPacket(f.protocol, f.pkt)
			}
			f.pkt.DecRef()
			frames[i] = gvisorFrame{}
		}
		if closed {
			return
		}
	}
}

// Attach sets the stack that gets the packets, or nil when it is going.
func (p *gvisorPort) Attach(d stack.NetworkDispatcher) {
	if d == nil {
		p.dispatcher.Store(nil)
		return
	}
	p.dispatcher.Store(&d)
}

// end ends the goroutine of this end. A stack that is being destroyed waits for
// its links before it closes them, so this has to come first.
func (p *gvisorPort) end() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.arrived.Signal()
	p.worker.Wait()
}

// Capabilities leaves out computing and verifying checksums: nothing between
// the two ends can change a byte.
func (p *gvisorPort) Capabilities() stack.LinkEndpointCapabilities {
	return stack.CapabilityTXChecksumOffload | stack.CapabilityRXChecksumOffload
}

// The rest of stack.LinkEndpoint and stack.GSOEndpoint. There is no link header
// and so no ARP.

func (p *gvisorPort) SupportedGSO() stack.SupportedGSO        { return p.gso }
func (p *gvisorPort) GSOMaxSize() uint32                      { return stack.GVisorGSOMaxSize }
func (p *gvisorPort) MTU() uint32                             { return p.mtu }
func (p *gvisorPort) SetMTU(mtu uint32)                       { p.mtu = mtu }
func (p *gvisorPort) MaxHeaderLength() uint16                 { return 0 }
func (p *gvisorPort) LinkAddress() tcpip.LinkAddress          { return p.addr }
func (p *gvisorPort) SetLinkAddress(a tcpip.LinkAddress)      { p.addr = a }
func (p *gvisorPort) IsAttached() bool                        { return p.dispatcher.Load() != nil }
func (p *gvisorPort) ARPHardwareType() header.ARPHardwareType { return header.ARPHardwareNone }
func (p *gvisorPort) AddHeader(*stack.PacketBuffer)           {}
func (p *gvisorPort) ParseHeader(*stack.PacketBuffer) bool    { return true }
func (p *gvisorPort) Wait()                                   {}
func (p *gvisorPort) Close()                                  {}
func (p *gvisorPort) SetOnCloseAction(func())                 {}
