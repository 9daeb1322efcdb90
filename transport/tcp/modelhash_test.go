package tcp

import (
	"cmp"
	"encoding/binary"
	"reflect"
	"slices"

	ev "septet/event"
)

// Two worlds in which everything that can decide about the future is the same are
// one state. The summary is made of the connections' own fields, all of them, so
// that a field added tomorrow is not forgotten; only what is named here is left
// out. Moments count relative to now. Sequence numbers need no such care, since
// every run has the same initial ones.

// leftOut are the fields that say nothing about the future of a connection.
var leftOut = map[reflect.Type][]string{
	reflect.TypeFor[Conn](): {
		"env", "owner", "about", "timer", "path", "chain", "port", "localPort", "remotePort",
		"heardAt", // looked at for keep-alives, which then have their own moment
		"stamp",   // relative to a clock: taken care of below
	},
	reflect.TypeFor[seldom]():        {"challenge"}, // its limit is out of reach
	reflect.TypeFor[traffic]():       {"rate"},      // for controls that Reno is not
	reflect.TypeFor[sendBuffer]():    {"ring"},      // the contents follow from the place
	reflect.TypeFor[receiveBuffer](): {"ring"},
	reflect.TypeFor[rack]():          {"minRTTAt"},
	reflect.TypeFor[rttEstimator]():  {"about"},
	reflect.TypeFor[sentSegment](): {
		"firstSentAt", "deliveredAt", "delivered", "lostBefore", "inFlight", "limited", "next", "prev",
	},
	reflect.TypeFor[Options](): {"KeepAlive", "ECN", "SendBuffer", "ReceiveBuffer"},
}

// summary is a state, as bytes that are equal if the states are.
type summary struct {
	b     []byte
	now   ev.Time
	plans map[reflect.Type][]int // the fields of a struct that count
}

func (s *summary) number(n uint64) { s.b = binary.AppendUvarint(s.b, n) }

func (s *summary) bits(all ...bool) {
	for _, x := range all {
		s.b = append(s.b, bit(x))
	}
}

func bit(x bool) byte {
	if x {
		return 1
	}
	return 0
}

func (s *summary) moment(t ev.Time) {
	if t == ev.Never || t == 0 {
		s.b = append(s.b, 0xff, bit(t == 0))
		return
	}
	s.b = binary.AppendVarint(s.b, int64(t-s.now))
}

func (s *summary) planOf(t reflect.Type) []int {
	if p, ok := s.plans[t]; ok {
		return p
	}
	var p []int
	for i := range t.NumField() {
		if !slices.Contains(leftOut[t], t.Field(i).Name) {
			p = append(p, i)
		}
	}
	s.plans[t] = p
	return p
}

var (
	timeType    = reflect.TypeFor[ev.Time]()
	boardType   = reflect.TypeFor[scoreboard]()
	controlType = reflect.TypeFor[Control]()
	// parts of a connection stand behind pointers.
	parts = []reflect.Type{
		reflect.TypeFor[*flight](), reflect.TypeFor[*traffic](), reflect.TypeFor[*seldom](), reflect.TypeFor[*Options](),
	}
)

func (s *summary) value(v reflect.Value) {
	t := v.Type()
	switch {
	case t == timeType:
		s.moment(ev.Time(v.Int()))
		return
	case t == boardType:
		return // its segments are taken one by one
	}
	switch v.Kind() {
	case reflect.Bool:
		s.bits(v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		s.b = binary.AppendVarint(s.b, v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		s.number(v.Uint())
	case reflect.Struct:
		for _, i := range s.planOf(t) {
			s.value(v.Field(i))
		}
	case reflect.Slice:
		s.number(uint64(v.Len()))
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			s.value(v.Index(i))
		}
	case reflect.Pointer:
		s.bits(v.IsNil())
		if slices.Contains(parts, t) && !v.IsNil() {
			s.value(v.Elem())
		}
	case reflect.Interface:
		s.bits(v.IsNil())
		if t == controlType && !v.IsNil() {
			s.value(v.Elem().Elem()) // the control's own state
		}
	}
}

func (s *summary) conn(c *Conn) {
	if c.state == Closed {
		// Nothing will happen to it any more, but its user may still look.
		s.number(uint64(c.rcv.size))
		s.bits(c.err != nil, c.is(flagErrTold))
		return
	}
	s.number(uint64(c.snd.size))
	s.number(uint64(c.rcv.size))
	s.value(reflect.ValueOf(c).Elem())
	s.number(uint64(c.stamp.recent - c.stamp.clock(s.now)))
	s.moment(c.stamp.recentAt)
	s.number(uint64(c.stamp.lastAck))
	b := &c.board
	for n := range b.size {
		s.value(reflect.ValueOf(b.at(n)).Elem())
	}
	s.number(uint64(b.pipe))
	s.value(reflect.ValueOf(b.sacked))
	for _, q := range [...]chain{b.flying, b.lost} {
		for i := q.first; i >= 0 && len(b.ring) > 0; i = b.ring[i].next {
			s.number(uint64(b.ring[i].seq))
		}
		s.b = append(s.b, 0xfe)
	}
}

// summarize writes the state of w into s.
func (w *world) summarize(s *summary) {
	s.b, s.now = s.b[:0], w.loop.Now()
	s.value(reflect.ValueOf(w.left))
	for _, h := range w.hosts {
		s.host(h)
	}
}

func (s *summary) host(h *modelHost) {
	for _, n := range [...]int{h.next, h.wrote, h.got, h.opened, len(h.incoming), h.tcp.table.count} {
		s.number(uint64(n))
	}
	s.bits(h.eof, h.finished, h.aborted, h.refused, h.err != nil, h.conn == nil)
	if h.listener != nil {
		s.number(uint64(h.listener.halfOpen))
		s.number(uint64(len(h.listener.ready)))
		s.bits(h.tcp.listeners[h.listener.Addr()] != nil)
	}
	if h.conn != nil {
		s.conn(h.conn)
	}
	var others []*Conn
	h.tcp.table.each(func(c *Conn) {
		if c != h.conn {
			others = append(others, c)
		}
	})
	slices.SortFunc(others, func(a, b *Conn) int { return cmp.Compare(a.iss, b.iss) })
	for _, c := range others {
		s.conn(c)
	}
	for i := range h.incoming {
		s.segment(h, &h.incoming[i])
	}
}

func (s *summary) segment(h *modelHost, f *onTheWay) {
	s.bits(f.copied)
	if f.copied {
		s.moment(f.at) // it lives only so long
	}
	for _, n := range [...]uint32{uint32(f.Seq), uint32(f.Ack), uint32(f.Flags), uint32(f.Window), uint32(f.text)} {
		s.number(uint64(n))
	}
	o := f.Options
	if o.HasTimestamps {
		clock := uint32(s.now/timestampTick) + 1<<20
		s.number(uint64(o.TSVal - clock))
		s.number(uint64(o.TSEcr - clock))
	}
	for _, b := range o.SACK[:o.NumSACK] {
		s.number(uint64(b.Left))
		s.number(uint64(b.Right))
	}
}
