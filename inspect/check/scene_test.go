package check

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"
	"time"

	"septet/header"
	"septet/inspect"
)

const (
	syn = header.SYN
	ack = header.ACK
	fin = header.FIN
	rst = header.RST
	psh = header.PSH
	urg = header.URG
	ece = header.ECE
	cwr = header.CWR
)

var ports = [2]netip.AddrPort{netip.MustParseAddrPort("10.0.0.1:49152"), netip.MustParseAddrPort("10.0.0.2:80")}

// Initial sequence numbers, the client's so near to the end that it wraps.
var isn = [2]header.Seq{0xffffff00, 5000}

const (
	client = iota
	server
)

// step is one segment of a trace. Its zero values are those of a quiet, right
// segment: the window, the timestamps and the checksum need not be said.
type step struct {
	ms   float64 // when, in milliseconds; the same as before if smaller
	from int
	f    header.TCPFlags
	seq  int // relative
	ack  int
	data string
	o    opts
}

// opts is what is unusual about a segment.
type opts struct {
	window   int // 0 means 65535, to be scaled by 7
	urgent   uint16
	ecn      byte
	reserved byte
	sack     [][2]int
	raw      []byte // options instead of the usual ones
	plain    bool   // no options at all
	tsval    int    // 0 means the time
	tsecr    int    // 0 means the last TSval of the other end
	badSum   bool
	ttl      byte
	only     int // 1: it is sent, and lost; 2: it is not sent, and arrives
}

// scene plays traces to a judge.
type scene struct {
	judge    *Checker
	now      float64
	stamp    [2]uint32 // the last of each end that the other echoes
	acked    [2]int    // what each has acknowledged
	arrivals bool
	id       uint16
}

func newScene(o Options) *scene { return &scene{judge: New(o), arrivals: o.Arrivals != nil} }

// complete is a capture of which everything is known.
func complete() Options {
	return Options{Complete: true, Arrivals: func(i int) bool { return i == 1 }}
}

func (s *scene) play(steps []step) Report {
	for _, st := range steps {
		s.feed(st)
	}
	return s.judge.Finish()
}

func (s *scene) feed(st step) {
	s.now = max(s.now, st.ms)
	f := inspect.Frame{Time: s.time(), LinkType: inspect.LinkRaw, Data: s.frame(st)}
	if st.o.only != 2 {
		s.judge.Feed(f)
	}
	if s.arrivals && st.o.only != 1 && !st.o.badSum {
		f.Interface = 1
		s.judge.Feed(f)
	}
}

func (s *scene) time() time.Time {
	return inspect.Epoch.Add(time.Duration(s.now * float64(time.Millisecond)))
}

func (s *scene) frame(st step) []byte {
	h := header.TCP{
		SrcPort: ports[st.from].Port(), DstPort: ports[1-st.from].Port(), Flags: st.f, Urgent: st.o.urgent,
		Seq: isn[st.from].Add(st.seq), Window: 0xffff,
	}
	if st.f.Has(ack) {
		h.Ack = isn[1-st.from].Add(st.ack)
	}
	if st.o.window != 0 {
		h.Window = uint16(st.o.window)
	}
	s.options(st, &h)
	n := h.Len()
	b := make([]byte, n, n+len(st.o.raw)+len(st.data))
	h.Put(b)
	if len(st.o.raw) > 0 {
		b = append(b[:header.TCPLen], st.o.raw...)
		b[12] = byte(len(b)/4) << 4
	}
	b[12] |= st.o.reserved
	b = append(b, st.data...)
	src, dst := ports[st.from].Addr(), ports[1-st.from].Addr()
	sum := ^header.Checksum(b, header.PseudoSum(src, dst, header.ProtocolTCP, len(b)))
	if st.o.badSum {
		sum ^= 0x1234
	}
	total := header.IPv4Len + len(b)
	if total > 0xffff { // BIG TCP: the card does the sum, and the length is not said
		last := []byte{0, byte(len(b) >> 16), byte(len(b) >> 8), byte(len(b)), 0, 0, 0, byte(header.ProtocolTCP)}
		sum = header.Checksum(last, header.Checksum(dst.AsSlice(), header.Checksum(src.AsSlice(), 0)))
		total = 0
	}
	binary.BigEndian.PutUint16(b[16:], sum)
	s.id++
	ttl := byte(64)
	if st.o.ttl != 0 {
		ttl = st.o.ttl
	}
	if src.Is6() {
		return ipv6(src, dst, header.ProtocolTCP, ttl, st.o.ecn, b)
	}
	ip := header.IPv4{TOS: st.o.ecn, TotalLength: total, ID: s.id, TTL: ttl, Protocol: header.ProtocolTCP, Src: src, Dst: dst}
	p := make([]byte, header.IPv4Len)
	ip.Put(p)
	return append(p, b...)
}

func (s *scene) options(st step, h *header.TCP) {
	if st.o.plain || len(st.o.raw) > 0 || st.f.Has(rst) {
		return
	}
	o := &h.Options
	if st.f.Has(syn) {
		o.HasMSS, o.MSS, o.HasWindowScale, o.WindowScale, o.SACKPermitted = true, 1012, true, 7, true
	}
	o.HasTimestamps, o.TSVal = true, 1000+uint32(s.now)
	if st.o.tsval != 0 {
		o.TSVal = uint32(st.o.tsval)
	}
	if st.f.Has(ack) {
		o.TSEcr = s.stamp[1-st.from]
		s.acked[st.from] = max(s.acked[st.from], st.ack)
	}
	// RFC 7323, 4.3: what begins at the last acknowledgement is echoed.
	end := st.seq + len(st.data)
	if st.f.Has(fin) || st.f.Has(syn) {
		end++
	}
	before := st.seq < s.acked[1-st.from] && end <= s.acked[1-st.from]
	if st.o.only != 1 && st.seq <= s.acked[1-st.from] && (!before || st.f.Has(syn)) && !st.o.badSum &&
		int32(o.TSVal-s.stamp[st.from]) > 0 {
		s.stamp[st.from] = o.TSVal
	}
	if st.o.tsecr != 0 {
		o.TSEcr = uint32(st.o.tsecr)
	}
	for i, b := range st.o.sack {
		o.SACK[i] = header.SACKBlock{Left: isn[1-st.from].Add(b[0]), Right: isn[1-st.from].Add(b[1])}
		o.NumSACK++
	}
}

// full is a full segment's data: an MSS of 1012 less 12 for timestamps.
var full = strings.Repeat("abcdefghij", 100)

// open is a handshake that ends at 2 ms.
func open() []step {
	return []step{
		{ms: 0, from: client, f: syn},
		{ms: 1, from: server, f: syn | ack, ack: 1},
		{ms: 2, from: client, f: ack, seq: 1, ack: 1},
	}
}

// openECN is a handshake that agrees on ECN.
func openECN() []step {
	s := open()
	s[0].f |= ece | cwr
	s[1].f |= ece
	return s
}

// then adds steps to a trace.
func then(steps []step, more ...step) []step { return append(steps, more...) }

// good is a connection with all that may happen to an honest one: data both
// ways, a lost segment found by duplicates, a timeout and its backoff, a
// keep-alive, urgent data and a four-way close.
func good() []step {
	s := then(open(),
		step{ms: 3, from: client, f: psh | ack, seq: 1, ack: 1, data: "hello"},
		step{ms: 4, from: server, f: ack, seq: 1, ack: 6},
		step{ms: 5, from: server, f: psh | ack, seq: 1, ack: 6, data: "hello"},
		step{ms: 6, from: client, f: ack, seq: 6, ack: 6},
		// Full segments; the second is lost.
		step{ms: 10, from: client, f: ack, seq: 6, ack: 6, data: full},
		step{ms: 10, from: client, f: ack, seq: 1006, ack: 6, data: full, o: opts{only: 1}},
		step{ms: 10, from: server, f: ack, seq: 6, ack: 1006},
		step{ms: 10, from: client, f: ack, seq: 2006, ack: 6, data: full},
		step{ms: 10, from: server, f: ack, seq: 6, ack: 1006, o: opts{sack: [][2]int{{2006, 3006}}}},
		step{ms: 10, from: client, f: ack, seq: 3006, ack: 6, data: full},
		step{ms: 10, from: server, f: ack, seq: 6, ack: 1006, o: opts{sack: [][2]int{{2006, 4006}}}},
		step{ms: 12, from: client, f: ack, seq: 1006, ack: 6, data: full},
		step{ms: 13, from: server, f: ack, seq: 6, ack: 4006},
		// The last is lost three times: a timeout, and backoff.
		step{ms: 20, from: client, f: psh | ack, seq: 4006, ack: 6, data: "x", o: opts{only: 1}},
		step{ms: 220, from: client, f: psh | ack, seq: 4006, ack: 6, data: "x", o: opts{only: 1}},
		step{ms: 620, from: client, f: psh | ack, seq: 4006, ack: 6, data: "x", o: opts{only: 1}},
		step{ms: 1420, from: client, f: psh | ack, seq: 4006, ack: 6, data: "x"},
		// It has arrived twice: a duplicate is told (RFC 2883).
		step{ms: 1421, from: server, f: ack, seq: 6, ack: 4007},
		step{ms: 1422, from: client, f: psh | ack, seq: 4006, ack: 6, data: "x", o: opts{only: 2}},
		step{ms: 1422, from: server, f: ack, seq: 6, ack: 4007, o: opts{sack: [][2]int{{4006, 4007}}}},
		// Urgent data.
		step{ms: 1600, from: client, f: psh | ack, seq: 4007, ack: 6, data: "yy", o: opts{urgent: 2}},
	)
	s[len(s)-1].f |= urg
	return then(s,
		step{ms: 1601, from: server, f: ack, seq: 6, ack: 4009},
		step{ms: 1700, from: client, f: ack, seq: 4008, ack: 6},            // keep-alive
		step{ms: 1701, from: server, f: ack, seq: 6, ack: 4009},            // and its answer
		step{ms: 1800, from: client, f: ack, seq: 4008, ack: 6, data: "?"}, // the old kind
		step{ms: 1801, from: server, f: ack, seq: 6, ack: 4009},
		step{ms: 2000, from: client, f: fin | ack, seq: 4009, ack: 6},
		step{ms: 2001, from: server, f: ack, seq: 6, ack: 4010},
		step{ms: 2002, from: server, f: fin | ack, seq: 6, ack: 4010},
		step{ms: 2003, from: client, f: ack, seq: 4010, ack: 7, o: opts{only: 1}},
		step{ms: 2202, from: server, f: fin | ack, seq: 6, ack: 4010},
		step{ms: 2203, from: client, f: ack, seq: 4010, ack: 7},
	)
}

func text(r Report) string {
	var b strings.Builder
	_ = r.Write(&b)
	return b.String()
}

func clean(t *testing.T, what string, r Report) {
	t.Helper()
	if len(r.Findings) > 0 {
		t.Errorf("%s keeps all rules; the judge says\n%s", what, text(r))
	}
}
