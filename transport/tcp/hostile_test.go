package tcp

import (
	"bytes"
	"testing"

	"septet/header"
)

// injectOptions has a segment with these bytes for options arrive.
func (b *bench) injectOptions(h header.TCP, options, text []byte) {
	for len(options)%4 != 0 {
		options = append(options, header.OptionEnd)
	}
	p := b.pool.Get(0)
	h.Checksum = 0
	head := p.Extend(header.TCPLen + len(options))
	h.Put(head)
	copy(head[header.TCPLen:], options)
	head[12] = byte(len(head)/4) << 4
	p.Append(text)
	sum := ^header.Checksum(p.Bytes(), header.PseudoSum(b.peer, b.host, header.ProtocolTCP, p.Len()))
	p.Bytes()[16], p.Bytes()[17] = byte(sum>>8), byte(sum)
	b.injectIP(p, header.ProtocolTCP)
}

// TestOptionsOfEveryLength: Fast Open and the user timeout with every length byte
// and every number of bytes behind it, in SYNs with data and on a connection. The
// SYN is answered and its data is not taken; the connection goes on.
func TestOptionsOfEveryLength(t *testing.T) {
	//rfc:9293 MUST-7
	//rfc:7413 4.1.1 MUST options of an invalid length are ignored
	//rfc:7413 4.1.1 MUST options outside of a SYN are ignored
	b, ln := floodBench(t, nil, Options{FastOpen: 100, AdvertisedTimeout: 1})
	port := uint16(5000)
	for _, kind := range []byte{header.OptionFastOpen, header.OptionUserTimeout} {
		for length := range 256 {
			for _, room := range []int{0, 1, 2, 3, 4, 17, 18, 19, 38} {
				if room == 17 && length > 40 {
					break // nothing new
				}
				option := append([]byte{kind, byte(length)}, bytes.Repeat([]byte{0xff}, room)...)
				h := header.TCP{SrcPort: port, DstPort: scriptService, Flags: header.SYN, Window: 1000}
				b.injectOptions(h, option, []byte("data"))
				if len(b.sent) != 1 || b.sent[0].Flags != header.SYN|header.ACK || b.sent[0].Ack != 1 {
					t.Fatalf("option %x: the SYN must be answered and its data not taken: %d segments", option, len(b.sent))
				}
				h.Flags, h.Seq, h.Ack = header.ACK, 1, b.sent[0].Seq+1
				b.sent = nil
				b.injectOptions(h, option, []byte("data"))
				c := ln.Accept()
				if c == nil || c.Buffered() != 4 || c.state != Established {
					t.Fatalf("option %x: the connection must go on as if it were not there", option)
				}
				c.Abort()
				b.advance(b.loop.Now())
				b.sent = nil
				port = 5000 + (port-4999)%50000
			}
		}
	}
	if n := b.tcp.Count() + b.pool.Live(); n != 0 {
		t.Errorf("%d connections or packets left behind", n)
	}
}
