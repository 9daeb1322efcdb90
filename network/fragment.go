package network

import (
	"septet/header"
	"septet/packet"
)

// fragment cuts a datagram that starts at its IP header into fragments of at
// most mtu bytes (RFC 791, section 3.2). It takes p. The datagram may itself be
// a fragment. An MTU too small for any payload gives no fragments.
func (l *Layer) fragment(p *packet.Packet, mtu int) packet.Queue {
	var pieces packet.Queue
	// Transport checksums are filled in first: they cover the whole datagram.
	b := p.Bytes()
	h, payload, err := header.ParseIPv4(b)
	if err != nil || mtu-h.Len() < 8 {
		l.drop(p, &l.stats.OutTooLong)
		return pieces
	}
	start, last := h.FragmentOffset, !h.MoreFragments
	for done := 0; done < len(payload); {
		// The offset counts units of eight bytes.
		n := (mtu - h.Len()) &^ 7
		if rest := len(payload) - done; rest <= mtu-h.Len() {
			n = rest
		}
		h.FragmentOffset = start + done
		h.MoreFragments = !last || done+n < len(payload)
		h.TotalLength = h.Len() + n
		piece := l.pool.Get(h.TotalLength)
		h.Put(piece.Extend(h.Len()))
		piece.Append(payload[done : done+n])
		pieces.Push(piece)
		l.stats.FragmentsCreated++
		if done == 0 {
			h.Options = copiedOptions(h.Options)
		}
		done += n
	}
	l.stats.Fragmented++
	p.Release()
	return pieces
}

// copiedOptions returns the options that every fragment carries, not only the
// first: those with the copied flag, the highest bit of the type.
func copiedOptions(options []byte) []byte {
	var copied []byte
	for len(options) > 0 {
		n, err := optionLen(options)
		if err != nil || options[0] == optionEnd {
			break
		}
		if options[0]&0x80 != 0 {
			copied = append(copied, options[:n]...)
		}
		options = options[n:]
	}
	return copied
}

// Options that are looked at (RFC 791, section 3.1).
const (
	optionEnd = 0
	optionNop = 1
)

// optionLen returns the length of the first option of b.
func optionLen(b []byte) (int, error) {
	if b[0] == optionEnd || b[0] == optionNop {
		return 1, nil
	}
	if len(b) < 2 || b[1] < 2 || int(b[1]) > len(b) {
		return 0, header.ErrMalformed
	}
	return int(b[1]), nil
}

// checkOptions walks through a header's options. sourceRoute is the offset in the
// header of one that asks for a way of the sender's choice, zero when there is none;
// bad is that of what is wrong: an option that has no sensible length, or is a second
// source route (RFC 791, section 3.1: it "appears at most once in a datagram"), or an octet
// of one that records; and recording says that there is one of those.
func checkOptions(options []byte) (sourceRoute, bad int, recording bool) {
	for at := 0; at < len(options) && options[at] != optionEnd; {
		n, err := optionLen(options[at:])
		if err != nil {
			return sourceRoute, header.IPv4Len + at, false
		}
		switch options[at] {
		case header.OptionLooseSourceRoute, header.OptionStrictSourceRoute:
			if sourceRoute > 0 {
				return sourceRoute, header.IPv4Len + at, false
			}
			sourceRoute = header.IPv4Len + at
		case optionRecordRoute, optionTimestamp:
			if wrong := badRecording(options[at : at+n]); wrong > 0 {
				return sourceRoute, header.IPv4Len + at + wrong, false
			}
			recording = true
		}
		at += n
	}
	return sourceRoute, 0, recording
}

// decrementTTL takes one off the time to live of the IP header b and corrects
// its checksum: HC' = ~(~HC + ~m + m') (RFC 1624, equation 3), where m is the
// word of TTL and protocol.
func decrementTTL(b []byte) {
	before := be.Uint16(b[8:])
	b[8]--
	after := be.Uint16(b[8:])
	sum := uint32(^be.Uint16(b[10:])) + uint32(^before) + uint32(after)
	sum = sum>>16 + sum&0xffff
	sum = sum>>16 + sum&0xffff
	be.PutUint16(b[10:], ^uint16(sum))
}
