package tcp

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// purpose keeps the uses of the layer's secret apart: what is told for one says
// nothing about another.
type purpose byte

const (
	forSequence purpose = iota // RFC 6528
	forCookieBase
	forCookieProof
	forFastOpen
	forPort
	forSharer
)

// keyed hashes two addresses and more with the layer's secret: a pseudorandom
// function for those who do not know it. RFC 6528, section 3, leaves the choice of it
// to the host; SipHash takes short inputs of either family in a fifth of the time that
// SHA-256 takes.
func (l *Layer) keyed(use purpose, local, remote netip.AddrPort, more ...uint32) uint64 {
	rest := uint64(use)<<32 | uint64(local.Port())<<16 | uint64(remote.Port())
	// Both addresses of a pair are of one family. The length, which is hashed too, tells
	// the families apart: for one use there are always as many words more.
	if local.Addr().Is4() {
		a, b := local.Addr().As4(), remote.Addr().As4()
		h := newSipHash(l.secret)
		h = h.word(uint64(binary.LittleEndian.Uint32(a[:]))<<32 | uint64(binary.LittleEndian.Uint32(b[:])))
		return h.word(rest).end(more, 2)
	}
	return l.keyedPair(local.Addr(), remote.Addr()).word(rest).end(more, 5)
}

// keyedPair has hashed two IPv6 addresses, and more is to come. Those of the last pair are
// not hashed again: a connection asks several times, and the next is mostly to the same host.
func (l *Layer) keyedPair(local, remote netip.Addr) sipHash {
	last := &l.scratch().hashed
	if last.local != local || last.remote != remote {
		h := newSipHash(l.secret)
		for _, a := range [...][16]byte{local.As16(), remote.As16()} {
			h = h.word(binary.LittleEndian.Uint64(a[:8])).word(binary.LittleEndian.Uint64(a[8:]))
		}
		*last = hashedPair{local, remote, h}
	}
	return last.hash
}

// hashedPair is a pair of addresses with what keyedPair has made of it.
type hashedPair struct {
	local, remote netip.Addr
	hash          sipHash
}

// sipHash is SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF",
// 2012) of whole words of 64 bits, each as its bytes in little-endian order. It is passed
// on by value, which keeps it in registers.
type sipHash struct{ v0, v1, v2, v3 uint64 }

func newSipHash(key [2]uint64) sipHash {
	return sipHash{
		v0: key[0] ^ 0x736f6d6570736575, v1: key[1] ^ 0x646f72616e646f6d,
		v2: key[0] ^ 0x6c7967656e657261, v3: key[1] ^ 0x7465646279746573,
	}
}

func (h sipHash) word(m uint64) sipHash {
	v0, v1, v2, v3 := sipRound(h.v0, h.v1, h.v2, h.v3^m)
	v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
	return sipHash{v0 ^ m, v1, v2, v3}
}

// end returns the hash of the words before, so many, and of more.
func (h sipHash) end(more []uint32, before int) uint64 {
	for _, x := range more {
		h = h.word(uint64(x))
	}
	return h.sum(before + len(more))
}

// sum returns the hash of so many words.
func (h sipHash) sum(words int) uint64 {
	h = h.word(uint64(words) * 8 << 56)
	v0, v1, v2, v3 := h.v0, h.v1, h.v2^0xff, h.v3
	for range 4 {
		v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
	}
	return v0 ^ v1 ^ v2 ^ v3
}

func sipRound(v0, v1, v2, v3 uint64) (uint64, uint64, uint64, uint64) {
	v0, v2 = v0+v1, v2+v3
	v1, v3 = bits.RotateLeft64(v1, 13)^v0, bits.RotateLeft64(v3, 16)^v2
	v0, v2 = bits.RotateLeft64(v0, 32)+v3, v2+v1
	v1, v3 = bits.RotateLeft64(v1, 17)^v2, bits.RotateLeft64(v3, 21)^v0
	return v0, v1, bits.RotateLeft64(v2, 32), v3
}
