package network

import "net/netip"

// Overlap reports whether some address is one of those that a stands for and of those that
// b stands for: 0.0.0.0 and :: for all of one family, the zero Addr for all of both.
func Overlap(a, b netip.Addr) bool {
	switch {
	case !a.IsValid(), !b.IsValid(), a == b:
		return true
	case a.Is4() != b.Is4():
		return false
	}
	return a.IsUnspecified() || b.IsUnspecified()
}
