package tcp

import (
	"encoding/binary"
	"maps"
	"net/netip"
	"slices"
	"syscall"
	"time"

	ev "septet/event"
	"septet/header"
	"septet/network"
	"septet/packet"
)

// Layer is the TCP of one host: its connections, listeners and ports.
type Layer struct {
	loop  *ev.Loop
	pool  *packet.Pool
	net   *network.Layer
	about *Personality
	bufferStore

	table     table
	listeners map[netip.AddrPort]*Listener
	addressed int                // of these, those on one address of the host's
	ports     map[uint16][]*Port // bound
	implicit  portCounts         // connections on ports that nobody bound
	secret    [2]uint64
	timeWaits int
	stats     Stats
	work      *scratch
	phantom   *Conn // the one a SYN cookie is sent for
	fastOpens peers[fastOpenPeer]
	paths     peers[pathEstimate]
	portTries *[portCounters]uint32 // made with the first connection from an ephemeral port

	lastOptions *Options    // see shared
	env         environment // of new connections: the layer itself
	burstEnd    func()
}

// New returns the TCP of the host that n belongs to. A nil personality is
// Linux's.
func New(n *network.Layer, p *Personality) *Layer {
	if p == nil {
		p = &LinuxPersonality
	}
	l := &Layer{loop: n.Loop(), pool: n.Pool(), net: n, about: p}
	l.turn, l.env = l.loop.Turn, l
	rng := l.loop.Rand()
	l.table.seed = rng.Uint64()
	l.secret = [...]uint64{rng.Uint64(), rng.Uint64()}
	n.Handle(header.ProtocolTCP, l)
	return l
}

// Loop returns the loop whose turn the layer belongs to.
func (l *Layer) Loop() *ev.Loop { return l.loop }

// Stats returns the counters.
func (l *Layer) Stats() Stats { return l.stats }

// Connections calls f for every connection that has not ended.
func (l *Layer) Connections(f func(*Conn)) { l.table.each(f) }

// Count returns how many connections there are, those in TIME-WAIT included.
func (l *Layer) Count() int { return l.table.count + l.table.away.size() }

// Connect is OPEN, active (RFC 9293, section 3.10.1): it sends a SYN to remote,
// from p if that is not nil. ENETUNREACH: no route. EADDRNOTAVAIL: no port left,
// or this pair of addresses already has a connection.
func (l *Layer) Connect(p *Port, remote netip.AddrPort, o Owner, opts Options) (*Conn, error) {
	c, _, err := l.connect(p, remote, o, l.share(&opts), nil, false)
	return c, err
}

// ConnectWith is Connect with options that stay what they are: the connection has them
// without a copy.
func (l *Layer) ConnectWith(p *Port, remote netip.AddrPort, o Owner, opts *Options) (*Conn, error) {
	c, _, err := l.connect(p, remote, o, l.adopt(opts), nil, false)
	return c, err
}

// connect is Connect with shared options, and with Fast Open if that is wanted.
func (l *Layer) connect(p *Port, remote netip.AddrPort, o Owner, opts *Options, data []byte, fast bool) (*Conn, int, error) {
	var source netip.Addr
	var previous *Conn
	if p != nil {
		if source = p.addr.Addr(); l.forMany(source) {
			source = netip.Addr{}
		}
	}
	if a := remote.Addr(); a.IsMulticast() || l.broadcast(a) {
		return nil, 0, syscall.ENETUNREACH // RFC 9293, MUST-46
	}
	path, err := l.path(remote.Addr(), source, opts)
	if err != nil {
		return nil, 0, err
	}
	remote = netip.AddrPortFrom(path.Dst(), remote.Port())
	local := netip.AddrPortFrom(path.Src(), 0)
	if p != nil {
		local = netip.AddrPortFrom(path.Src(), p.addr.Port())
		var free bool
		if previous, free = l.vacate(local, remote); !free {
			return nil, 0, syscall.EADDRNOTAVAIL
		}
	} else if local, previous = l.chooseLocal(local, remote); local.Port() == 0 {
		return nil, 0, syscall.EADDRNOTAVAIL
	}
	c := l.newConn(&path, local.Port(), remote.Port(), opts)
	c.owner = o
	if p != nil {
		c.port = p
		p.refs++
	} else {
		l.implicit.add(local.Port(), 1)
	}
	l.table.insert(c)
	l.stats.ActiveOpens++
	now := l.loop.Now()
	if fast {
		data = l.startFastOpen(c, now, data)
	}
	c.open(now, previous, data)
	l.schedule(c)
	return c, len(data), nil
}

// chooseLocal adds an ephemeral port to local, zero if none is left.
func (l *Layer) chooseLocal(local, remote netip.AddrPort) (_ netip.AddrPort, previous *Conn) {
	n := l.ephemeralFor(local, remote, func(n uint16) (free bool) {
		switch {
		case len(l.ports[n]) > 0:
			return false
		case l.implicit.of(n) == 0:
			return true
		}
		previous, free = l.vacate(netip.AddrPortFrom(local.Addr(), n), remote)
		return free
	})
	return netip.AddrPortFrom(local.Addr(), n), previous
}

// reuseQuiet is for how long one in TIME-WAIT has been left alone before it gives way:
// more than a tick of the clocks that timestamps may have (RFC 7323, section 5.4), as
// Linux has it (net.ipv4.tcp_tw_reuse_delay).
const reuseQuiet = time.Second

// vacate reports whether a new connection may have these addresses. One in
// TIME-WAIT gives way when timestamps tell old segments from new ones (RFC 6191,
// section 2), that is, after a while, if the personality allows it; it is returned.
func (l *Layer) vacate(local, remote netip.AddrPort) (previous *Conn, free bool) {
	old := l.table.find(local, remote)
	if old == nil {
		return nil, true
	}
	quiet := l.loop.Now().Sub(max(old.heardAt, old.lastSent))
	reuse := l.about.ReuseTimeWait || local.Addr().IsLoopback() || remote.Addr().IsLoopback()
	if old.state != TimeWait || !old.stamp.enabled || !reuse || quiet < reuseQuiet {
		l.schedule(old)
		return nil, false
	}
	old.destroy(nil)
	return old, true
}

func (l *Layer) newConn(path *network.Path, localPort, remotePort uint16, o *Options) *Conn {
	c := l.takeConn()
	c.init(l.env, l.about, path, localPort, remotePort, o)
	l.recallPath(c)
	return c
}

// expirer makes a connection's timer call the connection.
type expirer Conn

// Expire is called by the loop.
func (e *expirer) Expire(*ev.Timer) {
	c := (*Conn)(e)
	c.Expire(c.env.now())
	c.env.schedule(c)
}

// Input takes a segment from the network layer.
func (l *Layer) Input(p *packet.Packet, d *network.Datagram) {
	l.stats.SegmentsIn += uint64(p.Frames())
	if s := l.accept(p, d); s != nil {
		if p.Frames() > 1 {
			l.inputTrain(p, s, d)
		} else {
			l.input(s, d)
		}
		s.Text = nil
	}
	p.Release()
}

// input takes a segment that was accepted.
func (l *Layer) input(s *Segment, d *network.Datagram) {
	now := l.loop.Now()
	local := netip.AddrPortFrom(d.Dst, s.DstPort)
	remote := netip.AddrPortFrom(d.Src, s.SrcPort)
	c := l.table.find(local, remote)
	if c != nil && c.opts.Device != nil && c.opts.Device != d.Device() {
		// It is bound to another one. There cannot be two between the same addresses, and
		// an answer would go to the peer of the first.
		l.stats.NoConnection++
		l.schedule(c)
		return
	}
	if c != nil && (c.state != TimeWait || !l.reopens(c, s, d)) {
		c.Input(now, s)
		l.schedule(c)
	} else if ln := l.listener(local, remote, d); ln != nil {
		ln.input(now, s, d, c)
	} else {
		l.stats.NoConnection++
		l.refuse(s, d)
	}
}

// accept checks what arrived and parses it into the scratch space. It returns nil if
// nobody is to have it.
func (l *Layer) accept(p *packet.Packet, d *network.Datagram) *Segment {
	// RFC 9293, MUST-57: a segment to a broadcast or multicast address is dropped.
	if d.Broadcast {
		l.stats.NotUnicast++
		return nil
	}
	if !p.Verified() && header.Checksum(p.Bytes(),
		header.PseudoSum(d.Src, d.Dst, header.ProtocolTCP, p.Len())) != 0xffff {
		l.stats.BadChecksum++
		return nil
	}
	s, head := &l.scratch().segment, p.Head()
	n, err := header.ParseTCP(head, &s.TCP)
	if err != nil {
		l.stats.Malformed++
		return nil
	}
	s.more, s.size = p.More(), 0
	s.ECN = d.TOS & ecnMask
	s.Route = d.Route
	s.Text = p.Tail()
	if n < len(head) {
		if len(s.Text) > 0 {
			head = p.Bytes()
		}
		s.Text = head[n:]
	}
	return s
}

// reopens lets a SYN replace a connection in TIME-WAIT, if it is certainly newer
// than everything that connection had (RFC 9293, section 3.6.1; RFC 6191).
func (l *Layer) reopens(c *Conn, s *Segment, d *network.Datagram) bool {
	if s.Flags&(header.SYN|header.ACK|header.RST) != header.SYN {
		return false
	}
	newer := s.Seq.After(c.rcvNxt)
	switch {
	case c.stamp.enabled && s.Options.HasTimestamps:
		age := int32(s.Options.TSVal - c.stamp.recent)
		newer = age > 0 || age == 0 && newer
	case s.Options.HasTimestamps && l.about.Timestamps:
		// RFC 6191, section 2: the old one had no timestamps and the new one will,
		// so that segments of the old cannot be taken for its own.
		newer = true
	}
	if !newer || l.listener(c.Local(), c.Remote(), d) == nil {
		return false
	}
	c.destroy(nil)
	return true
}

// refuse answers a segment that is for no connection with a reset (RFC 9293,
// section 3.10.7.1).
func (l *Layer) refuse(s *Segment, d *network.Datagram) {
	if s.Flags.Has(header.RST) {
		return
	}
	r := Segment{TCP: header.TCP{SrcPort: s.DstPort, DstPort: s.SrcPort, Flags: header.RST}}
	if s.Flags.Has(header.ACK) {
		r.Seq = s.Ack
	} else {
		r.Flags |= header.ACK
		r.Ack = s.end()
	}
	path, err := l.net.PathBack(d)
	if err != nil || path.Broadcast() {
		return
	}
	l.send(&path, pseudoSum(&path), &r, &network.Send{SourceRoute: d.Route})
}

// schedule sets the connection's timer to its deadline, or puts it away.
func (l *Layer) schedule(c *Conn) {
	if c.state == TimeWait && l.putAway(c) {
		return
	}
	if d := c.Deadline(); d != c.timer.When() && c.state != Closed {
		if c.state == TimeWait {
			c.timer.Stop() // not one of those that are soon moved back
		}
		c.timer.Reset(d)
	}
}

// secrets is RFC 6528: ISN = M + F(addresses, secret), where M counts
// microseconds by fours.
func (l *Layer) secrets(c *Conn, now ev.Time) (iss header.Seq, offset uint32) {
	f := l.keyed(forSequence, c.Local(), c.Remote())
	m := uint32(now / 4000)
	return header.Seq(m + uint32(f)), uint32(f >> 32)
}

// stateChanged keeps the books of the layer.
func (l *Layer) stateChanged(c *Conn, from State, _ event) {
	if c.listener != nil {
		c.listener.moved(c, from)
	}
	if from == TimeWait {
		l.timeWaits--
	}
	switch c.state {
	case TimeWait:
		l.timeWaits++
	case Closed:
		l.table.remove(c)
		if c.is(flagForgotten) {
			l.ended(c)
		} else {
			c.timer.Stop()
		}
		if c.port != nil {
			c.port.release()
			c.port = nil
		} else {
			l.implicit.add(c.localPort, -1)
		}
	}
}

// Error takes an ICMP error about a segment of ours (RFC 9293, section 3.9.2.2;
// RFC 5927: only what is outstanding can have caused it).
func (l *Layer) Error(e *network.Error) {
	if len(e.Quoted) < 8 {
		return
	}
	local := netip.AddrPortFrom(e.Src, binary.BigEndian.Uint16(e.Quoted))
	remote := netip.AddrPortFrom(e.Dst, binary.BigEndian.Uint16(e.Quoted[2:]))
	seq := header.Seq(binary.BigEndian.Uint32(e.Quoted[4:]))
	c := l.table.find(local, remote)
	if c == nil || seq.Before(c.sndUna) || !seq.Before(c.sndMax) {
		l.stats.ICMPIgnored++
		if c != nil {
			l.schedule(c) // it may have been put away
		}
		return
	}
	if c.opts.SourceRoute == nil {
		l.net.LearnPathMTU(e) // what others send there goes the same way
	}
	c.icmpError(l.loop.Now(), e, seq)
	l.schedule(c)
}

// Close aborts every connection and listener.
func (l *Layer) Close() {
	// Not in the order of the map: what is sent must follow from the seed alone.
	for _, addr := range slices.SortedFunc(maps.Keys(l.listeners), netip.AddrPort.Compare) {
		for l.listeners[addr] != nil {
			l.listeners[addr].Close()
		}
	}
	l.table.each(func(c *Conn) { c.Abort() })
}
