package check

import (
	"sort"
	"time"
)

// history is what a direction has sent: when, for as long as it is outstanding,
// and the last bytes themselves.
type history struct {
	ring  []byte // the byte at place p is at p mod len(ring), a power of two
	begin int64  // bytes before it are not kept
	top   int64  // after the highest that was kept
	spans []span // in order, not overlapping
	lost  bool   // a span had to be given up
}

// span is a part of the stream that was sent in one segment.
type span struct {
	from, to int64
	at       time.Duration // when it was last sent
	packet   int           // in which packet
	times    int
	held     bool // as segment.held
}

const (
	minRing  = 4 << 10
	maxSpans = 1 << 15
)

// find returns the index of the first span that ends after p.
func (h *history) find(p int64) int {
	return sort.Search(len(h.spans), func(i int) bool { return h.spans[i].to > p })
}

// sent returns the span that has p, if it is outstanding.
func (h *history) sent(p int64) (span, bool) {
	if i := h.find(p); i < len(h.spans) && h.spans[i].from <= p {
		return h.spans[i], true
	}
	return span{}, false
}

// add notes that [from, to) was sent at now, perhaps after it was held back.
func (h *history) add(from, to int64, now time.Duration, packet int, held bool) {
	if from >= to {
		return
	}
	n := len(h.spans)
	if n == 0 || h.spans[n-1].to <= from {
		h.insert(n, span{from, to, now, packet, 1, held})
		return
	}
	i := h.find(from)
	if i < len(h.spans) && h.spans[i].from < from {
		h.split(i, from)
		i++
	}
	for from < to {
		if i == len(h.spans) || h.spans[i].from > from {
			end := to
			if i < len(h.spans) {
				end = min(to, h.spans[i].from)
			}
			h.insert(i, span{from, end, now, packet, 1, held})
		} else {
			if h.spans[i].to > to {
				h.split(i, to)
			}
			h.spans[i].at, h.spans[i].packet, h.spans[i].held = now, packet, held
			h.spans[i].times++
		}
		from = h.spans[i].to
		i++
	}
}

func (h *history) insert(i int, s span) {
	if len(h.spans) >= maxSpans {
		h.lost = true
		h.spans = h.spans[:copy(h.spans, h.spans[maxSpans/4:])]
		if i -= maxSpans / 4; i < 0 {
			i = 0
		}
		if i < len(h.spans) && h.spans[i].from < s.to {
			return
		}
	}
	h.spans = append(h.spans, span{})
	copy(h.spans[i+1:], h.spans[i:])
	h.spans[i] = s
}

func (h *history) split(i int, at int64) {
	tail := h.spans[i]
	tail.from = at
	h.spans[i].to = at
	h.spans = append(h.spans, span{})
	copy(h.spans[i+2:], h.spans[i+1:])
	h.spans[i+1] = tail
}

// forget drops the spans below p: they have been acknowledged.
func (h *history) forget(p int64) {
	n := 0
	for n < len(h.spans) && h.spans[n].to <= p {
		n++
	}
	h.spans = h.spans[n:]
	if len(h.spans) > 0 && h.spans[0].from < p {
		h.spans[0].from = p
	}
	if len(h.spans) == 0 {
		h.spans = h.spans[:0:0]
	}
}

// keep remembers the bytes b of the stream from p on, with una the first that is
// not acknowledged.
func (h *history) keep(k *Checker, p int64, b []byte, una int64) {
	if len(b) == 0 {
		return
	}
	end := p + int64(len(b))
	if h.top == 0 {
		h.begin, h.top = p, p
	}
	want := int64(minRing)
	for want < 2*(end-una) && want < int64(k.options.MaxHistory) {
		want *= 2
	}
	if want > int64(len(h.ring)) {
		h.grow(k, int(want))
	}
	size := int64(len(h.ring))
	if size == 0 {
		return
	}
	h.top = max(h.top, end)
	if p < h.top-size {
		cut := min(h.top-size-p, int64(len(b)))
		p, b = p+cut, b[cut:]
	}
	for len(b) > 0 {
		n := copy(h.ring[p&(size-1):], b)
		p, b = p+int64(n), b[n:]
	}
}

// differs returns the first place at which b, sent at p, is not what was kept.
func (h *history) differs(p int64, b []byte) (at int64, ok bool) {
	size := int64(len(h.ring))
	low := max(h.begin, h.top-size)
	if p < low {
		cut := min(low-p, int64(len(b)))
		p, b = p+cut, b[cut:]
	}
	b = b[:max(0, min(int64(len(b)), h.top-p))]
	for i, x := range b {
		if h.ring[(p+int64(i))&(size-1)] != x {
			return p + int64(i), true
		}
	}
	return 0, false
}

// grow makes the ring larger, if the judge may still have the memory.
func (h *history) grow(k *Checker, size int) {
	if k.kept+size-len(h.ring) > maxHistoryTotal {
		h.lost = true
		return
	}
	k.kept += size - len(h.ring)
	old := h.ring
	h.ring = make([]byte, size)
	h.begin = max(h.begin, h.top-int64(len(old))) // what the old one had no room for is gone
	for p := h.begin; p < h.top; p++ {
		h.ring[p&int64(size-1)] = old[p&int64(len(old)-1)]
	}
}

// release gives back all memory.
func (h *history) release(k *Checker) {
	k.kept -= len(h.ring)
	h.ring, h.spans = nil, nil
	h.begin, h.top = 0, 0
}
