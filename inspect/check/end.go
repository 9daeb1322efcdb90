package check

import (
	"net/netip"
	"slices"
	"time"

	"septet/header"
)

// vantage is how near to the sender a direction is seen.
type vantage uint8

const (
	behindRouter vantage = iota // the order may be another
	onLink                      // the order is right, times nearly
	atSender
)

// end is one end of a connection: what it has sent, and what it may have
// received. Places in its stream are relative to its initial sequence number:
// the SYN is at 0, the first byte of data at 1.
type end struct {
	addr            netip.AddrPort
	point           point
	observed        bool
	vantage         vantage
	verifies        bool // its checksums have been seen right
	recent          recentSegments
	lastID          uint32     // of IP
	card, neighbour header.MAC // its own, and to whom its frames go

	based     bool
	base      header.Seq // its initial sequence number
	sawSYN    bool
	settled   bool  // what is outstanding is known, also of a connection seen midway
	max       int64 // after the highest that it has sent
	fin       int64 // after its FIN; 0 while there is none
	finAt     time.Duration
	holes     []hole
	past      history
	phantom   int64 // what the peer has acknowledged though it was not seen
	phantomAt time.Duration

	acked  bool
	ack    int64         // the highest that it has acknowledged, of the peer's
	window int           // the last that it has advertised, scaled
	edge   int64         // the highest right edge that it has advertised
	strays [8]header.Seq // numbers of another connection that it has named
	nstray int
	// The last acknowledgement of what the peer never sent.
	wrongAck    header.Seq
	hasWrongAck bool
	spoke       bool // it has sent a segment without SYN
	reset       bool
	resetAt     time.Duration

	closedFirst bool          // its FIN was sent before it knew of the other's
	closedAt    time.Duration // when it first acknowledged the other's
	synWindow   uint16        // the field of its SYN, until it sends something else

	offer    // what its SYN says
	stamps   // its timestamps
	ecnState // its use of ECN
	urgent   int64

	heard   // what it may know of the peer
	arrival // what has surely arrived at it
	answers // what it owes for that
	timer   // its retransmissions
	growth  // its congestion window
	unseen  // what may have been given up before the wire
}

// hole is a part of the stream that was passed over.
type hole struct {
	from, to int64
	since    time.Duration
	packet   int
}

const maxHoles = 256

// heard is what an end may have learnt from the peer: from what has arrived, or
// from what was sent to it if arrivals are not seen.
type heard struct {
	heardAny    bool
	heardAck    int64
	heardEdge   int64
	heardWindow int
	heardAt     time.Duration

	// The window that it goes by: one of an older segment does not count (RFC 9293,
	// 3.10.7.4, fifth: SND.WL1 and SND.WL2).
	believedWindow           int
	believedSeq, believedAck int64
}

// believe takes the window of a segment, unless it is older than the one that told it
// last. Of two with one acknowledgement the sequence number tells.
func (h *heard) believe(s *segment, window int) {
	if s.ack > h.believedAck || s.ack == h.believedAck && s.from >= h.believedSeq {
		h.believedWindow, h.believedSeq, h.believedAck = window, s.from, s.ack
	}
}

// recentSegments remembers the last packets, to pass over what one interface of
// a capture has twice. A stack gives a segment that it sends again another IP
// identification; zero says nothing (RFC 6864).
type recentSegments struct {
	known [16]identity
	next  int
}

type identity struct {
	id       uint32
	seq, ack header.Seq
	window   uint16
	flags    header.TCPFlags
	length   int
}

func (r *recentSegments) again(s *segment) bool {
	if s.id == 0 {
		return false
	}
	this := identity{s.id, s.Seq, s.Ack, s.Window, s.Flags, s.length}
	if slices.Contains(r.known[:], this) {
		return true
	}
	r.known[r.next] = this
	r.next = (r.next + 1) % len(r.known)
	return false
}

// place returns where a sequence number stands in the stream of e.
func (e *end) place(seq header.Seq) int64 {
	return e.max + int64(seq.Sub(e.base.Add(int(e.max))))
}
