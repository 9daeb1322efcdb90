package prefetch

import (
	"testing"
	"unsafe"
)

// Asking for memory must be possible for whatever address, and change nothing.
func TestAskingChangesNothing(t *testing.T) {
	b := make([]byte, 300)
	for i := range b {
		b[i] = byte(i)
	}
	for _, n := range []int{-1, 0, 1, 64, 65, len(b), 1 << 16} {
		Bytes(unsafe.Pointer(&b[0]), n)
	}
	Bytes(nil, 64)
	for i := range b {
		if b[i] != byte(i) {
			t.Fatalf("byte %d has changed", i)
		}
	}
}
