package differential

import (
	"fmt"
	"strings"
	"time"

	. "septet/socket"
)

// What a connection sends of what the program gives it, and when.

var wireSendings = []wireScript{
	{name: "one segment", run: wireOneSegment},
	{name: "many segments", run: wireManySegments},
	{name: "more than the initial window", run: wireInitialWindow},
	{name: "Nagle", run: wireNagle},
	{name: "nodelay", run: wireNoDelay},
	{name: "nodelay set with data waiting", run: wireNoDelayLate},
	{name: "cork", run: wireCork},
	{name: "cork runs out", run: wireCorkTime},
	{name: "MSG_MORE", run: wireMore},
	{name: "close with corked data", run: wireCorkClose},
	{name: "zero window and its end", run: wireZeroWindow},
	{name: "probes of a zero window", run: wireProbes},
	{name: "silly window", run: wireSilly},
	{name: "window shrinks", run: wireShrinks},
	{name: "window beside the MSS", run: wireWindowMSS},
	{name: "urgent data", run: wireUrgent},
	{name: "urgent data in a zero window", run: wireUrgentZero},
	{name: "smaller MSS of the socket", run: wireMaxSeg},
	{name: "small MSS of the peer", run: wirePeerMSS},
	{name: "ACK of what was not sent", run: wireAckBeyond},
	{name: "ACK of a part", run: wireAckPart},
	{name: "timestamps", run: wireTimestamps},
	{name: "TTL and TOS changed", run: wireTTLTOS},
	{name: "path MTU discovery off", run: wirePMTUOff},
	{name: "fragmentation needed", run: wireTooBig},
	{name: "three duplicate ACKs", run: wireDuplicates},
	{name: "SACK of a part", run: wireSACKed},
	{name: "ICMP errors on a connection", run: wireErrorsOpen},
	{name: "ICMP errors told at once", run: wireErrorsTold},
}

func long(n int) string { return strings.Repeat("0123456789", n/10+1)[:n] }

func wireOneSegment(e *encounter) {
	d, f := e.served()
	e.send(d, "hello")
	e.settle()
	f.send(seg{flags: "A", seq: 1, ack: 6})
	e.settle()
}

func wireManySegments(e *encounter) {
	d, f := e.served()
	e.send(d, long(4000))
	e.settle()
	f.send(seg{flags: "A", seq: 1, ack: 4001})
	e.send(d, long(2920))
	e.settle()
}

func wireInitialWindow(e *encounter) {
	d, f := e.served()
	e.send(d, long(30000))
	e.settle()
	f.send(seg{flags: "A", seq: 1, ack: 2921})
	e.settle()
	f.send(seg{flags: "A", seq: 1, ack: 14601})
	e.settle()
}

func wireNagle(e *encounter) {
	d, f := e.served()
	for _, s := range []string{"a", "b", "c"} {
		e.send(d, s)
		e.settle()
	}
	f.send(seg{flags: "A", seq: 1, ack: 2})
	e.settle()
	e.send(d, long(1500))
	e.settle()
	f.send(seg{flags: "A", seq: 1, ack: 4})
	e.settle()
}

func wireNoDelay(e *encounter) {
	d, _ := e.served(set(SOL_TCP, TCP_NODELAY, 1))
	for _, s := range []string{"a", "b", "c"} {
		e.send(d, s)
		e.settle()
	}
}

func wireNoDelayLate(e *encounter) {
	d, _ := e.served()
	e.send(d, "a")
	e.send(d, "b")
	e.settle()
	e.option(d, SOL_TCP, TCP_NODELAY, 1)
	e.settle()
}

func wireCork(e *encounter) {
	d, _ := e.served()
	e.option(d, SOL_TCP, TCP_CORK, 1)
	e.send(d, "head ")
	e.settle()
	e.send(d, long(1460))
	e.settle()
	e.option(d, SOL_TCP, TCP_CORK, 0)
	e.settle()
}

func wireCorkTime(e *encounter) {
	d, f := e.served()
	e.option(d, SOL_TCP, TCP_CORK, 1)
	e.send(d, "held")
	e.within(350 * time.Millisecond)
	f.send(seg{flags: "A", seq: 1, ack: 5})
	e.option(d, SOL_TCP, TCP_NODELAY, 1)
	e.send(d, "more")
	e.settle()
}

func wireMore(e *encounter) {
	d, f := e.served()
	e.sendFlags(d, "head ", MSG_MORE)
	e.settle()
	e.send(d, "tail")
	e.settle()
	f.send(seg{flags: "A", seq: 1, ack: 10})
	e.sendFlags(d, "held", MSG_MORE)
	e.within(350 * time.Millisecond)
}

func wireCorkClose(e *encounter) {
	d, _ := e.served()
	e.option(d, SOL_TCP, TCP_CORK, 1)
	e.send(d, "held")
	e.settle()
	e.close(d)
	e.settle()
}

func wireZeroWindow(e *encounter) {
	d, f := e.served()
	f.send(seg{flags: "A", seq: 1, ack: 1, win: -1})
	e.send(d, "hello")
	e.settle()
	f.send(seg{flags: "A", seq: 1, ack: 1, win: 1000})
	e.settle()
}

func wireProbes(e *encounter) {
	d, f := e.served()
	f.send(seg{flags: "A", seq: 1, ack: 1, win: -1})
	e.send(d, "hello")
	e.within(300 * time.Millisecond)
	f.send(seg{flags: "A", seq: 1, ack: 1, win: -1})
	e.within(1600 * time.Millisecond)
	f.send(seg{flags: "A", seq: 1, ack: 1, win: 3})
	e.settle()
}

func wireSilly(e *encounter) {
	d, f := e.served()
	f.send(seg{flags: "A", seq: 1, ack: 1, win: 10})
	e.send(d, long(3000))
	e.settle()
	f.send(seg{flags: "A", seq: 1, ack: 11, win: 5})
	e.within(300 * time.Millisecond)
	f.send(seg{flags: "A", seq: 1, ack: 16, win: e.mss})
	e.settle()
}

func wireShrinks(e *encounter) {
	d, f := e.served()
	f.send(seg{flags: "A", seq: 1, ack: 1, win: 3000})
	e.send(d, long(2920))
	e.settle()
	f.send(seg{flags: "A", seq: 1, ack: 1, win: 1000})
	e.within(300 * time.Millisecond)
	f.send(seg{flags: "A", seq: 1, ack: 2921, win: 1000})
	e.send(d, "more")
	e.settle()
}

func wireWindowMSS(e *encounter) {
	d, f := e.served()
	f.send(seg{flags: "A", seq: 1, ack: 1, win: 2000})
	e.send(d, long(5000))
	e.settle()
	f.send(seg{flags: "A", seq: 1, ack: 1461, win: 2000})
	e.settle()
}

func wireUrgent(e *encounter) {
	d, f := e.served()
	e.sendFlags(d, "abc!", MSG_OOB)
	e.settle()
	e.send(d, "more")
	e.settle()
	f.send(seg{flags: "A", seq: 1, ack: 5})
	e.settle()
	e.sendFlags(d, "?", MSG_OOB)
	e.settle()
}

func wireUrgentZero(e *encounter) {
	d, f := e.served()
	f.send(seg{flags: "A", seq: 1, ack: 1, win: -1})
	e.sendFlags(d, "!", MSG_OOB)
	e.within(300 * time.Millisecond)
}

func wireMaxSeg(e *encounter) {
	d, f := e.served(set(SOL_TCP, TCP_MAXSEG, 500))
	e.send(d, long(1200))
	e.settle()
	f.send(seg{flags: "A", seq: 1, ack: 1201})
	e.option(d, SOL_TCP, TCP_MAXSEG, 300)
	e.send(d, long(700))
	e.settle()
}

func wirePeerMSS(e *encounter) {
	d, _ := e.servedWith(mss(120))
	e.send(d, long(500))
	e.settle()
}

func wireAckBeyond(e *encounter) {
	d, f := e.served()
	e.send(d, "hello")
	e.settle()
	f.send(seg{flags: "A", seq: 1, ack: 7})
	e.settle()
	f.send(seg{flags: "PA", seq: 1, ack: 100000, data: "x"})
	e.settle()
	e.recv(d, 10, 0)
	f.send(seg{flags: "A", seq: 1, ack: -10})
	e.settle()
}

func wireAckPart(e *encounter) {
	d, f := e.served()
	e.send(d, "hello")
	e.settle()
	f.send(seg{flags: "A", seq: 1, ack: 3})
	e.within(320 * time.Millisecond)
	e.send(d, " world")
	e.settle()
}

func wireTimestamps(e *encounter) {
	d, f := e.servedWith(withAll)
	e.send(d, "hello")
	e.settle()
	f.send(seg{flags: "A", seq: 1, ack: 6}) // without
	e.settle()
	e.send(d, "again")
	e.settle()
}

func wireTTLTOS(e *encounter) {
	d, f := e.served(set(SOL_IP, IP_TTL, 33), set(SOL_IP, IP_TOS, 0x20))
	e.send(d, "x")
	e.settle()
	f.send(seg{flags: "A", seq: 1, ack: 2})
	e.option(d, SOL_IP, IP_TTL, 5)
	e.option(d, SOL_IP, IP_TOS, 0xb8)
	e.send(d, "y")
	e.settle()
	f.send(seg{flags: "PA", seq: 1, ack: 3, data: "z"})
	e.within(60 * time.Millisecond)
}

func wirePMTUOff(e *encounter) {
	d, _ := e.served()
	e.option(d, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT)
	e.send(d, "x")
	e.settle()
}

func wireTooBig(e *encounter) {
	d, f := e.served()
	e.send(d, long(2920))
	e.settle()
	e.says("fragmentation needed, 1000", e.quoting(3, 4, 1000, f.sent(1)))
	e.settle()
	f.send(seg{flags: "A", seq: 1, ack: 2921})
	e.settle()
	e.send(d, long(2000))
	e.settle()
}

func wireDuplicates(e *encounter) {
	d, f := e.served()
	e.send(d, long(10*e.mss))
	e.settle()
	for range 5 {
		f.send(seg{flags: "A", seq: 1, ack: 1 + e.mss})
	}
	e.within(100 * time.Millisecond)
	f.send(seg{flags: "A", seq: 1, ack: 1 + 10*e.mss})
	e.settle()
}

func wireSACKed(e *encounter) {
	d, f := e.servedWith(withSACK)
	e.send(d, long(10*1460))
	e.settle()
	var b [12]byte
	b[0], b[1], b[2], b[3] = 1, 1, 5, 10
	be.PutUint32(b[4:], uint32(f.iss.Add(1461)))
	be.PutUint32(b[8:], uint32(f.iss.Add(1+4*1460)))
	f.send(seg{flags: "A", seq: 1, ack: 1, opts: b[:]})
	e.within(60 * time.Millisecond)
	f.send(seg{flags: "A", seq: 1, ack: 14601})
	e.settle()
}

func wireErrorsOpen(e *encounter) {
	d, f := e.served()
	e.send(d, "hello")
	e.settle()
	for _, m := range []struct{ kind, code uint8 }{{3, 0}, {3, 1}, {3, 2}, {3, 3}, {3, 13}, {11, 0}, {12, 0}, {4, 0}} {
		e.says("ICMP", e.quoting(m.kind, m.code, 0, f.sent(1)))
		e.pendingError(d)
	}
	f.send(seg{flags: "A", seq: 1, ack: 6})
	e.send(d, "still there")
	e.settle()
}

func wireErrorsTold(e *encounter) {
	asks := set(SOL_IP, IP_RECVERR, 1)
	if e.domain == AF_INET6 {
		asks = set(SOL_IPV6, IPV6_RECVERR, 1)
	}
	d, f := e.served(asks)
	ready := func() {
		fds := []PollFD{{FD: d.FD(), Events: POLLIN | POLLOUT}}
		n, err := e.sys.Poll(fds, 0)
		e.note("poll", n, fds[0].Revents, err)
	}
	for _, m := range []struct{ kind, code uint8 }{{3, 0}, {3, 1}, {3, 3}, {11, 0}, {12, 0}, {4, 0}} {
		e.send(d, "hello")
		e.quiet()
		tell := func() {
			e.says(fmt.Sprintf("ICMP %d/%d", m.kind, m.code), e.quoting(m.kind, m.code, 0, f.sent(1)))
			ready()
		}
		tell()
		e.recv(d, 10, 0)
		e.recv(d, 10, 0)
		tell()
		e.recv(d, 10, MSG_ERRQUEUE)
		e.send(d, "x")
		e.send(d, "y")
		tell()
		e.pendingError(d)
		e.pendingError(d)
		ready()
		e.quiet()
	}
}
