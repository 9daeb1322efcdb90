package tcp

import "testing"

// TestSipHash compares with what OpenSSL's SIPHASH gives for the bytes 00, 01, 02 ...
// under the key 00 to 0f, as in the appendix of the paper.
func TestSipHash(t *testing.T) {
	for n, want := range map[int]uint64{
		0: 0x726fdb47dd0e0e31,
		1: 0x93f5f5799a932462,
		2: 0x3f2acc7f57c29bdb,
		5: 0x0e3ea96b5304a7d0,
		6: 0xe612a3cb9ecba951,
	} {
		h := newSipHash([2]uint64{0x0706050403020100, 0x0f0e0d0c0b0a0908})
		for i := range uint64(n) {
			h = h.word(0x0706050403020100 + i*0x0808080808080808)
		}
		if got := h.sum(n); got != want {
			t.Errorf("of %d words SipHash-2-4 is %#016x, OpenSSL says %#016x", n, got, want)
		}
	}
}
