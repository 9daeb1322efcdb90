package network

import (
	"net/netip"
	"slices"
	"time"

	"septet/event"
	"septet/header"
	"septet/packet"
)

// Bounds of what waits for missing fragments.
const (
	// reassemblyTimeout is Linux's. RFC 1122, section 3.3.2 would have 60 to
	// 120 seconds; at today's rates identifications return long before.
	reassemblyTimeout = 30 * time.Second
	// RFC 8200, section 4.5: "within 60 seconds".
	reassemblyTimeout6 = 60 * time.Second
	// maxFragments bounds the packets that a host keeps, over all datagrams.
	// The longest datagram at the smallest MTU (68) has 1365.
	maxFragments = 2048
)

// reassembly makes the datagrams of one family whole again (RFC 791, section 3.2; RFC
// 8200, section 4.5).
type reassembly struct {
	layer     *Layer
	timeout   time.Duration
	longest   int // datagram, with the headers of a fragment
	partial   map[fragmentKey]*partial
	order     []*partial // by the arrival of their first fragments
	fragments int
	timer     event.Timer
}

// fragmentKey says which fragments belong together.
type fragmentKey struct {
	src, dst netip.Addr
	id       uint32
	protocol header.Protocol // zero with IPv6
}

// partial is a datagram of which parts have come. The parts are in order and do
// not overlap.
type partial struct {
	key      fragmentKey
	deadline event.Time
	parts    []part
	have     int // bytes
	total    int // bytes of payload, once the last fragment has come; else -1
	group    bool
}

// part is one fragment: the bytes from start up to but not including end of the
// datagram's payload. p starts at the IP header.
type part struct {
	start, end int
	headerLen  int
	p          *packet.Packet
}

// needReassembly returns where IPv4 fragments wait, made if there was none.
func (l *Layer) needReassembly() *reassembly {
	if l.reassembly == nil {
		l.reassembly = new(reassembly)
		l.reassembly.init(l, reassemblyTimeout, maxDatagram)
	}
	return l.reassembly
}

func (r *reassembly) init(l *Layer, timeout time.Duration, longest int) {
	r.layer, r.timeout, r.longest = l, timeout, longest
	r.timer.Init(l.loop, r)
}

// add takes a fragment that starts at its IP header. When it was the last one
// missing it returns the whole datagram, with one IP header, and sets d to
// that; else nil.
func (r *reassembly) add(p *packet.Packet, d *Datagram) *packet.Packet {
	stats := &r.layer.stats
	stats.FragmentsReceived++
	f := part{start: d.offset, end: d.offset + p.Len() - d.HeaderLen, headerLen: d.HeaderLen, p: p}
	// All fragments but the last have a multiple of eight bytes; none reaches
	// beyond the longest datagram.
	if f.start >= f.end || f.end+d.HeaderLen > r.longest || (d.more && (f.end-f.start)%8 != 0) {
		r.layer.drop(p, &stats.FragmentsBad)
		return nil
	}
	w := r.find(d)
	if !d.more {
		if w.total >= 0 && w.total != f.end {
			r.layer.drop(p, &stats.FragmentsBad)
			return nil
		}
		w.total = f.end
	}
	if !r.insert(w, f) {
		return nil
	}
	w.group = w.group || d.Broadcast
	last := w.parts[len(w.parts)-1]
	switch {
	case w.total >= 0 && last.end > w.total:
		r.giveUp(w, &stats.FragmentsBad)
		return nil
	case w.have != w.total:
		return nil
	case w.parts[0].headerLen+w.total > r.longest:
		r.giveUp(w, &stats.FragmentsBad)
		return nil
	}
	return r.finish(w, d)
}

// find returns the datagram to which a fragment belongs.
func (r *reassembly) find(d *Datagram) *partial {
	key := fragmentKey{d.Src, d.Dst, d.id, d.Protocol}
	if d.Src.Is6() {
		key.protocol = 0 // RFC 8200, section 4.5: addresses and identification alone
	}
	if w := r.partial[key]; w != nil {
		return w
	}
	if r.partial == nil {
		r.partial = make(map[fragmentKey]*partial)
	}
	w := &partial{key: key, deadline: r.layer.loop.Now().Add(r.timeout), total: -1}
	r.partial[key] = w
	r.order = append(r.order, w)
	if len(r.order) == 1 {
		r.timer.Reset(w.deadline)
	}
	return w
}

// insert puts f in its place. What has come before is dropped, as a network may
// duplicate; a fragment that overlaps others in part is not made by any
// network, and the datagram is given up (RFC 1858; RFC 5722 for IPv6).
func (r *reassembly) insert(w *partial, f part) bool {
	stats := &r.layer.stats
	i := len(w.parts)
	for i > 0 && w.parts[i-1].start >= f.end {
		i--
	}
	if i > 0 && w.parts[i-1].end > f.start {
		f.p.Release()
		if before := w.parts[i-1]; before.start <= f.start && f.end <= before.end {
			stats.FragmentsDuplicate++
		} else {
			r.giveUp(w, &stats.FragmentsOverlap)
		}
		return false
	}
	for r.fragments >= maxFragments {
		oldest := r.order[0]
		r.giveUp(oldest, &stats.ReassemblyEvicted)
		if oldest == w {
			f.p.Release()
			return false
		}
	}
	f.p.Bytes()
	w.parts = slices.Insert(w.parts, i, f)
	w.have += f.end - f.start
	r.fragments++
	return true
}

// finish joins the parts behind the header of the first.
func (r *reassembly) finish(w *partial, d *Datagram) *packet.Packet {
	if w.key.src.Is6() {
		return r.finish6(w, d)
	}
	first := w.parts[0]
	h, _, _ := header.ParseIPv4(first.p.Head())
	h.MoreFragments, h.TotalLength = false, first.headerLen+w.total
	whole := r.layer.pool.Get(h.TotalLength)
	h.Put(whole.Extend(first.headerLen))
	for _, f := range w.parts {
		whole.Append(f.p.Head()[f.headerLen:])
	}
	d.HeaderLen, d.TTL, d.TOS = first.headerLen, h.TTL, h.TOS
	r.finished(w, d)
	return whole
}

// finished says that d is whole.
func (r *reassembly) finished(w *partial, d *Datagram) {
	d.Broadcast, d.offset, d.more = w.group, 0, false
	r.remove(w)
	r.layer.stats.Reassembled++
}

// finish6 joins the parts behind what could not be fragmented of the first: all that
// stands before its fragment header (RFC 8200, section 4.5).
func (r *reassembly) finish6(w *partial, d *Datagram) *packet.Packet {
	b := w.parts[0].p.Head()
	at, end := nextHeaderAt, header.IPv6Len
	for protocol := header.Protocol(b[at]); protocol != header.ProtocolIPv6Fragment; {
		x, _, _ := header.ParseExtension(protocol, b[end:]) // as it was when it came
		at, end, protocol = end, end+len(x.Data), x.NextHeader
	}
	whole := r.layer.pool.Get(end + w.total)
	whole.Append(b[:end])
	for _, f := range w.parts {
		whole.Append(f.p.Head()[f.headerLen:])
	}
	head := whole.Head()
	head[at] = b[end]
	be.PutUint16(head[4:], uint16(len(head)-header.IPv6Len))
	d.HeaderLen, d.TTL, d.TOS = end, b[7], head[0]<<4|head[1]>>4
	d.next, d.Protocol = at, header.Protocol(b[end])
	r.finished(w, d)
	return whole
}

// Expire gives up the datagrams whose time is over. RFC 1122, section 3.3.2: the
// sender is told, if the first fragment has come.
func (r *reassembly) Expire(*event.Timer) {
	for len(r.order) > 0 && r.order[0].deadline <= r.layer.loop.Now() {
		w := r.order[0]
		if first := w.parts[0]; first.start == 0 {
			d := Datagram{
				Src: w.key.src, Dst: w.key.dst, Protocol: w.key.protocol,
				HeaderLen: first.headerLen, Broadcast: w.group, more: true,
			}
			r.complain(first.p.Clone(), &d)
		}
		r.giveUp(w, &r.layer.stats.ReassemblyTimeout)
	}
}

func (r *reassembly) complain(p *packet.Packet, d *Datagram) {
	if d.Src.Is6() {
		r.layer.refuse6(p, d, header.ICMPv6{
			Type: header.ICMPv6TimeExceeded, Code: header.ICMPv6ReassemblyTimeout,
		})
		return
	}
	r.layer.refuse(p, d, header.ICMP{Type: header.ICMPTimeExceeded, Code: header.ICMPReassemblyExceeded})
}

// giveUp drops a datagram that will not become whole.
func (r *reassembly) giveUp(w *partial, reason *uint64) {
	*reason++
	r.remove(w)
}

// remove takes a datagram and its parts out.
func (r *reassembly) remove(w *partial) {
	for _, f := range w.parts {
		f.p.Release()
	}
	r.fragments -= len(w.parts)
	w.parts = nil
	delete(r.partial, w.key)
	i := slices.Index(r.order, w)
	r.order = slices.Delete(r.order, i, i+1)
	if len(r.order) == 0 {
		r.timer.Stop()
	} else {
		r.timer.Reset(r.order[0].deadline)
	}
}

// clear takes everything out, for a host that is switched off.
func (r *reassembly) clear() {
	for len(r.order) > 0 {
		r.remove(r.order[0])
	}
}
