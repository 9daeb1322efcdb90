package tcp

import (
	"net/netip"

	ev "septet/event"
	"septet/header"
	"septet/network"
)

// timeWait is a connection in TIME-WAIT of which nobody but the layer knows any more, in
// less than a seventh of a Conn's memory. Whoever opens and closes connections has tens of
// thousands of them, of which mostly nothing comes but their end. If a segment does come,
// or somebody looks, it is made a Conn again and does what a Conn does; then it is put
// away again. So there is nothing here of what TIME-WAIT is, only what it must remember.
//
// It has no pointers, so that the garbage collector has nothing to look for in it.
type timeWait struct {
	keepAt ev.Time // its end
	quiet  ev.Time // since then nothing was sent or came
	stamp  timestamps

	chain        timeWaitID // next in the bucket, or of those that are free
	older, newer timeWaitID // by their ends, see away
	serial       uint32     // of this use of the place; zero: none
	hash         uint32
	kin          uint32 // in away.kins

	localPort, remotePort       uint16
	flags                       connFlags
	iss, sndMax, rcvNxt, rcvAdv header.Seq
	sndMxW, rcvLimit, mss       int32
	sndShift, rcvShift          uint8
}

// timeWaitID is the place of a timeWait, counted from one.
type timeWaitID uint32

// kin is what the connections to one host mostly have in common.
type kin struct {
	path network.Path
	opts *Options
	port *Port
	uses int
}

// putAway makes a timeWait of c, which is in TIME-WAIT, if no more is left of it than
// that. The Conn serves another connection then.
func (l *Layer) putAway(c *Conn) bool {
	if !c.is(flagForgotten) || c.is(flagAckNow) || c.owner != nil || c.listener != nil ||
		c.flight != &atRest || c.traffic != &noTraffic || c.seldom != &usual ||
		c.snd.mem != nil || c.rcv.mem != nil || c.gaps() || c.duplicate != (span{}) || c.Deadline() != c.keepAt {
		return false
	}
	l.table.remove(c)
	a := l.table.away
	if a == nil {
		a = newAway(l)
		l.table.away = a
	}
	id := a.take()
	w := a.at(id)
	w.keepAt, w.quiet, w.stamp = c.keepAt, max(c.heardAt, c.lastSent), c.stamp
	w.hash, w.kin = c.hash, a.kinOf(c)
	w.localPort, w.remotePort, w.flags = c.localPort, c.remotePort, c.flags
	w.iss, w.sndMax, w.rcvNxt, w.rcvAdv = c.iss, c.sndMax, c.rcvNxt, c.rcvAdv
	w.sndMxW, w.rcvLimit, w.mss = int32(c.sndMxW), int32(c.rcv.limit), int32(c.mss)
	w.sndShift, w.rcvShift = c.sndShift, c.rcvShift
	a.insert(id, w)
	l.ended(c)
	return true
}

// restore makes a timeWait a Conn again.
func (a *away) restore(id timeWaitID) *Conn {
	w, l := a.at(id), a.layer
	k := a.kins[w.kin]
	c := l.takeConn()
	c.init(l.env, l.about, &k.path, w.localPort, w.remotePort, k.opts)
	c.state, c.flags, c.port = TimeWait, w.flags, k.port
	c.beginAt(w.iss)
	// All that was sent is acknowledged, and all that was to come has come.
	c.sndUna, c.sndNxt, c.sndMax, c.snd.start = w.sndMax, w.sndMax, w.sndMax, w.sndMax-1
	c.rcvNxt, c.rcvAdv, c.rcvUp = w.rcvNxt, w.rcvAdv, w.rcvNxt
	c.sndMxW, c.rcv.limit, c.mss = int(w.sndMxW), int(w.rcvLimit), int(w.mss)
	c.sndShift, c.rcvShift = w.sndShift, w.rcvShift
	c.stamp, c.heardAt, c.lastSent = w.stamp, w.quiet, w.quiet
	c.keepAt = w.keepAt
	c.timer.Reset(c.keepAt)
	a.remove(id, w)
	l.table.insert(c)
	return c
}

// show calls f with the connection, if it is still put away, and puts it away again if
// that is all there is of it.
func (a *away) show(s shown, f func(*Conn) bool) bool {
	if !a.holds(s) {
		return false
	}
	c := a.restore(s.id)
	said := f(c)
	a.layer.schedule(c)
	return said
}

// shown is a timeWait that is to be shown, which others may have changed before.
type shown struct {
	id     timeWaitID
	serial uint32
}

// Expire is called by the loop when the oldest's wait is over.
func (a *away) Expire(*ev.Timer) {
	now := a.layer.now()
	for range mostExpired {
		if a.oldest == 0 {
			return
		}
		if at := a.at(a.oldest).keepAt; at > now {
			a.timer.Reset(at)
			return
		}
		c := a.restore(a.oldest)
		c.keepAt = now
		(*expirer)(c).Expire(&c.timer)
	}
}

// mostExpired bounds how many end before others get a turn.
const mostExpired = 64

// between reports whether the connection had these addresses.
func (a *away) between(w *timeWait, local, remote netip.AddrPort) bool {
	if w.remotePort != remote.Port() || w.localPort != local.Port() {
		return false
	}
	path := &a.kins[w.kin].path
	return path.Dst() == remote.Addr() && path.Src() == local.Addr()
}
