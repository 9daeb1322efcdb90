package header

// Seq is a TCP sequence number. Numbers wrap around, so they are compared modulo
// 2^32 (RFC 9293, section 3.4): a is before b if b is less than 2^31 ahead.
type Seq uint32

// Add returns the number n bytes later.
func (a Seq) Add(n int) Seq { return a + Seq(uint32(n)) }

// Sub returns how many bytes a is after b; negative when it is before.
func (a Seq) Sub(b Seq) int { return int(int32(a - b)) }

// Before reports a < b.
func (a Seq) Before(b Seq) bool { return int32(a-b) < 0 }

// After reports a > b.
func (a Seq) After(b Seq) bool { return int32(a-b) > 0 }

// AtMost reports a <= b.
func (a Seq) AtMost(b Seq) bool { return int32(a-b) <= 0 }

// AtLeast reports a >= b.
func (a Seq) AtLeast(b Seq) bool { return int32(a-b) >= 0 }

// InWindow reports start <= a < start+size.
func (a Seq) InWindow(start Seq, size int) bool {
	return uint32(a-start) < uint32(size)
}
