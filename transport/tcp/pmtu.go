package tcp

import (
	"time"

	ev "septet/event"
	"septet/header"
)

// Path MTU discovery: by ICMP (RFC 1191), which is believed only as far as RFC
// 5927 allows, and without it by the loss of what is too large (RFC 4821, RFC
// 8899). Sizes are of IP packets, in bytes.
//
//	ICMP says "too big" ---> nothing so large was ever acknowledged: lower at once
//	                    `--> it was: lower when the next timeout confirms it
//	timeouts in a row of large packets: a black hole ---> lower to the base
//	lower than the interface's MTU for ten minutes ----> search upwards
type pathMTU struct {
	limit   int     // of what is sent, zero for the interface's MTU
	raiseAt ev.Time // when to try larger packets again

	claimed    int // what an ICMP message says that waits to be confirmed
	claimedSeq header.Seq

	high     int // the search's upper end, zero when there is no search
	probe    int // size of the probe that is outstanding, zero for none
	probeSeq header.Seq
	hole     bool // limit was guessed after timeouts, and nothing acknowledged since
}

// packetSizes is what a connection notes of the packets it sends.
type packetSizes struct {
	acked   uint16     // the largest packet acknowledged: RFC 5927's maxsizeacked
	onWay   uint16     // a larger one that is on its way, zero for none
	onWayTo header.Seq // where it ends
}

const (
	// minPathMTU is the least path MTU that an ICMP message of IPv4 may bring us to: a
	// lower one would be an attack rather than a link (RFC 5927, section 7).
	minPathMTU = 296
	// basePathMTU is what every path of today is expected to carry (RFC 4821,
	// section 7.2).
	basePathMTU = 1024
	// raiseTime is after how long a lower MTU is doubted (RFC 1191, section 6.3;
	// RFC 8899, section 5.1.1: PMTU_RAISE_TIMER).
	raiseTime = 10 * time.Minute
	// holeTimeouts is how many timeouts of one packet make a black hole (RFC 8899,
	// section 5.1.2: MAX_PROBES).
	holeTimeouts = 3
	// searchEnd is how near the search comes to the true MTU.
	searchEnd = 32
)

// plateaus are likely path MTUs, for routers that do not say theirs (RFC 1191,
// section 7.1).
var plateaus = [...]int{32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, minPathMTU}

func plateauBelow(size int) int {
	for _, p := range plateaus {
		if p < size {
			return p
		}
	}
	return minPathMTU
}

// minPathMTU is the least path MTU that there is. RFC 8201, section 4: over IPv6 it is
// never taken to be below what every link carries; RFC 8899, section 5.1.2, makes that
// the base too.
func (c *Conn) minPathMTU() int {
	if c.path.HeaderLen() == header.IPv6Len {
		return header.IPv6MinMTU
	}
	return minPathMTU
}

// pathEstimate is what the layer remembers of a path for later connections.
type pathEstimate struct {
	mtu int
	at  ev.Time
}

// pathLimit returns the size of the largest packet that may be sent.
func (c *Conn) pathLimit() int {
	if c.mtu.limit == 0 {
		return c.path.MTU()
	}
	return min(c.mtu.limit, c.path.MTU())
}

// fullPacket is the size of a packet with a full segment.
func (c *Conn) fullPacket() int { return c.mss + c.overhead() }

// lowerMTU makes packets smaller.
func (c *Conn) lowerMTU(now ev.Time, mtu int) {
	m := &c.needSeldom().mtu
	m.limit, m.raiseAt = mtu, now.Add(raiseTime)
	m.claimed, m.probe, m.high = 0, 0, 0
	c.sizes.acked, c.sizes.onWay = min(c.sizes.acked, uint16(mtu)), 0
	c.setMSS(mtu)
	c.recut()
}

// tooBig takes an ICMP message that a packet with the sequence number seq was too
// long for a link with this MTU (RFC 5927, section 7.2).
func (c *Conn) tooBig(now ev.Time, mtu int, seq header.Seq) {
	size := c.fullPacket()
	if c.path.HeaderLen() == header.IPv6Len && mtu < header.IPv6MinMTU {
		// RFC 8201, section 4: every link carries more, so the message is discarded.
		c.env.counters().ICMPIgnored++
		return
	}
	if mtu == 0 {
		mtu = plateauBelow(size)
	}
	mtu = max(mtu, c.minPathMTU())
	switch m := &c.needSeldom().mtu; {
	case m.probe > mtu:
		c.probeFailed(now) // and nothing else was too big
		m.high = max(min(m.high, mtu), m.limit)
	case mtu >= size:
		c.env.counters().ICMPIgnored++ // nothing so large was sent
	case int(c.sizes.acked) > mtu:
		// Such packets have passed: wait whether they still do.
		m.claimed, m.claimedSeq = mtu, seq
	default:
		c.lowerMTU(now, mtu)
		c.env.rememberPath(c, mtu)
		// RFC 1191, section 6.4: send again at once what was too long.
		c.rtt.cancel()
		c.Output(now)
	}
}

// noteSize notes that n bytes of text were sent from seq on.
func (c *Conn) noteSize(seq header.Seq, n int) {
	if z, size := &c.sizes, uint16(n+c.overhead()); size > z.acked && size > z.onWay {
		z.onWay, z.onWayTo = size, seq.Add(n)
	}
}

// passed notes that everything before una has passed.
func (z *packetSizes) passed(una header.Seq) {
	if z.onWay > 0 && z.onWayTo.AtMost(una) {
		z.acked, z.onWay = z.onWay, 0
	}
}

// sizeAcked takes from an acknowledgement of new data what sizes have passed.
func (c *Conn) sizeAcked(now ev.Time) {
	m := &c.mtu
	c.sizes.passed(c.sndUna)
	if m.claimed > 0 && m.claimedSeq.Before(c.sndUna) {
		m.claimed = 0 // it has passed after all
		c.env.counters().ICMPIgnored++
	}
	if m.hole {
		m.hole = false
		c.env.rememberPath(c, m.limit)
		m.high = c.searchTop()
	}
	if m.probe > 0 && m.probeSeq.Before(c.sndUna) {
		c.probePassed(now)
	}
}

// pathTimeout is asked at every retransmission timeout whether the size of the
// packet is at fault.
func (c *Conn) pathTimeout(now ev.Time) {
	m := &c.mtu
	if mtu := c.path.MTU(); mtu < c.fullPacket() {
		c.setMSS(mtu) // the route has changed to one that carries less
		c.recut()
	}
	if m.probe > 0 {
		c.probeFailed(now)
	}
	if m.claimed > 0 {
		mtu := m.claimed
		c.lowerMTU(now, mtu)
		c.env.rememberPath(c, mtu)
		return
	}
	lost := min(c.snd.size, c.mss) + c.overhead()
	if !c.about.ProbePathMTU || !c.is(flagSynAcked) || int(c.retries)+1 < holeTimeouts {
		return
	}
	mtu := max(basePathMTU, c.minPathMTU())
	if lost <= mtu {
		mtu = max(lost/2, c.minPathMTU())
	}
	if mtu < lost {
		c.env.counters().BlackHoles++
		c.lowerMTU(now, mtu)
		c.mtu.hole = true
	}
}
