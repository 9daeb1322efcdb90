package network

import (
	"net/netip"

	"septet/header"
)

// The identification of IPv4 datagrams (RFC 6864). An atomic one, which is no fragment
// and must not be cut, may have any (section 4.1): they have a running number, so that a
// reader of a capture can tell a repeated datagram from a new one.
//
// Of the others no two of one source, destination and protocol may have the same within
// the longest time that a datagram lives (section 4.2). They are counted apart from
// atomic ones, of which a connection sends millions in that time, and mostly apart by
// destination, so that it holds for up to 65,536 of one counter in that time. The RFC would have who
// sends faster wait (section 5.2), which no sender does, and this one does not: what
// protects the data there is the transport's checksum (RFC 4963).

// identifications counts the datagrams that may be cut, by a hash of where they go.
type identifications struct {
	salt     uint32
	counters [256]uint16
}

// nextIDs returns the identification of a datagram, and keeps the n-1 that follow for it
// too, if it is a train.
func (l *Layer) nextIDs(h *header.IPv4, n int) uint16 {
	if h.DontFragment {
		return l.nextAtomicIDs(n)
	}
	if l.ids == nil {
		l.ids = &identifications{salt: l.loop.Rand().Uint32()}
	}
	hash := hashFlow(l.ids.salt, h.Src, h.Dst, h.Protocol)
	counter := &l.ids.counters[hash>>16&0xff]
	*counter += uint16(n)
	// Each destination's begin elsewhere, so that they do not simply tell how many others
	// were sent.
	return *counter - uint16(n) + uint16(hash)
}

// nextAtomicIDs is nextIDs for atomic datagrams.
func (l *Layer) nextAtomicIDs(n int) uint16 {
	first := l.nextID + 1
	l.nextID += uint16(n)
	return first
}

// hashFlow hashes a salt, two addresses and a protocol, as FNV-1a does.
func hashFlow(salt uint32, src, dst netip.Addr, protocol header.Protocol) uint32 {
	hash := uint32(2166136261)
	add := func(b byte) { hash = (hash ^ uint32(b)) * 16777619 }
	for ; salt != 0; salt >>= 8 {
		add(byte(salt))
	}
	s, d := src.As4(), dst.As4()
	for n := range s {
		add(s[n])
		add(d[n])
	}
	add(byte(protocol))
	// The last bytes have not reached all bits yet.
	hash ^= hash >> 15
	hash *= 0x85ebca6b
	return hash ^ hash>>13
}
