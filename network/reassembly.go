package network

import (
	"bytes"
	"container/list"
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
	// maxFragments bounds those of one datagram: as many as the longest has at the
	// smallest MTU of IPv4, which is 68.
	maxFragments = 1365
	// maxWaiting bounds the memory of each family, so that both have 4 MiB;
	// maxWaitingFrom is the share of one source.
	maxWaiting     = 2 << 20
	maxWaitingFrom = maxWaiting / 4
	// What a datagram and a fragment count beside the bytes of the fragments.
	datagramOverhead = 512
	fragmentOverhead = 128
)

// reassembly makes the datagrams of one family whole again (RFC 791, section 3.2; RFC
// 8200, section 4.5).
type reassembly struct {
	layer   *Layer
	timeout time.Duration
	longest int // datagram, with the headers of a fragment
	partial map[fragmentKey]*partial
	sources map[netip.Addr]*fragmentSource
	order   list.List // of *partial, by the arrival of their first fragments
	memory  int
	timer   event.Timer
}

// fragmentKey says which fragments belong together.
type fragmentKey struct {
	src, dst netip.Addr
	id       uint32
	protocol header.Protocol // zero with IPv6
}

// fragmentSource is what waits of one sender.
type fragmentSource struct {
	order  list.List // of *partial
	memory int
}

// partial is a datagram of which parts have come. The parts are in order and do
// not overlap.
type partial struct {
	key         fragmentKey
	source      *fragmentSource
	place, mine *list.Element // in the orders of all and of the source
	deadline    event.Time
	parts       []part
	have        int // bytes
	total       int // bytes of payload, once the last fragment has come; else -1
	memory      int
	group       bool
	spoilt      bool // its fragments overlapped: all that comes is dropped
}

// part is one fragment: the bytes from start up to but not including end of the
// datagram's payload. b, a copy no larger than that, starts at the IP header.
type part struct {
	start, end int
	headerLen  int
	b          []byte
}

func (f *part) payload() []byte { return f.b[f.headerLen:] }

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
	defer p.Release()
	stats := &r.layer.stats
	stats.FragmentsReceived++
	f := part{start: d.offset, end: d.offset + p.Len() - d.HeaderLen, headerLen: d.HeaderLen, b: p.Bytes()}
	// All fragments but the last have a multiple of eight bytes; none reaches
	// beyond the longest datagram.
	if f.start >= f.end || f.end+d.HeaderLen > r.longest || (d.more && (f.end-f.start)%8 != 0) {
		stats.FragmentsBad++
		return nil
	}
	w := r.find(d)
	if w.spoilt {
		stats.FragmentsOverlap++
		return nil
	}
	if !d.more {
		if w.total >= 0 && w.total != f.end {
			stats.FragmentsBad++
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
		r.partial, r.sources = make(map[fragmentKey]*partial), make(map[netip.Addr]*fragmentSource)
	}
	source := r.sources[d.Src]
	if source == nil {
		source = new(fragmentSource)
		r.sources[d.Src] = source
	}
	w := &partial{key: key, source: source, deadline: r.layer.loop.Now().Add(r.timeout), total: -1}
	r.partial[key] = w
	w.place, w.mine = r.order.PushBack(w), source.order.PushBack(w)
	r.count(w, datagramOverhead)
	if r.order.Len() == 1 {
		r.timer.Reset(w.deadline)
	}
	return w
}

// insert puts f in its place. What has come before is dropped, as a network may
// duplicate; a fragment that overlaps others in part, or says something else than
// what came before, is not made by any network, and the datagram is given up (RFC
// 1858; RFC 5722 for IPv6).
func (r *reassembly) insert(w *partial, f part) bool {
	stats := &r.layer.stats
	i := len(w.parts)
	for i > 0 && w.parts[i-1].start >= f.end {
		i--
	}
	if i > 0 && w.parts[i-1].end > f.start {
		if w.parts[i-1].holds(&f) {
			stats.FragmentsDuplicate++
		} else {
			r.spoil(w)
		}
		return false
	}
	if len(w.parts) >= maxFragments || !r.makeRoom(w, len(f.b)+fragmentOverhead) {
		r.giveUp(w, &stats.ReassemblyEvicted)
		return false
	}
	f.b = bytes.Clone(f.b)
	w.parts = slices.Insert(w.parts, i, f)
	w.have += f.end - f.start
	r.count(w, len(f.b)+fragmentOverhead)
	return true
}

// holds reports whether f is in g, byte for byte.
func (g *part) holds(f *part) bool {
	if f.start < g.start || f.end > g.end {
		return false
	}
	return bytes.Equal(f.payload(), g.payload()[f.start-g.start:f.end-g.start])
}

// spoil gives a datagram up whose fragments overlap. RFC 8200, section 4.5: of IPv6 all
// of it is dropped, what has not come yet too. The identifications of IPv4 return too
// soon for that.
func (r *reassembly) spoil(w *partial) {
	if !w.key.src.Is6() {
		r.giveUp(w, &r.layer.stats.FragmentsOverlap)
		return
	}
	r.layer.stats.FragmentsOverlap++
	w.spoilt, w.parts = true, nil
	r.count(w, datagramOverhead-w.memory)
}

// makeRoom evicts what has waited longest until n bytes more fit: of the same source, if
// that has its share, else of all. It reports false if w would have to go itself.
func (r *reassembly) makeRoom(w *partial, n int) bool {
	for {
		var oldest *list.Element
		switch {
		case w.source.memory+n > maxWaitingFrom:
			oldest = w.source.order.Front()
		case r.memory+n > maxWaiting:
			oldest = r.order.Front()
		default:
			return true
		}
		victim := oldest.Value.(*partial)
		if victim == w {
			return false
		}
		r.giveUp(victim, &r.layer.stats.ReassemblyEvicted)
	}
}

// count adds to the memory that w takes.
func (r *reassembly) count(w *partial, n int) {
	w.memory += n
	w.source.memory += n
	r.memory += n
}

// finish joins the parts behind the header of the first.
func (r *reassembly) finish(w *partial, d *Datagram) *packet.Packet {
	if w.key.src.Is6() {
		return r.finish6(w, d)
	}
	first := w.parts[0]
	h, _, _ := header.ParseIPv4(first.b)
	h.MoreFragments, h.TotalLength = false, first.headerLen+w.total
	whole := r.layer.pool.Get(h.TotalLength)
	h.Put(whole.Extend(first.headerLen))
	for _, f := range w.parts {
		whole.Append(f.payload())
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
	b := w.parts[0].b
	at, end := nextHeaderAt, header.IPv6Len
	for protocol := header.Protocol(b[at]); protocol != header.ProtocolIPv6Fragment; {
		x, _, _ := header.ParseExtension(protocol, b[end:]) // as it was when it came
		at, end, protocol = end, end+len(x.Data), x.NextHeader
	}
	whole := r.layer.pool.Get(end + w.total)
	whole.Append(b[:end])
	for _, f := range w.parts {
		whole.Append(f.payload())
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
	for r.order.Len() > 0 {
		w := r.order.Front().Value.(*partial)
		if w.deadline > r.layer.loop.Now() {
			return
		}
		if len(w.parts) > 0 && w.parts[0].start == 0 {
			first := &w.parts[0]
			d := Datagram{
				Src: w.key.src, Dst: w.key.dst, Protocol: w.key.protocol,
				HeaderLen: first.headerLen, Broadcast: w.group, more: true,
			}
			r.complain(r.layer.pool.From(first.b), &d)
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
	r.count(w, -w.memory)
	w.parts = nil
	delete(r.partial, w.key)
	r.order.Remove(w.place)
	if w.source.order.Remove(w.mine); w.source.order.Len() == 0 {
		delete(r.sources, w.key.src)
	}
	if first := r.order.Front(); first != nil {
		r.timer.Reset(first.Value.(*partial).deadline)
	} else {
		r.timer.Stop()
	}
}

// clear takes everything out, for a host that is switched off.
func (r *reassembly) clear() {
	for r.order.Len() > 0 {
		r.remove(r.order.Front().Value.(*partial))
	}
}
