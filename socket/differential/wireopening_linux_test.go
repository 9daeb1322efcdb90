package differential

import (
	"net/netip"
	"time"

	"septet/header"
	. "septet/socket"
)

// How connections begin: what SYNs say, and what comes back.

var wireOpenings = []wireScript{
	{name: "SYN of a connect", run: wireConnect},
	{name: "SYN with options of the socket", run: wireConnectOptions},
	{name: "windows of fixed buffers", run: wireFixedWindows},
	{name: "SYN,ACK to each set of options", run: wireAnswers},
	{name: "SYN refused", run: wireRefused},
	{name: "segments to a port where nobody listens", run: wireNobody},
	{name: "segments to a listener", run: wireAtListener},
	{name: "SYN refused at once", run: wireRefusedByPeer},
	{name: "SYN sent again", run: wireSYNAgain},
	{name: "SYN,ACK sent again", run: wireSYNACKAgain},
	{name: "SYN twice", run: wireSYNTwice},
	{name: "another SYN in SYN-RECEIVED", run: wireOtherSYN},
	{name: "bad ACK in SYN-RECEIVED", run: wireBadThird},
	{name: "reset in SYN-RECEIVED", run: wireResetHalfOpen},
	{name: "FIN in SYN-RECEIVED", run: wireFINThird},
	{name: "data with the third segment", run: wireDataThird},
	{name: "data in a SYN", run: wireDataInSYN},
	{name: "SYN with FIN, SYN with RST", run: wireOddSYNs},
	{name: "simultaneous open", run: wireBothOpen},
	{name: "bad answers to a SYN", run: wireBadAnswers},
	{name: "SYN,ACK with data", run: wireSYNACKData},
	{name: "SYN,ACK again on a connection", run: wireSYNACKOpen},
	{name: "SYN to a full backlog", run: wireFullBacklog},
	{name: "accept after a full backlog", run: wireBacklogDrains},
	{name: "listener closed with connections waiting", run: wireListenerClosed},
	{name: "deferred accept", run: wireDeferred},
	{name: "ICMP errors in SYN-SENT", run: wireErrorsOpening},
	{name: "fragmentation needed for a SYN", run: wireTooBigOpening},
	{name: "close while connecting", run: wireCloseConnecting},
	{name: "connect gives up", run: wireGivesUp},
	{name: "SYN with a bad checksum", run: wireBadChecksum},
	{name: "SYN from odd addresses", run: wireOddSources, four: true},
	{name: "SYN asking for ECN", run: wireECN},
}

func wireConnect(e *encounter) {
	d, f := e.calling()
	e.settle()
	f.send(seg{flags: "SA", ack: 1, opts: withAll})
	e.settle()
	e.pendingError(d)
	e.send(d, "hello")
	e.settle()
}

func wireConnectOptions(e *encounter) {
	_, f := e.calling(set(SOL_TCP, TCP_MAXSEG, 1000), set(SOL_SOCKET, SO_RCVBUF, 8192), set(SOL_IP, IP_TTL, 9), set(SOL_IP, IP_TOS, 0x10))
	e.settle()
	f.send(seg{flags: "SA", ack: 1, opts: mss1460})
	e.settle()
	_, f = e.calling(set(SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT), set(SOL_TCP, TCP_WINDOW_CLAMP, 4000))
	f.own = 80
	e.settle()
}

func wireAnswers(e *encounter) {
	_, f := e.listening()
	for i, opts := range [][]byte{nil, mss(100), mss1460, withSACK, withScale, withAll, mss(0),
		{header.OptionEnd, 0, 0, 0}, {header.OptionMSS, 0, 5, 5}, {header.OptionMSS, 40, 5, 5}, {header.OptionWindowScale, 3, 200, 1}, {200, 4, 1, 1}} {
		f.own, f.known = uint16(41000+i), false
		f.send(seg{flags: "S", opts: opts})
		e.settle()
		f.send(seg{flags: "R", seq: 1})
	}
}

func wireRefused(e *encounter) {
	f := e.flow(40000, 9)
	for _, s := range []seg{{flags: "S"}, {flags: "S", data: "abc"}, {flags: "SF"}, {flags: "S", opts: withAll}} {
		f.send(s)
		e.settle()
	}
}

func wireNobody(e *encounter) {
	f := e.flow(40000, 9)
	for _, flags := range []string{"A", "FA", "F", "", "PA", "SA", "R", "RA", "U", "SFPUA"} {
		f.send(seg{flags: flags, seq: 5, ack: 77, data: "xyz"})
		e.settle()
	}
}

func wireAtListener(e *encounter) {
	_, f := e.listening()
	for _, flags := range []string{"A", "FA", "F", "", "PA", "SA", "R", "RA", "U", "SR"} {
		f.send(seg{flags: flags, seq: 5, ack: 77, data: "xyz"})
		e.settle()
	}
}

func wireRefusedByPeer(e *encounter) {
	d, f := e.calling()
	e.settle()
	f.send(seg{flags: "RA", ack: 1})
	e.settle()
	e.pendingError(d)
}

func wireSYNAgain(e *encounter) {
	e.calling()
	e.within(3500 * time.Millisecond)
}

func wireSYNACKAgain(e *encounter) {
	_, f := e.listening()
	f.send(seg{flags: "S", opts: mss1460})
	e.within(3500 * time.Millisecond)
	f.send(seg{flags: "A", seq: 1, ack: 1})
	e.settle()
}

func wireSYNTwice(e *encounter) {
	_, f := e.listening()
	for range 2 {
		f.send(seg{flags: "S", opts: mss1460})
		e.settle()
	}
	f.send(seg{flags: "A", seq: 1, ack: 1})
	e.settle()
	f.send(seg{flags: "S", opts: mss1460}) // established by now
	e.settle()
}

func wireOtherSYN(e *encounter) {
	_, f := e.listening()
	f.send(seg{flags: "S", opts: mss1460})
	e.settle()
	for _, seq := range []int{100, 1 << 20, -100} {
		f.known = false
		f.send(seg{flags: "S", seq: seq, opts: mss1460})
		e.settle()
	}
}

func wireBadThird(e *encounter) {
	_, f := e.listening()
	f.send(seg{flags: "S", opts: mss1460})
	e.settle()
	for _, s := range []seg{{flags: "A", seq: 1, ack: 2}, {flags: "A", seq: 1, ack: 0}, {flags: "A", seq: 2, ack: 1}, {flags: "A", seq: -5, ack: 1}, {flags: "A", seq: 1 << 20, ack: 1}, {flags: "", seq: 1}} {
		f.send(s)
		e.settle()
	}
}

func wireResetHalfOpen(e *encounter) {
	l, f := e.listening()
	for _, s := range []seg{{flags: "R", seq: 1}, {flags: "R", seq: 5}, {flags: "R", seq: 1 << 20}, {flags: "R", seq: 0}, {flags: "RA", seq: 1, ack: 55}} {
		f.own++
		f.known = false
		f.send(seg{flags: "S", opts: mss1460})
		e.settle()
		f.send(s)
		e.settle()
		f.send(seg{flags: "A", seq: 1, ack: 1})
		e.settle()
	}
	e.must("nonblock", l.SetNonblock(true))
	_, err := e.accept(l)
	e.note("accept", err)
}

func wireFINThird(e *encounter) {
	l, f := e.listening()
	f.send(seg{flags: "S", opts: mss1460})
	e.settle()
	f.send(seg{flags: "FA", seq: 1, ack: 1})
	e.settle()
	d, err := e.accept(l)
	e.must("accept", err)
	e.recv(d, 10, 0)
	e.close(d)
	e.settle()
}

func wireDataThird(e *encounter) {
	l, f := e.listening()
	f.send(seg{flags: "S", opts: mss1460})
	e.settle()
	f.send(seg{flags: "PA", seq: 1, ack: 1, data: "hello"})
	e.within(100 * time.Millisecond)
	d, err := e.accept(l)
	e.must("accept", err)
	e.recv(d, 10, 0)
	e.settle()
}

func wireDataInSYN(e *encounter) {
	l, f := e.listening()
	f.send(seg{flags: "S", opts: mss1460, data: "early"})
	e.settle()
	f.send(seg{flags: "A", seq: 1, ack: 1})
	e.settle()
	d, err := e.accept(l)
	e.must("accept", err)
	e.recv(d, 10, 0)
	f.send(seg{flags: "A", seq: 1, ack: 1, data: "early"})
	e.settle()
	e.recv(d, 10, 0)
}

func wireOddSYNs(e *encounter) {
	_, f := e.listening()
	for _, flags := range []string{"SF", "SR", "SU", "SP", "SFRPAU"} {
		f.own++
		f.known = false
		f.send(seg{flags: flags, ack: 9, opts: mss1460})
		e.settle()
	}
}

func wireBothOpen(e *encounter) {
	d, f := e.calling()
	e.settle()
	f.send(seg{flags: "S", opts: mss1460})
	e.settle()
	f.send(seg{flags: "SA", ack: 1, opts: mss1460})
	e.settle()
	e.pendingError(d)
	e.send(d, "both")
	e.settle()
	f.send(seg{flags: "A", seq: 1, ack: 5})
	e.close(d)
	e.settle()
}

func wireBadAnswers(e *encounter) {
	d, f := e.calling()
	e.settle()
	for _, s := range []seg{{flags: "SA", ack: 0}, {flags: "SA", ack: 2}, {flags: "A", ack: 1}, {flags: "A", ack: 7}, {flags: "RA", ack: 0}, {flags: "RA", ack: 2}, {flags: "R"}, {flags: "F"}, {flags: ""}, {flags: "FA", ack: 1}} {
		f.send(s)
		e.settle()
	}
	e.pendingError(d)
}

func wireSYNACKData(e *encounter) {
	d, f := e.calling()
	e.settle()
	f.send(seg{flags: "SA", ack: 1, opts: mss1460, data: "eager"})
	e.within(100 * time.Millisecond)
	e.recv(d, 10, 0)
}

func wireSYNACKOpen(e *encounter) {
	_, f := e.client()
	f.send(seg{flags: "SA", ack: 1, opts: mss1460})
	e.settle()
	f.send(seg{flags: "SA", seq: 1000, ack: 1, opts: mss1460})
	e.settle()
}

func wireFullBacklog(e *encounter) {
	l := e.make(SOCK_STREAM)
	a := e.bind(l, e.near, "server")
	e.must("listen", l.Listen(1))
	for i := range uint16(4) {
		f := e.flow(40000+i, a.Port())
		f.send(seg{flags: "S", opts: mss1460})
		e.settle()
		f.send(seg{flags: "A", seq: 1, ack: 1})
		e.settle()
	}
}

func wireBacklogDrains(e *encounter) {
	l := e.make(SOCK_STREAM)
	a := e.bind(l, e.near, "server")
	e.must("listen", l.Listen(0))
	f := e.flow(40000, a.Port())
	second := e.flow(40001, a.Port())
	for _, f := range []*flow{f, second} {
		f.send(seg{flags: "S", opts: mss1460})
		e.settle()
	}
	for _, f := range []*flow{f, second} {
		f.send(seg{flags: "A", seq: 1, ack: 1})
		e.settle()
	}
	_, err := e.accept(l)
	e.note("accept", err)
	second.send(seg{flags: "PA", seq: 1, ack: 1, data: "me too"})
	e.within(1200 * time.Millisecond)
	second.send(seg{flags: "S", opts: mss1460})
	e.settle()
}

func wireListenerClosed(e *encounter) {
	l, f := e.listening()
	f.send(seg{flags: "S", opts: mss1460})
	e.settle()
	f.send(seg{flags: "A", seq: 1, ack: 1})
	half := e.flow(40001, f.host)
	half.send(seg{flags: "S", opts: mss1460})
	e.settle()
	e.close(l)
	e.settle()
	half.send(seg{flags: "A", seq: 1, ack: 1})
	e.settle()
	f.send(seg{flags: "A", seq: 1, ack: 1, data: "x"})
	e.settle()
}

func wireDeferred(e *encounter) {
	l, f := e.listening(set(SOL_TCP, TCP_DEFER_ACCEPT, 5))
	f.send(seg{flags: "S", opts: mss1460})
	e.settle()
	f.send(seg{flags: "A", seq: 1, ack: 1})
	e.within(1500 * time.Millisecond)
	f.send(seg{flags: "PA", seq: 1, ack: 1, data: "now"})
	e.settle()
	d, err := e.accept(l)
	e.must("accept", err)
	e.recv(d, 10, 0)
}

func wireErrorsOpening(e *encounter) {
	for _, m := range []struct{ kind, code uint8 }{{3, 0}, {3, 1}, {3, 2}, {3, 3}, {3, 5}, {3, 9}, {3, 10}, {3, 13}, {11, 0}, {11, 1}, {12, 0}, {4, 0}} {
		d, f := e.calling()
		f.own = 80
		e.flows = e.flows[len(e.flows)-1:]
		e.settle()
		e.says("ICMP", e.quoting(m.kind, m.code, 0, f.sent(0)))
		e.settle()
		e.pendingError(d)
		e.close(d)
	}
	d, f := e.calling()
	e.flows = e.flows[len(e.flows)-1:]
	e.settle()
	e.says("ICMP about a number that was not sent", e.quoting(3, 3, 0, f.sent(5000)))
	e.settle()
	e.pendingError(d)
}

func wireTooBigOpening(e *encounter) {
	d, f := e.calling()
	e.settle()
	e.says("fragmentation needed", e.quoting(3, 4, 600, f.sent(0)))
	e.within(1200 * time.Millisecond)
	e.pendingError(d)
	f.send(seg{flags: "SA", ack: 1, opts: mss1460})
	e.settle()
	e.send(d, string(make([]byte, 1000)))
	e.settle()
}

func wireCloseConnecting(e *encounter) {
	d, f := e.calling()
	e.settle()
	e.close(d)
	e.settle()
	f.send(seg{flags: "SA", ack: 1, opts: mss1460})
	e.settle()
}

func wireGivesUp(e *encounter) {
	d, _ := e.calling(set(SOL_TCP, TCP_SYNCNT, 1))
	e.within(3500 * time.Millisecond)
	e.pendingError(d)
}

func wireBadChecksum(e *encounter) {
	_, f := e.listening()
	f.send(seg{flags: "S", opts: mss1460, bad: true})
	e.settle()
	f.send(seg{flags: "S", opts: mss1460})
	e.settle()
}

func wireOddSources(e *encounter) {
	_, f := e.listening()
	for _, a := range []string{"0.0.0.0", "255.255.255.255", "192.0.2.255", "224.0.0.1", "127.0.0.1", "192.0.2.1", "192.0.2.0"} {
		b := f.packet(seg{flags: "S", opts: mss1460, change: func(h *header.IPv4) { h.Src = netip.MustParseAddr(a) }})
		be.PutUint16(b[36:], 0)
		be.PutUint16(b[36:], ^header.Checksum(b[20:], header.PseudoSum(netip.MustParseAddr(a), e.peer.host, header.ProtocolTCP, len(b)-20)))
		e.says("SYN from "+a, b)
		e.settle()
	}
}

func wireECN(e *encounter) {
	_, f := e.listening()
	f.send(seg{flags: "SEW", opts: mss1460})
	e.settle()
	f.send(seg{flags: "A", seq: 1, ack: 1})
	f.send(seg{flags: "A", seq: 1, ack: 1, data: "marked", change: func(h *header.IPv4) { h.TOS = 3 }})
	e.within(100 * time.Millisecond)
}
