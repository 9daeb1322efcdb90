package tcp

import (
	"septet/header"
	"septet/network"
	"septet/packet"
)

// emit sends a connection's segment.
func (l *Layer) emit(c *Conn, s *Segment) {
	if s.size > 0 {
		l.sendTrain(c, s)
	} else {
		ip := c.sendAs()
		l.send(&c.path, c.pseudo, s, &ip)
	}
	if s.last && l.burstEnd != nil {
		l.burstEnd()
	}
}

// sendAs returns how IP is to send the connection's segments.
func (c *Conn) sendAs() network.Send {
	discover := network.DiscoverNot // which is up to TCP itself
	if c.opts.MayCut {
		discover = network.DiscoverOmit
	}
	ttl, tos := c.opts.TTL, c.opts.TOS
	if c.path.Dst().Is6() {
		ttl, tos = c.opts.HopLimit, c.opts.TrafficClass
	}
	return network.Send{
		TTL: ttl, TOS: tos, SourceRoute: c.opts.SourceRoute, Discover: discover,
		// RFC 6437, section 3: the same for all of a flow, and hard to guess: as the
		// initial sequence number is.
		FlowLabel: uint32(c.iss) & header.IPv6FlowLabel,
	}
}

// OnBurstEnd has f called whenever the last segment of a burst has been sent, see
// Personality.Bursts. f must not call back into the layer.
func (l *Layer) OnBurstEnd(f func()) { l.burstEnd = f }

// send puts the header in front of the text and gives the packet to IP, to be
// sent as ip says. pseudo is the path's pseudoSum.
func (l *Layer) send(path *network.Path, pseudo uint16, s *Segment, ip *network.Send) {
	l.stats.SegmentsOut++
	if s.Flags.Has(header.RST) {
		l.stats.ResetsSent++
	}
	text := len(s.Text) + len(s.rest)
	var p *packet.Packet
	if len(s.rest) > 0 {
		p = l.pool.Get(text)
		p.Append(s.Text)
		p.Append(s.rest)
	} else {
		p = l.pool.Get(0)
		p.BorrowOf(s.loans, s.Text, s.Seq)
	}
	p.SetMore(s.more)
	l.output(p, path, pseudo, s, text, ip)
}

// pseudoSum is the sum of a path's pseudo-header, without the length of the segment: the
// same for all segments of a connection.
func pseudoSum(path *network.Path) uint16 {
	return header.PseudoSum(path.Src(), path.Dst(), header.ProtocolTCP, 0)
}

// output puts the TCP header of s in front of p, whose first frame has text bytes of
// payload, and gives it to IP.
func (l *Layer) output(p *packet.Packet, path *network.Path, pseudo uint16, s *Segment, text int, ip *network.Send) {
	n := s.Len()
	sum := uint32(pseudo) + uint32(n+text)
	s.Checksum = uint16(sum + sum>>16)
	s.Fill(p.Push(n))
	p.PartialChecksum(checksumOffset)
	ip.Protocol, ip.DontFragment = header.ProtocolTCP, true
	ip.TOS = ip.TOS&^ecnMask | s.ECN
	// An error here is a segment lost before the wire: retransmission deals with
	// it, or an ICMP message says more.
	_ = l.net.Output(p, path, ip)
}

// checksumOffset is where the checksum stands in a TCP header.
const checksumOffset = 16
