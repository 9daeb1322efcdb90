package differential

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"septet/event"
	"septet/header"
	"septet/packet"
	"septet/physical"
)

var be = binary.BigEndian

// peer is what a script has at the other end of the host's wire. It answers ARP, or the
// neighbour solicitations of IPv6; all else is the script's.
type peer struct {
	loop *event.Loop
	pool *packet.Pool
	port physical.Port

	own, host       netip.Addr // of one family
	mss             int        // what a frame has room for, of TCP without options
	ownMAC, hostMAC header.MAC

	deaf    bool // no longer answers ARP
	arp     bool // writes ARP down
	groups  bool // writes IGMP down
	arrived []arrival
	mark    event.Time // of what happened last
	flows   []*flow
}

// arrival is a frame that the host has sent.
type arrival struct {
	at    event.Time
	frame []byte
}

func newPeer(l *event.Loop, pool *packet.Pool, port physical.Port, f family) *peer {
	p := &peer{
		loop: l, pool: pool, port: port, own: f.far, host: f.near,
		ownMAC: header.MAC{2, 0, 0, 0, 0, 2}, mss: 1500 - header.IPv4Len - header.TCPLen,
	}
	if p.own.Is6() {
		p.mss = 1500 - header.IPv6Len - header.TCPLen
	}
	l.Lock()
	defer l.Unlock()
	port.OnReceive(p.receive)
	return p
}

// receive takes a frame from the host, with the turn held.
func (p *peer) receive(frame *packet.Packet) {
	defer frame.Release()
	b := bytes.Clone(frame.Bytes())
	h, payload, err := header.ParseEthernet(b)
	if err != nil {
		return
	}
	switch h.Type {
	case header.EtherTypeARP:
		a, err := header.ParseARP(payload)
		if err != nil {
			return
		}
		if a.SenderIP == p.host {
			p.hostMAC = a.SenderMAC
		}
		if a.Operation == header.ARPRequest && a.TargetIP == p.own && !p.deaf {
			p.sendARP(header.ARPReply, a.SenderMAC)
		}
		if !p.arp {
			return
		}
	case header.EtherTypeIPv6:
		if p.own.Is4() || !p.receive6(payload, h.Src) {
			return
		}
	case header.EtherTypeIPv4:
	default:
		return
	}
	p.arrived = append(p.arrived, arrival{p.loop.Now(), b})
}

func (p *peer) sendARP(operation uint16, to header.MAC) {
	b := make([]byte, header.EthernetLen+header.ARPLen)
	eth := header.Ethernet{Dst: to, Src: p.ownMAC, Type: header.EtherTypeARP}
	a := header.ARP{Operation: operation, SenderMAC: p.ownMAC, SenderIP: p.own, TargetIP: p.host}
	if operation == header.ARPReply {
		a.TargetMAC = to
	}
	a.Put(b[eth.Put(b):])
	p.port.Transmit(p.pool.From(b))
}

// introduce asks the host for its address, and so tells it the peer's. It reports whether
// there was an answer.
func (p *peer) introduce() bool {
	for range 50 {
		p.loop.Lock()
		if p.own.Is6() {
			p.solicit()
		} else {
			p.sendARP(header.ARPRequest, header.MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
		}
		p.loop.Unlock()
		for range 10 {
			_ = p.loop.Sleep(2 * time.Millisecond)
			p.loop.Lock()
			known := p.hostMAC != header.MAC{}
			p.arrived = nil
			p.loop.Unlock()
			if known {
				return true
			}
		}
	}
	return false
}

// writeARPDown has what the host sends of ARP written down from now on.
func (p *peer) writeARPDown() {
	p.loop.Lock()
	p.arp = true
	p.loop.Unlock()
}

// transmit sends an IP packet to the host.
func (p *peer) transmit(ip []byte) {
	p.loop.Lock()
	defer p.loop.Unlock()
	b := make([]byte, header.EthernetLen, header.EthernetLen+len(ip))
	dst, kind := p.hostMAC, header.EtherTypeIPv4
	if ip[0]>>4 == 6 {
		kind = header.EtherTypeIPv6
	} else if to := netip.AddrFrom4([4]byte(ip[16:20])); to.IsMulticast() {
		a := to.As4()
		dst = header.MAC{1, 0, 0x5e, a[1] & 0x7f, a[2], a[3]}
	} else if to != p.host && to.As4()[3] == 255 {
		dst = header.MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	}
	eth := header.Ethernet{Dst: dst, Src: p.ownMAC, Type: kind}
	eth.Put(b)
	p.mark = p.loop.Now()
	p.port.Transmit(p.pool.From(append(b, ip...)))
}

// begun says that something happened now.
func (p *peer) begun() {
	p.loop.Lock()
	p.mark = p.loop.Now()
	p.loop.Unlock()
}

// take returns a line for each frame that has arrived, and forgets it.
func (p *peer) take() (lines []string) {
	p.loop.Lock()
	defer p.loop.Unlock()
	for _, a := range p.arrived {
		if text := p.describe(a.frame); text != "" {
			lines = append(lines, fmt.Sprintf("< %s: %s", when(time.Duration(a.at-p.mark)), text))
			p.mark = max(a.at, p.mark)
		}
	}
	p.arrived = nil
	return lines
}

// describe writes a frame of the host's as a line, "" for what is not written down.
func (p *peer) describe(frame []byte) string {
	eth, b, _ := header.ParseEthernet(frame)
	if eth.Type == header.EtherTypeARP {
		a, _ := header.ParseARP(b)
		return fmt.Sprintf("ARP %d %v asks %v for %v", a.Operation, a.SenderIP, eth.Dst.IsGroup(), a.TargetIP)
	}
	if eth.Type == header.EtherTypeIPv6 {
		return p.describe6(b)
	}
	h, payload, err := header.ParseIPv4(b)
	if err != nil {
		return "IPv4 " + err.Error()
	}
	var text string
	switch {
	case h.IsFragment():
		text = fmt.Sprintf("fragment of protocol %d at %d, %d bytes, more %v", h.Protocol, h.FragmentOffset, len(payload), h.MoreFragments)
	case h.Protocol == header.ProtocolTCP:
		text = p.segment(&h, payload)
	case h.Protocol == header.ProtocolUDP:
		text = p.datagram(&h, payload)
	case h.Protocol == header.ProtocolICMP:
		text = p.message(payload)
	case h.Protocol == header.ProtocolIGMP:
		if !p.groups {
			return ""
		}
		text = fmt.Sprintf("IGMP %#x, %d bytes", payload[0], len(payload))
	default:
		text = fmt.Sprintf("protocol %d, %d bytes", h.Protocol, len(payload))
	}
	return text + p.aboutIP(&h)
}

// aboutIP says what is not as usual in a header: the peer, 64, 0, DF.
func (p *peer) aboutIP(h *header.IPv4) string {
	var s string
	if h.Src != p.host {
		s += fmt.Sprintf(" from %v", h.Src)
	}
	if h.Dst != p.own {
		s += fmt.Sprintf(" to %v", h.Dst)
	}
	if h.TTL != 64 {
		s += fmt.Sprintf(" ttl %d", h.TTL)
	}
	if h.TOS != 0 {
		s += fmt.Sprintf(" tos %#x", h.TOS)
	}
	if !h.DontFragment {
		s += " no DF"
	}
	if len(h.Options) > 0 {
		s += fmt.Sprintf(" options % x", h.Options)
	}
	return s
}

// checked says if a checksum is wrong.
func checked(h *header.IPv4, b []byte) string {
	if header.Checksum(b, header.PseudoSum(h.Src, h.Dst, h.Protocol, len(b))) != 0xffff {
		return " bad checksum"
	}
	return ""
}

func (p *peer) datagram(h *header.IPv4, b []byte) string {
	u, data, err := header.ParseUDP(b)
	if err != nil {
		return "UDP " + err.Error()
	}
	s := fmt.Sprintf("UDP to %d %s", u.DstPort, text(data))
	if u.Checksum == 0 {
		return s + " no checksum"
	}
	return s + checked(h, b)
}

func (p *peer) message(b []byte) string {
	m, data, err := header.ParseICMP(b)
	if err != nil {
		return "ICMP " + err.Error()
	}
	s := fmt.Sprintf("ICMP %d/%d %#x, %d bytes after it", m.Type, m.Code, m.Rest, len(data))
	if !m.IsError() {
		s += " " + text(data)
	}
	return s
}

// text shows what a packet carries.
func text(b []byte) string {
	if len(b) == 0 || len(b) > 24 {
		return fmt.Sprintf("%d bytes", len(b))
	}
	return fmt.Sprintf("%q", b)
}

// wrap makes a packet from the peer to the host around payload, after change.
func (p *peer) wrap(protocol header.Protocol, payload []byte, change ...func(h *header.IPv4)) []byte {
	h := header.IPv4{TTL: 64, Protocol: protocol, Src: p.own, Dst: p.host, DontFragment: true, ID: 7}
	for _, f := range change {
		f(&h)
	}
	if p.own.Is6() {
		return wrap6(&h, payload)
	}
	if h.TotalLength == 0 {
		h.TotalLength = h.Len() + len(payload)
	}
	b := make([]byte, h.Len(), h.TotalLength)
	h.Put(b)
	return append(b, payload...)
}

// flags as letters, in the order in which they are said.
var letters = []struct {
	letter string
	flag   header.TCPFlags
}{{"S", header.SYN}, {"F", header.FIN}, {"R", header.RST}, {"P", header.PSH}, {"A", header.ACK}, {"U", header.URG}, {"E", header.ECE}, {"W", header.CWR}}

func flagLetters(f header.TCPFlags) (s string) {
	for _, l := range letters {
		if f.Has(l.flag) {
			s += l.letter
		}
	}
	return s
}

func flagsOf(s string) (f header.TCPFlags) {
	for _, l := range letters {
		if strings.Contains(s, l.letter) {
			f |= l.flag
		}
	}
	return f
}
