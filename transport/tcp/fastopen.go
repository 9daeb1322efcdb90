package tcp

import (
	"encoding/binary"
	"net/netip"
	"syscall"
	"time"

	ev "septet/event"
	"septet/header"
)

// Fast Open (RFC 7413): data in the SYN, for a peer that a cookie shows to have
// been at its address before.
//
// The client gets a cookie with one connection and keeps it (fastOpenPeer); with
// the next, ConnectData sends it in a SYN with data. The server (a listener with
// Options.FastOpen) hands the connection over before its handshake is over:
// flagEarly. Whatever goes wrong, the handshake is an ordinary one and the data
// follows it.

// fastOpen is the Fast Open of one connection while it opens.
type fastOpen struct {
	option bool // our SYN or SYN,ACK has the option, with this cookie
	cookie header.FastOpenCookie
}

// fastOpenPeer is what a client remembers of a server (RFC 7413, section
// 4.1.3).
type fastOpenPeer struct {
	cookie header.FastOpenCookie
	mss    uint16
	losses uint8   // SYNs in a row that were lost
	until  ev.Time // Fast Open is not tried before
}

// ConnectData is Connect with data for the SYN. It returns how many bytes of it
// the connection has taken, which is none if there is no cookie for remote yet:
// one is asked for, and the data is to be written when the connection is open.
func (l *Layer) ConnectData(p *Port, remote netip.AddrPort, o Owner, opts Options, data []byte) (*Conn, int, error) {
	return l.connect(p, remote, o, l.share(&opts), data, true)
}

// startFastOpen chooses the option for the SYN of c and returns how much of data
// goes with it.
func (l *Layer) startFastOpen(c *Conn, now ev.Time, data []byte) []byte {
	peer := l.fastOpens.find(c.path.Dst())
	if peer == nil {
		c.needSeldom().fast = &fastOpen{option: true}
		return nil
	}
	if now < peer.until {
		return nil // RFC 7413, section 4.1.3.1: it has not worked lately
	}
	c.needSeldom().fast = &fastOpen{option: true, cookie: peer.cookie}
	if peer.cookie.Len == 0 {
		return nil
	}
	room := min(int(peer.mss), c.pathLimit()-c.path.HeaderLen()-header.TCPLen) - (header.TCPMaxLen - header.TCPLen)
	return data[:min(len(data), max(room, 0))]
}

// synText returns how much text the next SYN carries: that of an active open has
// what was queued before it, the first time. RFC 7413, section 4.2.1: sent again,
// a SYN has neither data nor the option.
func (c *Conn) synText() int {
	if c.fast == nil || c.state != SynSent || c.sndMax != c.iss {
		return 0
	}
	return c.snd.size
}

// fastOpenAgain notes, before a SYN is sent, that the first was lost.
func (c *Conn) fastOpenAgain(now ev.Time) {
	if c.fast != nil && c.fast.option && c.state == SynSent && c.sndMax != c.iss {
		c.fast.option = false
		c.env.fastOpenLost(c, now)
	}
}

// putFastOpen adds the option to the first SYN or SYN,ACK.
func (c *Conn) putFastOpen(o *header.TCPOptions) {
	if c.fast != nil && c.fast.option && c.sndMax == c.iss {
		o.HasFastOpen, o.FastOpen = true, c.fast.cookie
	}
}

// fastOpenAnswered takes from a SYN,ACK what it says about Fast Open, and what of
// the SYN's data it acknowledges. The rest is sent at once.
func (c *Conn) fastOpenAnswered(now ev.Time, s *Segment) {
	if c.fast == nil {
		return
	}
	c.env.rememberFastOpen(c, s)
	c.fast = nil
	if s.Ack.After(c.sndUna) {
		c.takeACK(now, s)
	}
	c.sndNxt = c.sndUna
}

// rememberFastOpen keeps a cookie, and the MSS for the next SYN's data.
func (l *Layer) rememberFastOpen(c *Conn, s *Segment) {
	o := &s.Options
	if o.HasFastOpen && o.FastOpen.Len > 0 {
		*l.fastOpens.add(c.path.Dst()) = fastOpenPeer{cookie: o.FastOpen, mss: c.peerMSS}
	} else if peer := l.fastOpens.find(c.path.Dst()); peer != nil && c.fast.option {
		peer.losses = 0
	}
}

// fastOpenLost notes that a SYN with the option was not answered: something on
// the way may not like it. It is not tried again for a time that doubles.
func (l *Layer) fastOpenLost(c *Conn, now ev.Time) {
	peer := l.fastOpens.add(c.path.Dst())
	peer.losses = min(peer.losses+1, 10)
	peer.until = now.Add(time.Minute << peer.losses)
	l.stats.FastOpenLost++
}

// fastOpenEpoch is how often the key of the server's cookies changes (RFC 7413,
// section 4.1.2). A cookie of the epoch before is still good.
const fastOpenEpoch = ev.Time(12 * time.Hour)

// fastOpenCookie returns the cookie for a client, of the present epoch less ago.
func (l *Layer) fastOpenCookie(now ev.Time, local, remote netip.Addr, ago uint32) header.FastOpenCookie {
	epoch := uint32(now/fastOpenEpoch) - ago
	h := l.keyed(forFastOpen, netip.AddrPortFrom(local, 0), netip.AddrPortFrom(remote, 0), epoch)
	k := header.FastOpenCookie{Len: 8}
	binary.BigEndian.PutUint64(k.Value[:], h)
	return k
}

// fastOpen looks at a SYN's option: RFC 7413, section 4.2.2. It reports whether
// the SYN's data may be taken; an option that is not good gets a new cookie.
func (ln *Listener) fastOpen(now ev.Time, c *Conn, s *Segment) bool {
	o := &s.Options
	if ln.opts.FastOpen <= 0 || !o.HasFastOpen {
		return false
	}
	l := ln.layer
	local, remote := c.path.Src(), c.path.Dst()
	fresh := l.fastOpenCookie(now, local, remote, 0)
	good := o.FastOpen == fresh
	if !good {
		good = o.FastOpen == l.fastOpenCookie(now, local, remote, 1)
		c.needSeldom().fast = &fastOpen{option: true, cookie: fresh}
	}
	switch {
	case !good && o.FastOpen.Len == 0:
		l.stats.FastOpenAsked++
		return false
	case !good:
		l.stats.FastOpenRefused++
		return false
	case !ln.roomForEarly(now):
		l.stats.FastOpenOverflow++
		return false
	}
	l.stats.FastOpens++
	return true
}

// startEarly takes the data of a SYN and hands the connection over.
func (ln *Listener) startEarly(c *Conn, s *Segment) {
	c.set(flagEarly)
	ln.early++
	c.startWindow(c.heardAt)
	text := s.Text[:min(len(s.Text), c.rcv.free(), 0xffff)]
	if len(text) > 0 {
		c.rcvNxt = c.rcvNxt.Add(c.rcv.insert(c.store, c.rcvNxt, c.rcvNxt, text))
		c.rcvAdv, c.stamp.lastAck = c.rcvNxt, c.rcvNxt
	}
	ln.enqueue(c)
}

// earlyReset is how long a reset early connection counts as pending: RFC 7413,
// section 5.1, or else resets with forged addresses would keep room for
// ever more of them.
const earlyReset = time.Minute

// roomForEarly reports whether one more connection may have data before its
// handshake is over.
func (ln *Listener) roomForEarly(now ev.Time) bool {
	for len(ln.resets) > 0 && now >= ln.resets[0] {
		ln.resets = ln.resets[1:]
	}
	return ln.early+len(ln.resets) < ln.opts.FastOpen
}

// early reports whether data passes although the handshake is not over.
func (c *Conn) early() bool { return c.state == SynReceived && c.is(flagEarly) }

// opening reports whether the user must wait for the handshake.
func (c *Conn) opening() bool {
	return c.state == SynSent || c.state == SynReceived && !c.is(flagEarly)
}

// maySend reports whether the user may queue data.
func (c *Conn) maySend() bool { return c.state.maySend() || c.early() }

// resetOpening takes a reset in SYN-RECEIVED.
func (c *Conn) resetOpening(now ev.Time) {
	err := syscall.ECONNREFUSED
	if c.is(flagEarly) {
		err = syscall.ECONNRESET
		if ln := c.listener; ln != nil {
			ln.resets = append(ln.resets, now.Add(earlyReset))
		}
	}
	c.destroy(err)
}
