package tcp

import (
	"net/netip"
	"time"

	ev "septet/event"
	"septet/header"
	"septet/network"
)

// SYN cookies (RFC 4987, section 3.6, and appendix A). When a listener has no
// room for another half-open connection it answers SYNs and keeps nothing. What
// it would have kept is in the sequence number of the SYN,ACK:
//
//	 31      27 26   24 23                       0
//	+----------+-------+--------------------------+
//	|   tick   |  MSS  |       keyed hash         |  + hash of the addresses + peer's ISN
//	+----------+-------+--------------------------+
//
// The hash covers the addresses, the peer's initial number, the tick and the MSS,
// so that only who got the SYN,ACK can acknowledge it, and only for a while. The
// sum keeps sequence numbers of one pair of addresses as far apart as the peer's
// own are. Window scale, SACK and ECN are in the low bits of the timestamp, which
// the peer echoes; without timestamps there are none, as on Linux.
type cookie struct {
	mss   uint8 // index into cookieMSS
	tick  uint32
	peer  header.Seq // the peer's initial sequence number
	agree uint32     // cookieScale and so on
}

// cookieTick is how often the keyed hash changes; a cookie is good for the tick
// that it was made in and the next.
const cookieTick = ev.Time(64 * time.Second)

// cookieMSS has the values of MSS that a cookie can say. The largest one that is
// not more than the peer's is taken.
var cookieMSS = [8]uint16{minMSS, 536, 1220, 1360, 1440, 1452, 1460, 8960}

// The low bits of a timestamp that goes with a cookie, as Linux has them.
const (
	cookieScale   = 0xf // the peer's window scale, or cookieScale for none
	cookieSACK    = 1 << 4
	cookieECN     = 1 << 5
	cookieOptions = 1<<6 - 1
)

// cookieOf returns the cookie for a SYN that arrives now.
func cookieOf(now ev.Time, s *Segment, defaultMSS int) cookie {
	k := cookie{tick: uint32(now / cookieTick), peer: s.Seq, agree: cookieScale}
	o := &s.Options
	mss := uint16(defaultMSS)
	if o.HasMSS {
		mss = o.MSS
	}
	for i, v := range cookieMSS {
		if v <= mss {
			k.mss = uint8(i)
		}
	}
	if o.HasWindowScale {
		k.agree = uint32(min(o.WindowScale, header.MaxWindowScale))
	}
	if o.SACKPermitted {
		k.agree |= cookieSACK
	}
	if s.Flags.Has(header.ECE | header.CWR) {
		k.agree |= cookieECN
	}
	return k
}

// sequence returns the initial sequence number that says k.
func (l *Layer) sequence(k cookie, local, remote netip.AddrPort) header.Seq {
	said := k.tick<<27 | uint32(k.mss)<<24 | l.cookieProof(k, local, remote)
	return header.Seq(said) + l.cookieBase(k, local, remote)
}

func (l *Layer) cookieBase(k cookie, local, remote netip.AddrPort) header.Seq {
	return header.Seq(l.keyed(forCookieBase, local, remote)) + k.peer
}

func (l *Layer) cookieProof(k cookie, local, remote netip.AddrPort) uint32 {
	h := l.keyed(forCookieProof, local, remote, uint32(k.peer), k.tick, uint32(k.mss))
	return uint32(h) >> 8
}

// checkCookie returns the cookie that an ACK acknowledges, if there is one.
func (l *Layer) checkCookie(now ev.Time, s *Segment, local, remote netip.AddrPort) (k cookie, ok bool) {
	k.peer = s.Seq - 1
	said := uint32(s.Ack - 1 - l.cookieBase(k, local, remote))
	k.mss = uint8(said >> 24 & 7)
	current := uint32(now / cookieTick)
	age := (current - said>>27) & 31
	k.tick = current - age
	k.agree = cookieScale
	if s.Options.HasTimestamps {
		k.agree = s.Options.TSEcr & cookieOptions
	}
	return k, age <= 1 && said&0xffffff == l.cookieProof(k, local, remote)
}

// syn returns the SYN of which k was made, as far as k tells.
func (k cookie) syn(from *header.TCP) *Segment {
	s := &Segment{TCP: header.TCP{
		SrcPort: from.SrcPort, DstPort: from.DstPort, Seq: k.peer, Flags: header.SYN,
	}}
	o := &s.Options
	o.HasMSS, o.MSS = true, cookieMSS[k.mss]
	o.HasTimestamps, o.TSVal = from.Options.HasTimestamps, from.Options.TSVal
	if scale := k.agree & cookieScale; scale != cookieScale {
		o.HasWindowScale, o.WindowScale = true, uint8(scale)
	}
	o.SACKPermitted = k.agree&cookieSACK != 0
	if k.agree&cookieECN != 0 {
		s.Flags |= header.ECE | header.CWR
	}
	return s
}

// sendCookie answers a SYN without keeping anything. The SYN,ACK is that of a
// connection which is forgotten once it is sent.
func (ln *Listener) sendCookie(now ev.Time, s *Segment, path network.Path) {
	l := ln.layer
	local, remote := endpoints(s, &path)
	k := cookieOf(now, s, l.about.DefaultMSS)
	o, _ := ln.routed(s.Route)
	s = k.syn(&s.TCP)
	if l.phantom == nil {
		l.phantom = new(Conn)
	}
	c := l.phantom
	*c = Conn{}
	c.init(l.env, l.about, &path, s.DstPort, s.SrcPort, o)
	c.set(flagPassive)
	_, c.stamp.offset = l.env.secrets(c, now)
	c.beginAt(l.sequence(k, local, remote))
	c.takeSYN(now, s)
	c.state = SynReceived
	// The clock goes back by less than its options take up, never forward: what
	// is sent later is later (RFC 7323, section 5.4).
	clock := c.stamp.clock(now)
	c.stamp.offset -= (clock - k.agree) & cookieOptions
	c.sendSYN(now)
	l.stats.SynCookiesSent++
	ln.cookiesUntil = now.Add(2 * time.Duration(cookieTick))
}

// acceptCookie opens a connection for an ACK with a cookie. It reports false if
// the ACK has none: no listener that has not sent any looks for them.
func (ln *Listener) acceptCookie(now ev.Time, s *Segment, path network.Path) bool {
	l := ln.layer
	if now >= ln.cookiesUntil {
		return false
	}
	local, remote := endpoints(s, &path)
	k, ok := l.checkCookie(now, s, local, remote)
	if !ok {
		l.stats.SynCookiesRefused++
		return false
	}
	if !ln.admits() {
		l.stats.AcceptOverflow++ // as if it had been lost
		return true
	}
	l.stats.SynCookiesAccepted++
	c := ln.newConn(path, s)
	_, c.stamp.offset = l.env.secrets(c, now)
	c.beginAt(s.Ack - 1)
	c.takeSYN(now, k.syn(&s.TCP))
	c.sndNxt, c.sndMax = s.Ack, s.Ack
	c.rcvAdv = c.rcvNxt.Add(min(c.rcv.free(), 0xffff)) // what the SYN,ACK has told
	c.move(rcvSYN)
	// The echo is not of the clock but of the options: no time can be taken.
	s.Options.TSEcr = 0
	c.Input(now, s)
	l.schedule(c)
	return true
}

// endpoints returns the addresses of the connection that s belongs to.
func endpoints(s *Segment, path *network.Path) (local, remote netip.AddrPort) {
	return netip.AddrPortFrom(path.Src(), s.DstPort), netip.AddrPortFrom(path.Dst(), s.SrcPort)
}
