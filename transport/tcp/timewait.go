package tcp

import (
	"net/netip"

	ev "septet/event"
	"septet/header"
	"septet/network"
)

// timeWait is a connection in TIME-WAIT of which nobody but the layer knows any more, in
// less than a third of a Conn's memory. Whoever opens and closes connections has tens of
// thousands of them, of which mostly nothing comes but their end. If a segment does come,
// or somebody looks, it is made a Conn again and does what a Conn does; then it is put
// away again. So there is nothing here of what TIME-WAIT is, only what it must remember.
type timeWait struct {
	chain *timeWait // next in the bucket
	layer *Layer    // nil once it is restored
	timer ev.Timer

	path                  network.Path
	localPort, remotePort uint16
	hash                  uint32
	opts                  *Options
	port                  *Port

	stamp                       timestamps
	quiet                       ev.Time // since then nothing was sent or came
	flags                       connFlags
	iss, sndMax, rcvNxt, rcvAdv header.Seq
	sndMxW, rcvLimit, mss       int32
	sndShift, rcvShift          uint8
}

// putAway makes a timeWait of c, which is in TIME-WAIT, if no more is left of it than
// that. The Conn serves another connection then.
func (l *Layer) putAway(c *Conn) bool {
	if !c.is(flagForgotten) || c.is(flagAckNow) || c.owner != nil || c.listener != nil ||
		c.flight != &atRest || c.traffic != &noTraffic || c.seldom != &usual ||
		c.snd.mem != nil || c.rcv.mem != nil || c.gaps() || c.duplicate != (span{}) || c.Deadline() != c.keepAt {
		return false
	}
	w := &timeWait{
		layer: l, path: c.path, localPort: c.localPort, remotePort: c.remotePort,
		hash: c.hash, opts: c.opts, port: c.port,
		stamp: c.stamp, quiet: max(c.heardAt, c.lastSent), flags: c.flags,
		iss: c.iss, sndMax: c.sndMax, rcvNxt: c.rcvNxt, rcvAdv: c.rcvAdv,
		sndMxW: int32(c.sndMxW), rcvLimit: int32(c.rcv.limit), mss: int32(c.mss),
		sndShift: c.sndShift, rcvShift: c.rcvShift,
	}
	w.timer.Init(l.loop, w)
	w.timer.Reset(c.keepAt)
	l.table.remove(c)
	if l.table.away == nil {
		l.table.away = &away{}
	}
	l.table.away.insert(w)
	l.ended(c)
	return true
}

// restore makes w a Conn again.
func (l *Layer) restore(w *timeWait) *Conn {
	c := l.takeConn()
	c.init(l.env, l.about, &w.path, w.localPort, w.remotePort, w.opts)
	c.state, c.flags, c.port = TimeWait, w.flags, w.port
	c.beginAt(w.iss)
	// All that was sent is acknowledged, and all that was to come has come.
	c.sndUna, c.sndNxt, c.sndMax, c.snd.start = w.sndMax, w.sndMax, w.sndMax, w.sndMax-1
	c.rcvNxt, c.rcvAdv, c.rcvUp = w.rcvNxt, w.rcvAdv, w.rcvNxt
	c.sndMxW, c.rcv.limit, c.mss = int(w.sndMxW), int(w.rcvLimit), int(w.mss)
	c.sndShift, c.rcvShift = w.sndShift, w.rcvShift
	c.stamp, c.heardAt, c.lastSent = w.stamp, w.quiet, w.quiet
	c.keepAt = w.timer.When()
	w.timer.Stop()
	c.timer.Reset(c.keepAt)
	l.table.away.remove(w)
	l.table.insert(c)
	w.layer = nil
	return c
}

// show calls f with the connection, if that was not restored meanwhile, and puts it away
// again if it is still one.
func (w *timeWait) show(f func(*Conn) bool) bool {
	l := w.layer
	if l == nil {
		return false
	}
	c := l.restore(w)
	said := f(c)
	l.schedule(c)
	return said
}

// Expire is called by the loop when the wait is over.
func (w *timeWait) Expire(*ev.Timer) {
	c := w.layer.restore(w)
	c.keepAt = c.env.now()
	(*expirer)(c).Expire(&c.timer)
}

// away has the connections that were put away: a table like that of the others.
type away struct {
	buckets []*timeWait
	count   int
}

// size returns how many there are.
func (t *away) size() int {
	if t == nil {
		return 0
	}
	return t.count
}

func (t *away) find(hash uint32, local, remote netip.AddrPort) *timeWait {
	w := *t.bucket(hash)
	for w != nil && !(w.hash == hash && w.between(local, remote)) {
		w = w.chain
	}
	return w
}

// between reports whether the connection had these addresses.
func (w *timeWait) between(local, remote netip.AddrPort) bool {
	return w.remotePort == remote.Port() && w.localPort == local.Port() &&
		w.path.Dst() == remote.Addr() && w.path.Src() == local.Addr()
}

func (t *away) bucket(hash uint32) **timeWait { return &t.buckets[hash&uint32(len(t.buckets)-1)] }

func (t *away) insert(w *timeWait) {
	if t.count >= len(t.buckets) {
		t.grow()
	}
	b := t.bucket(w.hash)
	w.chain, *b = *b, w
	t.count++
}

func (t *away) remove(w *timeWait) {
	p := t.bucket(w.hash)
	for *p != w {
		p = &(*p).chain
	}
	*p, w.chain = w.chain, nil
	t.count--
}

func (t *away) grow() {
	old := t.buckets
	t.buckets, t.count = make([]*timeWait, max(8, 2*len(old))), 0
	for _, w := range old {
		for w != nil {
			next := w.chain
			t.insert(w)
			w = next
		}
	}
}

// all returns those on a local port, or on every one if that is zero.
func (t *away) all(port uint16) []*timeWait {
	if t == nil {
		return nil
	}
	var all []*timeWait
	for _, w := range t.buckets {
		for ; w != nil; w = w.chain {
			if port == 0 || w.localPort == port {
				all = append(all, w)
			}
		}
	}
	return all
}
