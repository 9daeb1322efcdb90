package differential

import (
	"time"

	. "septet/socket"
)

// What a connection answers to what it receives, and what waiting does.

var wireReceivings = []wireScript{
	{name: "ACKs of a young connection", run: wireQuickACKs},
	{name: "delayed ACK", run: wireDelayedACK},
	{name: "two full segments", run: wireTwoFull},
	{name: "ACK with the answer", run: wirePiggyback},
	{name: "quickack off and on", run: wireQuickACKOption},
	{name: "out of order", run: wireOutOfOrder},
	{name: "out of order with SACK", run: wireOutOfOrderSACK},
	{name: "duplicates", run: wireDuplicateData},
	{name: "duplicates with SACK", run: wireDuplicateSACK},
	{name: "overlapping segments", run: wireOverlap},
	{name: "beyond the window", run: wireBeyondWindow},
	{name: "window closes and opens", run: wireWindowCloses},
	{name: "urgent data arrives", run: wireUrgentIn},
	{name: "odd flags", run: wireOddFlags},
	{name: "bad checksum of data", run: wireBadData},
	{name: "length lies", run: wireTCPLength},
	{name: "keep-alive of the peer", run: wirePeerKeepalive},
	{name: "window probe of the peer", run: wirePeerProbe},
	{name: "old timestamp", run: wirePAWS},
}

func wireQuickACKs(e *encounter) {
	_, f := e.served()
	for i := range 4 {
		f.send(seg{flags: "PA", seq: 1 + 5*i, ack: 1, data: "hello"})
		e.within(100 * time.Millisecond)
	}
}

func wireDelayedACK(e *encounter) {
	d, f := e.served()
	n := 0
	for i := range 4 { // a conversation: the host answers each
		f.send(seg{flags: "PA", seq: 1 + 5*i, ack: 1 + n, data: "hello"})
		e.settle()
		e.recv(d, 10, 0)
		e.send(d, "hi")
		n += 2
		e.settle()
	}
	f.send(seg{flags: "PA", seq: 21, ack: 1 + n, data: "hello"})
	e.within(300 * time.Millisecond)
}

func wireTwoFull(e *encounter) {
	d, f := e.served()
	f.send(seg{flags: "A", seq: 1, ack: 1, data: long(1460)})
	f.send(seg{flags: "A", seq: 1461, ack: 1, data: long(1460)})
	e.settle()
	e.recv(d, 5000, 0)
	e.settle()
}

func wirePiggyback(e *encounter) {
	d, f := e.client()
	e.send(d, "request")
	e.settle()
	f.send(seg{flags: "PA", seq: 1, ack: 8, data: "reply"})
	e.settle()
	e.recv(d, 10, 0)
	e.send(d, "request")
	e.settle()
	f.send(seg{flags: "PA", seq: 6, ack: 15, data: "reply"})
	e.within(100 * time.Millisecond)
}

func wireQuickACKOption(e *encounter) {
	d, f := e.served()
	e.option(d, SOL_TCP, TCP_QUICKACK, 0)
	f.send(seg{flags: "PA", seq: 1, ack: 1, data: "hello"})
	e.within(300 * time.Millisecond)
	e.option(d, SOL_TCP, TCP_QUICKACK, 0)
	f.send(seg{flags: "PA", seq: 6, ack: 1, data: "hello"})
	e.settle()
	e.option(d, SOL_TCP, TCP_QUICKACK, 1)
	e.within(60 * time.Millisecond)
}

func wireOutOfOrder(e *encounter) {
	d, f := e.served()
	f.send(seg{flags: "PA", seq: 6, ack: 1, data: "world"})
	e.settle()
	f.send(seg{flags: "PA", seq: 20, ack: 1, data: "later"})
	e.settle()
	f.send(seg{flags: "PA", seq: 1, ack: 1, data: "hello"})
	e.settle()
	e.recv(d, 30, 0)
}

func wireOutOfOrderSACK(e *encounter) {
	d, f := e.servedWith(withSACK)
	for _, seq := range []int{6, 20, 40, 60, 80, 11, 1} {
		f.send(seg{flags: "PA", seq: seq, ack: 1, data: "world"})
		e.settle()
	}
	e.recv(d, 30, 0)
}

func wireDuplicateData(e *encounter) {
	_, f := e.served()
	for range 3 {
		f.send(seg{flags: "PA", seq: 1, ack: 1, data: "hello"})
		e.settle()
	}
}

func wireDuplicateSACK(e *encounter) {
	_, f := e.servedWith(withSACK)
	for _, seq := range []int{1, 1, 20, 20, 3, 18} {
		f.send(seg{flags: "PA", seq: seq, ack: 1, data: "hello"})
		e.settle()
	}
}

func wireOverlap(e *encounter) {
	d, f := e.served()
	f.send(seg{flags: "PA", seq: 4, ack: 1, data: "DEF"})
	e.settle()
	f.send(seg{flags: "PA", seq: 1, ack: 1, data: "abcdefgh"})
	e.settle()
	e.recv(d, 20, 0)
	f.send(seg{flags: "PA", seq: 5, ack: 1, data: "efghij"})
	e.settle()
	e.recv(d, 20, 0)
	f.send(seg{flags: "PA", seq: -2, ack: 1, data: "xx"})
	e.settle()
}

func wireBeyondWindow(e *encounter) {
	_, f := e.served()
	f.send(seg{flags: "PA", seq: 1 << 20, ack: 1, data: "far"})
	e.settle()
	f.send(seg{flags: "PA", seq: -1 << 20, ack: 1, data: "old"})
	e.settle()
}

func wireWindowCloses(e *encounter) {
	d, f := e.served(set(SOL_SOCKET, SO_RCVBUF, 4096))
	seq := 1
	for range 8 {
		e.transmit(f.packet(seg{flags: "A", seq: seq, ack: 1, data: long(1000)}))
		e.loop.Sleep(60 * time.Millisecond)
		for _, line := range e.take() { // how much fits is each system's own affair
			if len(line) > 6 && line[len(line)-6:] == " win 0" {
				e.note("the window is closed")
				goto closed
			}
		}
		seq += 1000
	}
	e.note("the window never closes")
closed:
	e.loop.Sleep(soon)
	e.take()
	for range 20 {
		if n, _ := d.Recv(make([]byte, 4000), MSG_DONTWAIT); n <= 0 {
			break
		}
	}
	e.loop.Sleep(soon)
	opened := false
	for _, line := range e.take() {
		opened = opened || len(line) < 6 || line[len(line)-6:] != " win 0"
	}
	e.note("an ACK says that the window has opened", opened)
}

func wireUrgentIn(e *encounter) {
	d, f := e.served()
	f.send(seg{flags: "PAU", seq: 1, ack: 1, data: "abc!", urg: 4})
	e.within(60 * time.Millisecond)
	e.recv(d, 10, MSG_OOB)
	e.recv(d, 10, 0)
	f.send(seg{flags: "PAU", seq: 5, ack: 1, data: "x", urg: 500})
	e.within(60 * time.Millisecond)
	e.recv(d, 10, 0)
	e.recv(d, 10, MSG_OOB)
}

func wireOddFlags(e *encounter) {
	d, f := e.served()
	for _, s := range []seg{{flags: "", data: "a"}, {flags: "P", data: "a"}, {flags: "FSA", ack: 1}, {flags: "SFRPAU", seq: 10, ack: 1}, {flags: "F"}, {flags: "U", urg: 7}} {
		s.seq++
		f.send(s)
		e.settle()
	}
	e.recv(d, 10, 0)
}

func wireBadData(e *encounter) {
	d, f := e.served()
	f.send(seg{flags: "PA", seq: 1, ack: 1, data: "hello", bad: true})
	e.settle()
	f.send(seg{flags: "RA", seq: 1, ack: 1, bad: true})
	e.settle()
	e.recv(d, 10, 0)
}

func wireTCPLength(e *encounter) {
	d, f := e.served()
	b := f.packet(seg{flags: "PA", seq: 1, ack: 1, data: "hello"})
	for _, offset := range []byte{0, 4, 15} {
		b[32] = offset << 4
		e.says("a wrong data offset", b)
		e.settle()
	}
	b = f.packet(seg{flags: "PA", seq: 1, ack: 1, data: "hello"})
	e.says("longer than the header says", append(b, "trailer"...))
	e.within(60 * time.Millisecond)
	e.recv(d, 10, 0)
	b = f.packet(seg{flags: "PA", seq: 6, ack: 1, data: "world"})
	e.says("shorter than the header says", b[:len(b)-2])
	e.settle()
	e.recv(d, 10, 0)
}

func wirePeerKeepalive(e *encounter) {
	_, f := e.served()
	f.send(seg{flags: "A", seq: 0, ack: 1})
	e.settle()
	f.send(seg{flags: "A", seq: 0, ack: 1, data: "x"})
	e.settle()
}

func wirePeerProbe(e *encounter) {
	_, f := e.served()
	for range 3 {
		f.send(seg{flags: "A", seq: 0, ack: 1})
	}
	e.within(600 * time.Millisecond)
	f.send(seg{flags: "A", seq: 0, ack: 1})
	e.settle()
}

func wirePAWS(e *encounter) {
	_, f := e.servedWith(withAll)
	old := append([]byte{1, 1, 8, 10, 0, 0, 0, 1}, 0, 0, 0, 0)
	now := append([]byte{1, 1, 8, 10, 0, 0, 4, 0}, 0, 0, 0, 0)
	f.send(seg{flags: "PA", seq: 1, ack: 1, data: "hello", opts: now})
	e.settle()
	f.send(seg{flags: "PA", seq: 6, ack: 1, data: "world", opts: old})
	e.settle()
	f.send(seg{flags: "R", seq: 6, opts: old})
	e.settle()
}

var wireTimers = []wireScript{
	{name: "data sent again", run: wireRetransmit},
	{name: "user timeout", run: wireUserTimeout},
	{name: "keep-alive", run: wireKeepalive},
	{name: "keep-alive answered", run: wireKeepaliveAnswered},
	{name: "data sent again, many segments", run: wireRetransmitMany},
	{name: "data sent again, ACKs one by one", run: wireRetransmitSlowly},
	{name: "SYN to the end", run: wireSYNForever, slow: true},
	{name: "SYN,ACK to the end", run: wireSYNACKForever, slow: true},
}

func wireRetransmit(e *encounter) {
	d, f := e.served()
	e.send(d, "hello")
	e.within(3300 * time.Millisecond)
	f.send(seg{flags: "A", seq: 1, ack: 6})
	e.settle()
}

func wireRetransmitMany(e *encounter) {
	d, f := e.served()
	e.send(d, long(4*1460))
	e.within(900 * time.Millisecond)
	f.send(seg{flags: "A", seq: 1, ack: 1461})
	e.settle()
}

func wireRetransmitSlowly(e *encounter) {
	d, f := e.servedWith(withSACK)
	e.send(d, long(8*e.mss))
	e.within(300 * time.Millisecond)
	for n := range 4 {
		f.send(seg{flags: "A", seq: 1, ack: 1 + (n+1)*e.mss})
		e.settle()
	}
}

func wireUserTimeout(e *encounter) {
	d, f := e.served()
	e.option(d, SOL_TCP, TCP_USER_TIMEOUT, 500)
	e.send(d, "hello")
	e.within(1200 * time.Millisecond)
	e.pendingError(d)
	f.send(seg{flags: "A", seq: 1, ack: 6})
	e.settle()
}

func wireKeepalive(e *encounter) {
	d, f := e.served(set(SOL_SOCKET, SO_KEEPALIVE, 1), set(SOL_TCP, TCP_KEEPIDLE, 1), set(SOL_TCP, TCP_KEEPINTVL, 1), set(SOL_TCP, TCP_KEEPCNT, 2))
	e.within(3600 * time.Millisecond)
	e.pendingError(d)
	f.send(seg{flags: "A", seq: 1, ack: 1})
	e.settle()
}

func wireKeepaliveAnswered(e *encounter) {
	_, f := e.served(set(SOL_SOCKET, SO_KEEPALIVE, 1), set(SOL_TCP, TCP_KEEPIDLE, 1), set(SOL_TCP, TCP_KEEPINTVL, 1), set(SOL_TCP, TCP_KEEPCNT, 1))
	for range 2 {
		e.within(1200 * time.Millisecond)
		f.send(seg{flags: "A", seq: 1, ack: 1})
		e.settle()
	}
}

func wireSYNForever(e *encounter) {
	d, _ := e.calling(set(SOL_TCP, TCP_SYNCNT, 5))
	e.within(9 * time.Second)
	e.pendingError(d)
}

func wireSYNACKForever(e *encounter) {
	_, f := e.listening()
	f.send(seg{flags: "S", opts: mss1460})
	e.within(20 * time.Second)
}

// wireFixedWindows is of the windows that SYNs offer.
func wireFixedWindows(e *encounter) {
	buffer := func(n int) func(Descriptor) { return set(SOL_SOCKET, SO_RCVBUF, n) }
	clamp := func(n int) func(Descriptor) { return set(SOL_TCP, TCP_WINDOW_CLAMP, n) }
	mss := func(n int) func(Descriptor) { return set(SOL_TCP, TCP_MAXSEG, n) }
	for i, options := range [][]func(Descriptor){
		{buffer(3000)}, {buffer(65535)}, {buffer(65536)}, {buffer(200000)}, {buffer(1000), mss(900)}, {mss(700)},
		{clamp(5000), mss(900)}, {clamp(5000), buffer(4000)}, {clamp(60000), buffer(40000)}, {clamp(100000)},
	} {
		d, _ := e.calling(options...)
		e.flows = e.flows[len(e.flows)-1:]
		e.settle()
		e.close(d)
		l, f := e.listening(options...)
		e.flows = e.flows[len(e.flows)-1:]
		for j, opts := range [][]byte{mss1460, withScale, withAll} {
			f.own, f.known = uint16(41000+10*i+j), false
			f.send(seg{flags: "S", opts: opts})
			e.settle()
		}
		e.close(l)
		e.quiet()
	}
}
