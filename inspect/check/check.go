// Package check is an independent judge of TCP. It reads a capture, frame by
// frame, and says for each connection whether both ends kept the rules of the
// RFCs. It knows what was on the wire and nothing else: no stack's memory, and
// none of the stack's code but the wire formats.
//
// An onlooker does not know everything. Where a rule cannot be judged, because
// the capture begins midway, cuts packets, lost some, or stands behind a router
// that may have changed their order, the judge says so instead of guessing: a
// finding is meant to be a fault of an end, never of the capture.
//
// A packet that is seen on several wires counts once, on the wire nearest to its
// sender. Times and orders are the sender's there. What the other end knows is
// taken to be all that has been sent to it, unless Options.Arrivals tells more.
package check

import (
	"container/list"
	"net/netip"
	"time"

	"septet/header"
	"septet/inspect"
)

// Options says what is known about a capture. The zero value suits a file from
// anywhere.
type Options struct {
	// Complete says that the capture has every frame as its sender sent it, with
	// the time of sending, as those of a lab have. Then a wrong checksum is a
	// fault, and so is an acknowledgement of what is not in the capture.
	Complete bool
	// Arrivals reports the interfaces whose frames are recorded as they arrive at
	// the end they are for. Nil means that there are none.
	Arrivals func(iface int) bool
	Limits   Limits
	// Exempt reports the ends that are not judged, such as those that a test plays
	// with hostile segments. What they send is noted all the same: the other end
	// has to answer it. Nil means that there are none.
	Exempt func(netip.Addr) bool
	// MaxConnections caps how many connections are remembered; zero means 65536.
	// Beyond it the longest silent are judged as far as they went.
	MaxConnections int
	// MaxHistory caps how many bytes of each direction are kept to compare with
	// what is sent again; zero means 1 MiB. All together never take more than
	// 256 MiB.
	MaxHistory int
}

// Limits are constants of which the standards leave the choice to the stack. The
// zero value has what suits most systems.
type Limits struct {
	// MinRTO is the least retransmission timeout that is taken as right. Zero
	// means 200 ms; RFC 6298, 2.4, has one second.
	MinRTO time.Duration
	// MaxRTO is where the doubling of the timeout may end. Zero means a minute,
	// the least that RFC 6298, 2.5, allows.
	MaxRTO time.Duration
	// InitialWindow is the first flight, in segments. Zero means the ten of RFC 6928.
	InitialWindow int
}

const (
	defaultMinRTO         = 200 * time.Millisecond
	defaultMaxRTO         = 60 * time.Second
	defaultInitialWindow  = 10
	defaultMaxConnections = 1 << 16
	defaultMaxHistory     = 1 << 20
	maxHistoryTotal       = 256 << 20

	maxFindings      = 10000 // of all connections
	maxFindingsAlike = 5     // of one rule in one connection
)

// Checker judges a capture. It is fed every frame in the order of time.
type Checker struct {
	options Options

	origin   time.Time
	now      time.Duration // since origin, of the last frame
	packets  int
	segments int
	opened   int // connections begun

	asked map[header.MAC]resolution // by cards

	table   map[flow]*connection
	recent  list.List // of *connection, the longest silent first
	kept    int       // bytes of history
	report  Report
	scratch segment
}

// New returns a judge.
func New(o Options) *Checker {
	o.Limits.fill()
	if o.MaxConnections <= 0 {
		o.MaxConnections = defaultMaxConnections
	}
	if o.MaxHistory <= 0 {
		o.MaxHistory = defaultMaxHistory
	}
	return &Checker{options: o, table: make(map[flow]*connection), asked: make(map[header.MAC]resolution)}
}

func (l *Limits) fill() {
	if l.MinRTO <= 0 {
		l.MinRTO = defaultMinRTO
	}
	if l.MaxRTO <= 0 {
		l.MaxRTO = defaultMaxRTO
	}
	if l.InitialWindow <= 0 {
		l.InitialWindow = defaultInitialWindow
	}
}

// flow is a pair of ends, the smaller first.
type flow struct{ a, b netip.AddrPort }

func flowOf(src, dst netip.AddrPort) flow {
	if src.Compare(dst) > 0 {
		src, dst = dst, src
	}
	return flow{src, dst}
}

// Feed takes one frame. It keeps nothing of the frame's bytes.
func (k *Checker) Feed(f inspect.Frame) {
	if f.Fate == inspect.Lost {
		return // it has been seen as it was sent
	}
	if k.packets == 0 {
		k.origin = f.Time
	}
	k.packets++
	at := f.Time.Sub(k.origin)
	early := at < k.now
	k.now = max(k.now, at)
	s := &k.scratch
	switch decode(&f, s, k.options.Complete) {
	case isTCP:
		s.now, s.packet, s.held, s.early = k.now, k.packets, k.heldBack(s.fromCard), early
		k.feedTCP(s)
	case isICMP:
		k.feedICMP(s)
	case isCut:
		if c := k.table[flowOf(s.src, s.dst)]; c != nil {
			c.missed()
		}
	case isARP:
		k.feedARP(&f, s)
	}
}

func (k *Checker) feedTCP(s *segment) {
	c := k.table[flowOf(s.src, s.dst)]
	if k.options.Arrivals != nil && k.options.Arrivals(s.at.iface) {
		if c != nil && s.sum == sumGood {
			c.arrived(c.direction(s.src), s)
		}
		return
	}
	if s.sum == sumBad {
		switch {
		case c == nil && !k.mayBegin(s):
			return
		case c != nil && !c.toleratesBad(s):
			c.damaged(s)
			return
		}
	}
	if c != nil && c.isReplacedBy(s) {
		k.retire(c)
		c = k.begin(s, c)
	} else if c == nil {
		c = k.begin(s, nil)
	}
	dir := c.direction(s.src)
	if !c.watches(dir, s) {
		return
	}
	k.segments++
	k.recent.MoveToBack(c.place)
	c.take(dir, s)
}

// begin opens a connection, the place of which an older one may have had.
func (k *Checker) begin(s *segment, old *connection) *connection {
	for k.recent.Len() >= k.options.MaxConnections {
		k.retire(k.recent.Front().Value.(*connection))
		k.report.Forgotten++
	}
	k.opened++
	c := newConnection(k, k.opened, s)
	c.contested = old != nil && !old.over()
	c.place = k.recent.PushBack(c)
	k.table[flowOf(s.src, s.dst)] = c
	return c
}

// retire judges what can only be judged at the end, and forgets a connection.
func (k *Checker) retire(c *connection) {
	c.finish()
	k.recent.Remove(c.place)
	delete(k.table, flowOf(c.ends[0].addr, c.ends[1].addr))
	for i := range c.ends {
		c.ends[i].past.release(k)
	}
	if len(k.report.Connections) < k.options.MaxConnections {
		k.report.Connections = append(k.report.Connections, c.summary())
	}
}

// feedICMP notes an error about a connection: it may have a segment sent again
// at once (RFC 1191, section 6.5).
func (k *Checker) feedICMP(s *segment) {
	if c := k.table[flowOf(s.src, s.dst)]; c != nil {
		for i := range c.ends {
			c.ends[i].hint = k.packets
		}
	}
}

// Finish ends the judgement and returns it.
func (k *Checker) Finish() Report {
	for k.recent.Len() > 0 {
		k.retire(k.recent.Front().Value.(*connection))
	}
	r := k.report
	r.Opened, r.Segments = k.opened, k.segments
	r.sort()
	return r
}

// find adds a finding.
func (k *Checker) find(f Finding) {
	k.count(f.Severity)
	if len(k.report.Findings) >= maxFindings {
		k.report.Omitted++
		return
	}
	k.report.Findings = append(k.report.Findings, f)
}

func (k *Checker) count(s Severity) {
	if s == Violation {
		k.report.Violations++
	} else {
		k.report.Warnings++
	}
}
