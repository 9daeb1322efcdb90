package differential

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"septet/header"
	. "septet/socket"
)

// ICMP, fragments, bad headers, raw sockets and ARP.

var wireInternet = []wireScript{
	{name: "echo", run: wireEcho},
	{name: "echo of odd kinds", run: wireOddEcho},
	{name: "other ICMP queries", run: wireQueries},
	{name: "fragments put together", run: wireFragments},
	{name: "fragments that overlap", run: wireFragmentsOverlap},
	{name: "unknown protocol", run: wireProtocol},
	{name: "bad headers", run: wireBadHeaders},
	{name: "options of IP", run: wireIPOptions},
	{name: "raw sockets", run: wireRaw},
	{name: "raw socket with a header", run: wireRawHeader},
	{name: "ARP for one who is not there", run: wireARP},
	{name: "not for us", run: wireNotForUs},
}

// quoting makes an ICMP error about a packet of the host's.
func (e *encounter) quoting(kind, code uint8, rest uint32, packet []byte) []byte {
	if e.domain == AF_INET6 {
		return e.quoting6(kind, code, rest, packet)
	}
	b := make([]byte, header.ICMPLen, header.ICMPLen+len(packet))
	m := header.ICMP{Type: kind, Code: code, Rest: rest}
	m.Put(b)
	b = append(b, packet...)
	header.SetICMPChecksum(b)
	return e.wrap(header.ProtocolICMP, b)
}

// sent is what a router would quote of a segment of the host's.
func (f *flow) sent(seq int) []byte {
	b := make([]byte, 20)
	be.PutUint16(b, f.host)
	be.PutUint16(b[2:], f.own)
	be.PutUint32(b[4:], uint32(f.iss.Add(seq)))
	b[12], b[13] = 5<<4, byte(header.ACK)
	return f.e.wrap(header.ProtocolTCP, b, func(h *header.IPv4) { h.Src, h.Dst = h.Dst, h.Src })
}

// icmp makes a message to the host.
func (e *encounter) icmp(kind, code uint8, rest uint32, data string) []byte {
	b := make([]byte, header.ICMPLen, header.ICMPLen+len(data))
	m := header.ICMP{Type: kind, Code: code, Rest: rest}
	m.Put(b)
	b = append(b, data...)
	header.SetICMPChecksum(b)
	return b
}

func wireEcho(e *encounter) {
	for _, n := range []int{0, 1, 7, 56, 1471, 1472} {
		e.says(fmt.Sprintf("echo of %d bytes", n), e.wrap(header.ProtocolICMP, e.icmp(8, 0, 0x00010002, long(n))))
		e.settle()
	}
}

func wireOddEcho(e *encounter) {
	echo := e.icmp(8, 0, 0x00010002, "hello")
	send := func(what string, change ...func(h *header.IPv4)) {
		e.says(what, e.wrap(header.ProtocolICMP, echo, change...))
		e.settle()
	}
	send("TTL 1, TOS", func(h *header.IPv4) { h.TTL, h.TOS = 1, 0x1c })
	send("TTL 0", func(h *header.IPv4) { h.TTL = 0 })
	send("no DF", func(h *header.IPv4) { h.DontFragment = false })
	send("to broadcast", func(h *header.IPv4) { h.Dst = netip.MustParseAddr("192.0.2.255") })
	send("to all hosts", func(h *header.IPv4) { h.Dst = netip.MustParseAddr("224.0.0.1") })
	send("from broadcast", func(h *header.IPv4) { h.Src = netip.MustParseAddr("192.0.2.255") })
	send("from nowhere", func(h *header.IPv4) { h.Src = netip.MustParseAddr("0.0.0.0") })
	echo = e.icmp(8, 3, 0x00010002, "hello")
	send("code 3")
	echo[2] ^= 1
	send("bad checksum")
	echo = e.icmp(8, 0, 0, "")[:7]
	send("seven bytes")
}

func wireQueries(e *encounter) {
	for _, kind := range []uint8{0, 1, 2, 7, 10, 13, 15, 17, 30, 42, 255} {
		e.says(fmt.Sprintf("ICMP type %d", kind), e.wrap(header.ProtocolICMP, e.icmp(kind, 0, 0x00010002, "twelve bytes")))
		if kind == 13 { // it carries the time of day
			for _, line := range e.answers() {
				e.log = append(e.log, line[:min(len(line), 20)])
			}
			continue
		}
		e.settle()
	}
}

// answers returns what the host sends at once.
func (e *encounter) answers() []string {
	e.loop.Sleep(soon)
	return e.take()
}

// fragment sends a part of a payload.
func (e *encounter) fragment(payload []byte, from, to int, id uint16, more bool) {
	e.says(fmt.Sprintf("fragment %d:%d of %d", from, to, len(payload)), e.wrap(header.ProtocolICMP, payload[from:to], func(h *header.IPv4) {
		h.DontFragment, h.ID, h.FragmentOffset, h.MoreFragments = false, id, from, more
	}))
}

func wireFragments(e *encounter) {
	echo := e.icmp(8, 0, 0x00010002, long(40)) // 48 bytes
	e.fragment(echo, 0, 24, 1, true)
	e.settle()
	e.fragment(echo, 24, 48, 1, false)
	e.settle()
	e.fragment(echo, 24, 48, 2, false)
	e.fragment(echo, 0, 24, 2, true)
	e.settle()
	e.fragment(echo, 0, 24, 3, true) // twice the same
	e.fragment(echo, 0, 24, 3, true)
	e.fragment(echo, 24, 48, 3, false)
	e.settle()
	big := e.icmp(8, 0, 0x00010002, long(2992))
	e.fragment(big, 0, 1480, 4, true)
	e.fragment(big, 1480, 2960, 4, true)
	e.fragment(big, 2960, 3000, 4, false)
	e.settle()
}

func wireFragmentsOverlap(e *encounter) {
	echo := e.icmp(8, 0, 0x00010002, long(40))
	e.fragment(echo, 0, 24, 1, true)
	e.fragment(echo, 16, 48, 1, false)
	e.settle()
	e.fragment(echo, 24, 48, 2, false)
	e.fragment(echo, 0, 32, 2, true)
	e.settle()
	e.fragment(echo, 0, 20, 3, true) // not a multiple of eight
	e.fragment(echo, 24, 48, 3, false)
	e.settle()
}

func wireProtocol(e *encounter) {
	for _, p := range []header.Protocol{0, 4, 41, 47, 50, 99, 132, 253, 255} {
		e.says(fmt.Sprintf("protocol %d", p), e.wrap(p, []byte("whatever it may be")))
		e.within(40 * time.Millisecond)
	}
}

func wireBadHeaders(e *encounter) {
	whole := func() []byte { return e.wrap(header.ProtocolICMP, e.icmp(8, 0, 0x00010002, "hello")) }
	sum := func(b []byte) []byte {
		b[10], b[11] = 0, 0
		be.PutUint16(b[10:], ^header.Checksum(b[:20], 0))
		return b
	}
	b := whole()
	b[10] ^= 1
	e.says("bad checksum", b)
	e.settle()
	for _, c := range []struct {
		what  string
		at    int
		value byte
	}{{"version 5", 0, 0x55}, {"four words", 0, 0x44}, {"fifteen words", 0, 0x4f}, {"too long", 3, 200}, {"too short", 3, 19}, {"cut", 3, 30}, {"the reserved bit", 6, 0x80}} {
		b := whole()
		b[c.at] = c.value
		e.says(c.what, sum(b))
		e.settle()
	}
	e.says("with a trailer", append(whole(), "trailer"...))
	e.settle()
}

func wireIPOptions(e *encounter) {
	for _, o := range [][]byte{{1, 1, 1, 0}, {7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0}, {68, 12, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0}, {131, 7, 4, 192, 0, 2, 9, 0},
		{148, 4, 0, 0}, {200, 4, 1, 2}, {7, 2, 4, 0}, {7, 40, 4, 0},
		{7, 3, 4, 0}, {7, 7, 4, 0, 0, 0, 0, 0}, {7, 7, 8, 192, 0, 2, 9, 0}, {7, 7, 3, 0, 0, 0, 0, 0}, {7, 7, 5, 0, 0, 0, 0, 0}, {1, 7, 7, 4, 0, 0, 0, 0},
		{68, 4, 5, 0}, {68, 4, 5, 0xf0}, {68, 8, 9, 0x10, 1, 2, 3, 4}, {68, 8, 4, 0, 0, 0, 0, 0}, {68, 8, 5, 2, 0, 0, 0, 0},
		{68, 12, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0}, {68, 12, 5, 3, 192, 0, 2, 1, 0, 0, 0, 0}, {68, 12, 5, 3, 192, 0, 2, 9, 0, 0, 0, 0}, {68, 8, 5, 1, 0, 0, 0, 0}} {
		e.says(fmt.Sprintf("echo with option %d", o[0]), e.wrap(header.ProtocolICMP, e.icmp(8, 0, 0x00010002, "hello"), func(h *header.IPv4) { h.Options = o }))
		if o[0] == 68 { // the time of day
			for _, line := range e.answers() {
				if at := strings.Index(line, "options "); at >= 0 {
					line = line[:min(len(line), at+len("options 44 08 09 10"))]
				}
				e.log = append(e.log, line)
			}
			continue
		}
		e.settle()
	}
}

func wireRaw(e *encounter) {
	d := e.on(e.sys, AF_INET, SOCK_RAW, 253)
	e.note("connect", d.Connect(netip.AddrPortFrom(e.far, 0)))
	e.send(d, "raw")
	e.settle()
	e.says("protocol 253", e.wrap(253, []byte("answer")))
	e.settle()
	e.recv(d, 100, 0)
	icmp := e.on(e.sys, AF_INET, SOCK_RAW, 1)
	e.note("connect", icmp.Connect(netip.AddrPortFrom(e.far, 0)))
	e.send(icmp, string(e.icmp(8, 0, 0x00050006, "ping")))
	e.settle()
	e.says("echo reply", e.wrap(header.ProtocolICMP, e.icmp(0, 0, 0x00050006, "ping")))
	e.settle()
	e.recv(icmp, 100, 0)
	e.send(icmp, long(1600))
	e.settle()
}

func wireRawHeader(e *encounter) {
	d := e.on(e.sys, AF_INET, SOCK_RAW, 253)
	e.option(d, SOL_IP, IP_HDRINCL, 1)
	for _, change := range []func(h *header.IPv4){
		func(h *header.IPv4) {}, func(h *header.IPv4) { h.TTL = 5; h.TOS = 8; h.DontFragment = false },
		func(h *header.IPv4) { h.Src = netip.MustParseAddr("0.0.0.0") }, func(h *header.IPv4) { h.Src = netip.MustParseAddr("203.0.113.5") },
		func(h *header.IPv4) { h.TotalLength = 99 }, func(h *header.IPv4) { h.Protocol = 200 },
		func(h *header.IPv4) { h.Options = []byte{1, 1, 1, 0} },
	} {
		b := e.wrap(253, []byte("raw"), func(h *header.IPv4) { h.Src, h.Dst = h.Dst, h.Src; change(h) })
		e.sendTo(d, "192.0.2.2:0", string(b), 0)
	}
	e.sendTo(d, "192.0.2.2:0", "too short", 0)
	e.sendTo(d, "192.0.2.2:0", long(1501), 0)
}

func wireARP(e *encounter) {
	e.writeARPDown()
	d := e.at5000()
	e.sendTo(d, "192.0.2.99:7", "hi", 0)
	e.within(3400 * time.Millisecond)
	e.pendingError(d)
	e.sendTo(d, "192.0.2.99:7", "hi", 0)
}

func wireNotForUs(e *encounter) {
	for _, to := range []string{"192.0.2.77", "203.0.113.1", "127.0.0.1", "0.0.0.0", "240.0.0.1"} {
		b := e.wrap(header.ProtocolICMP, e.icmp(8, 0, 0x00010002, "hello"), func(h *header.IPv4) { h.Dst = netip.MustParseAddr(to) })
		e.says("echo to "+to, b)
		e.settle()
	}
}
