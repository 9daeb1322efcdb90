package header

import (
	"encoding/binary"
	"math/bits"
)

// Checksum returns the folded ones' complement sum of b (RFC 1071), not
// complemented, added to sum, the result of an earlier call over an even number
// of bytes. A block that carries a right checksum sums to 0xffff.
func Checksum(b []byte, sum uint16) uint16 {
	// Ones' complement addition does not depend on the word size or on the byte
	// order as long as the halves are folded at the end (RFC 1071, section 2),
	// so eight bytes are added at a time, with end-around carry.
	acc := uint64(bits.ReverseBytes16(sum))
	var carry uint64
	for len(b) >= 64 {
		acc, carry = bits.Add64(acc, binary.LittleEndian.Uint64(b), 0)
		acc, carry = bits.Add64(acc, binary.LittleEndian.Uint64(b[8:]), carry)
		acc, carry = bits.Add64(acc, binary.LittleEndian.Uint64(b[16:]), carry)
		acc, carry = bits.Add64(acc, binary.LittleEndian.Uint64(b[24:]), carry)
		acc, carry = bits.Add64(acc, binary.LittleEndian.Uint64(b[32:]), carry)
		acc, carry = bits.Add64(acc, binary.LittleEndian.Uint64(b[40:]), carry)
		acc, carry = bits.Add64(acc, binary.LittleEndian.Uint64(b[48:]), carry)
		acc, carry = bits.Add64(acc, binary.LittleEndian.Uint64(b[56:]), carry)
		acc, carry = bits.Add64(acc, 0, carry)
		acc += carry
		b = b[64:]
	}
	for len(b) >= 8 {
		acc, carry = bits.Add64(acc, binary.LittleEndian.Uint64(b), 0)
		acc += carry
		b = b[8:]
	}
	// What is left has fewer than eight bytes. Whole words may be added at any even
	// place.
	var last uint64
	if len(b) >= 4 {
		last = uint64(binary.LittleEndian.Uint32(b))
		b = b[4:]
	}
	if len(b) >= 2 {
		last += uint64(binary.LittleEndian.Uint16(b))
		b = b[2:]
	}
	if len(b) > 0 {
		last += uint64(b[0])
	}
	acc, carry = bits.Add64(acc, last, 0)
	acc += carry
	acc = acc>>32 + acc&0xffffffff
	return fold(acc>>32 + acc&0xffffffff)
}

// fold ends the sum of words that were read in little-endian order: acc is less than
// 2^35.
func fold(acc uint64) uint16 { return bits.ReverseBytes16(foldWords(acc)) }

// foldWords is fold for words in network byte order.
func foldWords(acc uint64) uint16 {
	acc = acc>>16 + acc&0xffff
	acc = acc>>16 + acc&0xffff
	return uint16(acc>>16 + acc&0xffff)
}

// checksumPlain is Checksum of an IPv4 header without options.
func checksumPlain(b *[IPv4Len]byte) uint16 {
	return fold(uint64(binary.LittleEndian.Uint32(b[0:])) + uint64(binary.LittleEndian.Uint32(b[4:])) +
		uint64(binary.LittleEndian.Uint32(b[8:])) + uint64(binary.LittleEndian.Uint32(b[12:])) +
		uint64(binary.LittleEndian.Uint32(b[16:])))
}
