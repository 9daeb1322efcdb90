package check

import (
	"bytes"
	"testing"
)

// A history that grows does not get back what it had no room for: of that nothing can be
// said, and what is kept is still compared.
func TestHistoryThatGrowsForgets(t *testing.T) {
	k, h := New(complete()), new(history)
	stream := bytes.Repeat([]byte("never the same "), 4*minRing/15)
	at := func(p, n int) []byte { return stream[p-1 : p-1+n] }
	for p := 1; p+1000 < 2*minRing; p += 1000 { // all acknowledged at once: the ring stays short
		h.keep(k, int64(p), at(p, 1000), int64(p+1000))
	}
	top := int(h.top)
	h.keep(k, h.top, at(top, 1000), int64(top)-minRing) // and now it grows
	if len(h.ring) <= minRing {
		t.Fatalf("the ring has %d bytes, it should have grown", len(h.ring))
	}
	if p, bad := h.differs(1, at(1, 1000)); bad {
		t.Errorf("byte %d is said to differ, but it was forgotten", p)
	}
	if p, bad := h.differs(int64(top-1000), at(top-1000, 1000)); bad {
		t.Errorf("byte %d is said to differ, but it is the same", p)
	}
	wrong := bytes.Clone(at(top-1000, 1000))
	wrong[500]++
	if p, bad := h.differs(int64(top-1000), wrong); !bad || p != int64(top-500) {
		t.Errorf("a wrong byte at %d: %v at %d", top-500, bad, p)
	}
}
