package link

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"time"

	"septet/event"
	"septet/header"
	"septet/packet"
)

// The constants of the neighbour cache, with the names of RFC 4861 where it has
// one for what ARP needs too.
const (
	// ReachableTime is how long an answer to ARP is believed. RFC 1122, section
	// 2.3.2.1: the timeout "needs to be on the order of a minute". IPv6's is in
	// Discovery.
	ReachableTime = 60 * time.Second
	// RetransTimer is the time between two requests for one address. RFC 1122,
	// section 2.3.2.1, recommends at most one a second.
	RetransTimer = 1 * time.Second
	// MaxSolicit is how many requests are sent before giving up.
	MaxSolicit = 3
	// DelayFirstProbe is how long a stale IPv6 neighbour may prove itself before it is
	// asked: the layers above may hear from it (RFC 4861, section 10).
	DelayFirstProbe = 5 * time.Second
	// HoldDown is how long after giving up nobody asks again.
	HoldDown = 1 * time.Second
	// MaxNeighbours caps the cache of a NIC.
	MaxNeighbours = 1024
	// MaxWaiting caps the packets that wait for one neighbour's address. At an MTU
	// of 1500 it is enough for all fragments of the longest datagram.
	MaxWaiting = 64
)

// NeighbourState says what is known about a neighbour.
//
//	            Output            no answer to 3
//	None ----------------> Incomplete ----------> Failed
//	                        |   ^  ^                |
//	                answer  |   |  '----------------'
//	                        v   |    Output, after HoldDown
//	            .---> Reachable |
//	            |        |      | no answer to 3
//	     answer |        | 60 s |
//	            |        v      |
//	          Probe <-- Stale   |
//	            |   Output      |
//	            '---------------'
//
// Requests of Incomplete are broadcast; those of Probe go to the neighbour
// alone, while packets are still sent to the address known so far. Nothing
// happens to a neighbour to whom nothing is sent. With IPv6, Output makes a Stale
// neighbour Delay, and Probe five seconds later (RFC 4861, section 7.3.2).
type NeighbourState uint8

// The states. An ARP packet of the neighbour makes it Reachable from any.
const (
	None       NeighbourState = iota // nothing was asked yet
	Incomplete                       // asked; packets wait
	Reachable                        // the address is known and fresh
	Stale                            // the address is known, but not confirmed for ReachableTime
	Delay                            // as Stale, and soon to be asked
	Probe                            // as Stale, and being asked
	Failed                           // no answer
)

var stateNames = [...]string{"none", "incomplete", "reachable", "stale", "delay", "probe", "failed"}

func (s NeighbourState) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return "invalid"
}

// Neighbour is the cache entry for one address on the link. Paths may keep a
// pointer to it; NIC.Output notices when the entry has been evicted.
type Neighbour struct {
	nic  *NIC
	addr netip.Addr
	mac  header.MAC

	state     NeighbourState // never Stale: that follows from fresh
	used      bool           // sent to since the cache last looked for a victim
	dead      bool
	known     bool // has answered, and not failed to since
	tries     int
	fresh     event.Time // before this moment Output sends without a question
	confirmed event.Time
	held      event.Time // Failed: no request before this moment
	timer     event.Timer
	waiting   packet.Queue // frames that lack only their destination

	links[Neighbour] // in the cache's order
}

// Addr returns the neighbour's IP address.
func (nb *Neighbour) Addr() netip.Addr { return nb.addr }

// Resolved reports whether the neighbour's Ethernet address is known, fresh or
// not.
func (nb *Neighbour) Resolved() bool {
	return nb.state == Reachable || nb.state == Delay || nb.state == Probe
}

// MAC returns the neighbour's Ethernet address, if it is known.
func (nb *Neighbour) MAC() (mac header.MAC, known bool) {
	if !nb.Resolved() {
		return mac, false
	}
	return nb.mac, true
}

// Dead reports whether the entry has left the cache. Output still works with
// it, but slowly: whoever keeps it should ask the NIC for a new one.
func (nb *Neighbour) Dead() bool { return nb.dead }

// State returns what is known about the neighbour.
func (nb *Neighbour) State() NeighbourState {
	if nb.state == Reachable && nb.nic.loop.Now() >= nb.fresh {
		return Stale
	}
	return nb.state
}

// Doubt makes the next packet ask whether the neighbour is still there. It is
// for a layer above that sees no progress (RFC 1122, section 2.3.2.1, method 4).
func (nb *Neighbour) Doubt() { nb.fresh = 0 }

// Neighbour returns the cache entry for an address on the link, made if there was
// none. That alone sends nothing. A full cache evicts an entry.
func (n *NIC) Neighbour(a netip.Addr) *Neighbour {
	if nb := n.cache.find(a); nb != nil {
		return nb
	}
	nb := &Neighbour{nic: n, addr: a}
	nb.timer.Init(n.loop, nb)
	if n.closed {
		nb.dead = true
		return nb
	}
	if n.cache == nil {
		n.cache = &cache{byAddr: make(map[netip.Addr]*Neighbour)}
	}
	if len(n.cache.byAddr) >= MaxNeighbours {
		n.stats.ARP.Evicted++
		n.cache.evict()
	}
	n.cache.add(nb)
	return nb
}

// outputDoubtful is Output when the neighbour's address is not fresh.
func (n *NIC) outputDoubtful(p *packet.Packet, nb *Neighbour, typ header.EtherType) {
	if nb.dead && !n.closed {
		nb = n.Neighbour(nb.addr)
	}
	if p.Frames() > 1 && !nb.Resolved() {
		p.Break(func(frame *packet.Packet) { n.Output(frame, nb, typ) })
		return
	}
	switch nb.State() {
	case Reachable:
		n.Output(p, nb, typ)
	case Stale:
		nb.doubted()
		n.send(p, &nb.mac, typ)
	case Delay, Probe:
		nb.used = true
		n.send(p, &nb.mac, typ)
	default:
		nb.keep(p, typ)
	}
}

// keep holds a packet until the neighbour's address is known.
func (nb *Neighbour) keep(p *packet.Packet, typ header.EtherType) {
	n := nb.nic
	switch {
	case n.closed:
		n.drop(p, &n.stats.OutClosed)
		return
	case p.Len() > n.mtu:
		n.drop(p, &n.stats.OutTooLong)
		return
	}
	p.Own()
	p.SetMore(false) // it may be dropped
	h := header.Ethernet{Src: n.mac, Type: typ}
	h.Put(p.Push(header.EthernetLen))
	if nb.state == Failed && n.loop.Now() < nb.held {
		n.fail(p)
		return
	}
	// RFC 1122, section 2.3.2.2: save at least the latest packet.
	if nb.waiting.Len() >= MaxWaiting {
		n.drop(nb.waiting.Pop(), &n.stats.OutWaitDropped)
	}
	nb.waiting.Push(p)
	if nb.state != Incomplete {
		nb.solicit(Incomplete)
	}
}

// doubted is called when something is sent to a stale neighbour.
func (nb *Neighbour) doubted() {
	if nb.addr.Is4() {
		nb.solicit(Probe)
		return
	}
	nb.state, nb.fresh, nb.used = Delay, 0, true
	nb.timer.Reset(nb.nic.loop.Now().Add(DelayFirstProbe))
}

// solicit begins to ask: everybody (Incomplete) or the neighbour alone (Probe).
func (nb *Neighbour) solicit(s NeighbourState) {
	nb.state, nb.tries, nb.fresh = s, 0, 0
	nb.ask()
}

func (nb *Neighbour) ask() {
	n := nb.nic
	nb.tries++
	nb.timer.Reset(n.loop.Now().Add(n.retransTimer(nb.addr)))
	switch {
	case !nb.addr.Is4():
		n.discovery.solicit(nb.addr, nb.state == Probe)
	case nb.state == Probe:
		n.sendRequest(nb.addr, nb.mac)
	default:
		n.sendRequest(nb.addr, header.BroadcastMAC)
	}
}

// Expire asks again, or gives up.
func (nb *Neighbour) Expire(*event.Timer) {
	switch {
	case nb.state == Delay:
		nb.solicit(Probe)
	case nb.tries < MaxSolicit:
		nb.ask()
	case nb.state == Probe:
		// The station may have got another Ethernet address: ask everybody.
		nb.nic.discovery.unreachable(nb.addr)
		nb.solicit(Incomplete)
	default:
		nb.fail()
	}
}

// fail gives back what waits.
func (nb *Neighbour) fail() {
	n := nb.nic
	n.stats.ARP.Failures++
	n.discovery.unreachable(nb.addr)
	nb.state, nb.held = Failed, n.loop.Now().Add(HoldDown)
	n.cache.settle(nb, false)
	for p := nb.waiting.Pop(); p != nil; p = nb.waiting.Pop() {
		n.fail(p)
	}
}

// confirm takes over the address that the neighbour has told, and sends what
// waits for it.
func (nb *Neighbour) confirm(mac header.MAC) {
	now := nb.nic.loop.Now()
	nb.confirmed = now
	nb.know(mac, now.Add(nb.nic.reachableTime(nb.addr)))
}

// know takes over an address that is believed until fresh, and after that is Stale.
func (nb *Neighbour) know(mac header.MAC, fresh event.Time) {
	found := !nb.Resolved()
	nb.mac, nb.state, nb.fresh = mac, Reachable, fresh
	nb.timer.Stop()
	if found {
		nb.nic.cache.settle(nb, true)
		nb.nic.discovery.reachable(nb.addr)
	}
	for p := nb.waiting.Pop(); p != nil; p = nb.waiting.Pop() {
		copy(p.Head(), mac[:])
		nb.nic.transmit(p)
	}
}

// bury takes all from an entry that has left the cache.
func (nb *Neighbour) bury() {
	nb.dead, nb.fresh, nb.state = true, 0, None
	nb.timer.Stop()
	nb.nic.stats.OutWaitDropped += uint64(nb.waiting.Len())
	nb.waiting.Release()
}

// failed holds the packets that go back to the network layer. They go in a
// posted run, because Output must not call the layer that calls it.
type failed struct {
	giveBack func(p *packet.Packet, typ header.EtherType)
	queue    packet.Queue
}

// failedRun is a NIC whose failed packets go back.
type failedRun NIC

func (n *NIC) fail(frame *packet.Packet) {
	n.stats.OutUnresolved++
	if n.failed.queue.Len() == 0 {
		n.loop.Post((*failedRun)(n))
	}
	n.failed.queue.Push(frame)
}

// Run takes the Ethernet headers off again and gives the packets back.
func (n *failedRun) Run() {
	f := &n.failed
	for p := f.queue.Pop(); p != nil; p = f.queue.Pop() {
		h := p.Pull(header.EthernetLen)
		typ := header.EtherType(binary.BigEndian.Uint16(h[12:]))
		isIP := typ == header.EtherTypeIPv4 || typ == header.EtherTypeIPv6
		if !isIP || f.giveBack == nil {
			p.Release()
			continue
		}
		f.giveBack(p, typ)
	}
}

// NeighbourInfo describes a cache entry, for display.
type NeighbourInfo struct {
	Addr      netip.Addr
	MAC       header.MAC // zero unless resolved
	State     NeighbourState
	Confirmed event.Time // last heard of; zero if never
	Waiting   int        // packets that wait for the address
}

// Neighbours returns the cache's entries in the order of their addresses.
func (n *NIC) Neighbours() []NeighbourInfo {
	if n.cache == nil {
		return nil
	}
	var all []NeighbourInfo
	for _, nb := range n.cache.byAddr {
		info := NeighbourInfo{Addr: nb.addr, State: nb.State(), Confirmed: nb.confirmed, Waiting: nb.waiting.Len()}
		if nb.Resolved() {
			info.MAC = nb.mac
		}
		all = append(all, info)
	}
	slices.SortFunc(all, func(a, b NeighbourInfo) int { return a.Addr.Compare(b.Addr) })
	return all
}
