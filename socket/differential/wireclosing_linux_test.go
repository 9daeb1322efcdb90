package differential

import (
	"net/netip"
	"time"

	. "septet/socket"
)

// How connections end: FINs in every order, resets in every state, TIME-WAIT.

var wireClosings = []wireScript{
	{name: "host first", run: wireHostFirst},
	{name: "host first, FIN with the ACK", run: wireFINWithACK},
	{name: "peer first", run: wirePeerFirst},
	{name: "FIN with data", run: wireFINData},
	{name: "both at once", run: wireBothClose},
	{name: "both at once, FIN acknowledged later", run: wireClosing},
	{name: "half closed by the host, peer sends on", run: wireHalfHost},
	{name: "half closed by the peer, host sends on", run: wireHalfPeer},
	{name: "shutdown of reading, then data", run: wireShutRead},
	{name: "close with data not read", run: wireUnread},
	{name: "close with data not sent", run: wireUnsent},
	{name: "linger of zero", run: wireLingerZero},
	{name: "linger of zero, data not sent", run: wireLingerZeroData},
	{name: "linger of a second, no ACK", run: wireLinger},
	{name: "data after close", run: wireDataAfterClose},
	{name: "data after close in FIN-WAIT-1", run: wireDataFinWait1},
	{name: "FIN sent again", run: wireFINAgain},
	{name: "peer's FIN twice", run: wirePeerFINTwice},
	{name: "FIN ahead of missing data", run: wireFINEarly},
	{name: "FIN ahead, with text and without", run: wireFINAhead},
	{name: "FIN and later data", run: wireAfterFIN},
	{name: "FIN after text", run: wireFINAfterText},
	{name: "FIN with text in a dialogue", run: wireFINDialogue},
	{name: "FIN with text, half closed", run: wireFINHalfClosed},
	{name: "TIME-WAIT, old segments", run: wireTimeWaitOld},
	{name: "TIME-WAIT, new SYN", run: wireTimeWaitSYN},
	{name: "TIME-WAIT, SYN with an older number", run: wireTimeWaitOldSYN},
	{name: "TIME-WAIT, reset", run: wireTimeWaitReset},
	{name: "disconnect", run: wireDisconnect},
	{name: "send after the peer's reset", run: wireSendReset},
	{name: "LINGER2", run: wireLinger2},
}

func wireHostFirst(e *encounter) {
	d, f := e.served()
	e.close(d)
	e.settle()
	f.send(seg{flags: "A", seq: 1, ack: 2})
	e.settle()
	f.send(seg{flags: "FA", seq: 1, ack: 2})
	e.settle()
	f.send(seg{flags: "FA", seq: 1, ack: 2})
	e.settle()
}

func wireFINWithACK(e *encounter) {
	d, f := e.client()
	e.close(d)
	e.settle()
	f.send(seg{flags: "FA", seq: 1, ack: 2})
	e.settle()
}

func wirePeerFirst(e *encounter) {
	d, f := e.served()
	f.send(seg{flags: "FA", seq: 1, ack: 1})
	e.within(100 * time.Millisecond)
	e.recv(d, 10, 0)
	e.close(d)
	e.settle()
	f.send(seg{flags: "A", seq: 2, ack: 2})
	e.settle()
	f.send(seg{flags: "A", seq: 2, ack: 2})
	e.settle()
}

func wireFINData(e *encounter) {
	d, f := e.served()
	f.send(seg{flags: "FPA", seq: 1, ack: 1, data: "the end"})
	e.settle()
	e.recv(d, 10, 0)
	e.recv(d, 10, 0)
	e.send(d, "mine")
	e.close(d)
	e.settle()
	f.send(seg{flags: "A", seq: 9, ack: 6})
	e.settle()
}

func wireBothClose(e *encounter) {
	d, f := e.served()
	e.close(d)
	e.settle()
	f.send(seg{flags: "FA", seq: 1, ack: 1})
	e.settle()
	f.send(seg{flags: "A", seq: 2, ack: 2})
	e.settle()
	f.send(seg{flags: "FA", seq: 1, ack: 1})
	e.settle()
}

func wireClosing(e *encounter) {
	d, f := e.served()
	e.close(d)
	e.settle()
	f.send(seg{flags: "FA", seq: 1, ack: 1})
	e.within(450 * time.Millisecond)
	f.send(seg{flags: "A", seq: 2, ack: 1}) // does not acknowledge the FIN
	e.settle()
}

func wireHalfHost(e *encounter) {
	d, f := e.served()
	e.shutdown(d, SHUT_WR)
	e.settle()
	f.send(seg{flags: "A", seq: 1, ack: 2})
	f.send(seg{flags: "PA", seq: 1, ack: 2, data: "still here"})
	e.within(100 * time.Millisecond)
	e.recv(d, 20, 0)
	e.settle()
	e.close(d)
	e.settle()
	f.send(seg{flags: "FA", seq: 11, ack: 2})
	e.settle()
}

func wireHalfPeer(e *encounter) {
	d, f := e.served()
	f.send(seg{flags: "FA", seq: 1, ack: 1})
	e.settle()
	e.send(d, "still here")
	e.settle()
	f.send(seg{flags: "A", seq: 2, ack: 11})
	e.shutdown(d, SHUT_WR)
	e.settle()
	f.send(seg{flags: "A", seq: 2, ack: 12})
	e.settle()
	f.send(seg{flags: "A", seq: 2, ack: 12, data: "late"})
	e.settle()
}

func wireShutRead(e *encounter) {
	d, f := e.served()
	e.shutdown(d, SHUT_RD)
	e.settle()
	f.send(seg{flags: "PA", seq: 1, ack: 1, data: "for nobody"})
	e.within(100 * time.Millisecond)
	e.recv(d, 20, 0)
	e.close(d)
	e.settle()
}

func wireUnread(e *encounter) {
	d, f := e.served()
	f.send(seg{flags: "PA", seq: 1, ack: 1, data: "unread"})
	e.within(60 * time.Millisecond)
	e.send(d, "answer")
	e.close(d)
	e.settle()
	f.send(seg{flags: "A", seq: 7, ack: 7})
	e.settle()
}

func wireUnsent(e *encounter) {
	d, f := e.served()
	f.send(seg{flags: "A", seq: 1, ack: 1, win: 10})
	e.send(d, "more than the window takes")
	e.close(d)
	e.settle()
	f.send(seg{flags: "A", seq: 1, ack: 11, win: 1000})
	e.settle()
	f.send(seg{flags: "A", seq: 1, ack: 28, win: 1000})
	e.settle()
}

func wireLingerZero(e *encounter) {
	d, f := e.served()
	e.note("linger", setLinger(d, true, 0))
	e.close(d)
	e.settle()
	f.send(seg{flags: "A", seq: 1, ack: 1, data: "hello?"})
	e.settle()
}

func wireLingerZeroData(e *encounter) {
	d, f := e.served()
	f.send(seg{flags: "A", seq: 1, ack: 1, win: 4})
	e.send(d, "more than four")
	e.settle()
	e.note("linger", setLinger(d, true, 0))
	e.close(d)
	e.settle()
	f.send(seg{flags: "A", seq: 1, ack: 5, win: 100})
	e.settle()
}

func wireLinger(e *encounter) {
	d, _ := e.served()
	e.note("linger", setLinger(d, true, 1))
	e.send(d, "x")
	e.note("close", d.Close()) // a second later
	e.settle()
}

func wireDataAfterClose(e *encounter) {
	d, f := e.served()
	e.close(d)
	e.settle()
	f.send(seg{flags: "A", seq: 1, ack: 2})
	e.settle()
	f.send(seg{flags: "PA", seq: 1, ack: 2, data: "too late"})
	e.settle()
	f.send(seg{flags: "FA", seq: 9, ack: 2})
	e.settle()
}

func wireDataFinWait1(e *encounter) {
	d, f := e.served()
	e.close(d)
	e.settle()
	f.send(seg{flags: "PA", seq: 1, ack: 1, data: "too late"})
	e.settle()
	f.send(seg{flags: "A", seq: 9, ack: 2})
	e.settle()
}

func wireFINAgain(e *encounter) {
	d, f := e.served()
	e.close(d)
	e.within(1700 * time.Millisecond)
	f.send(seg{flags: "A", seq: 1, ack: 2})
	e.settle()
}

func wirePeerFINTwice(e *encounter) {
	_, f := e.served()
	for range 3 {
		f.send(seg{flags: "FA", seq: 1, ack: 1})
		e.within(60 * time.Millisecond)
	}
}

func wireFINEarly(e *encounter) {
	d, f := e.servedWith(withSACK)
	f.send(seg{flags: "FA", seq: 6, ack: 1, data: "world"})
	e.settle()
	e.recv(d, 20, 0)
	f.send(seg{flags: "A", seq: 1, ack: 1, data: "hello"})
	e.settle()
	e.recv(d, 20, 0)
	e.recv(d, 20, 0)
}

func wireFINAhead(e *encounter) {
	d, f := e.servedWith(withSACK)
	for _, s := range []seg{{flags: "FA", seq: 11}, {flags: "FA", seq: 11}, {flags: "A", seq: 7, data: "or"}, {flags: "FA", seq: 6, data: "world"},
		{flags: "FA", seq: 6, data: "world"}, {flags: "A", seq: 1, data: "hello"}, {flags: "FA", seq: 6, data: "world"}, {flags: "FA", seq: 11}} {
		s.ack = 1
		f.send(s)
		e.settle()
	}
	e.recv(d, 20, 0)
}

func wireFINAfterText(e *encounter) {
	_, f := e.served()
	f.send(seg{flags: "PA", seq: 1, ack: 1, data: "hello"})
	e.within(100 * time.Millisecond)
	f.send(seg{flags: "FA", seq: 6, ack: 1})
	e.within(100 * time.Millisecond)
}

func wireFINDialogue(e *encounter) {
	d, f := e.served()
	f.send(seg{flags: "PA", seq: 1, ack: 1, data: "hello"})
	e.send(d, "answer")
	e.settle()
	f.send(seg{flags: "FPA", seq: 6, ack: 7, data: "bye"})
	e.within(100 * time.Millisecond)
	e.close(d)
	e.settle()
}

func wireFINHalfClosed(e *encounter) {
	d, f := e.served()
	e.shutdown(d, SHUT_WR)
	e.settle()
	f.send(seg{flags: "FPA", seq: 1, ack: 1, data: "bye"})
	e.settle()
	f.send(seg{flags: "A", seq: 5, ack: 2})
	e.settle()
}

func wireAfterFIN(e *encounter) {
	d, f := e.served()
	f.send(seg{flags: "FA", seq: 1, ack: 1, data: "hello"})
	e.settle()
	f.send(seg{flags: "A", seq: 7, ack: 1, data: "beyond"})
	e.settle()
	f.send(seg{flags: "A", seq: 1, ack: 1, data: "hello"})
	e.settle()
	e.recv(d, 20, 0)
}

// timeWait returns a flow whose end here is in TIME-WAIT.
func (e *encounter) timeWait(opts []byte) *flow {
	l, f := e.listening()
	e.transmit(f.packet(seg{flags: "S", opts: opts}))
	e.skip()
	e.transmit(f.packet(seg{flags: "A", seq: 1, ack: 1}))
	d, err := e.accept(l)
	e.must("accept", err)
	e.must("close", d.Close())
	e.skip()
	e.transmit(f.packet(seg{flags: "FA", seq: 1, ack: 2}))
	e.skip()
	e.quiet()
	return f
}

func wireTimeWaitOld(e *encounter) {
	f := e.timeWait(mss1460)
	for _, s := range []seg{{flags: "A", seq: 2, ack: 2}, {flags: "FA", seq: 1, ack: 2}, {flags: "PA", seq: 1, ack: 2, data: "x"}, {flags: "PA", seq: 2, ack: 2, data: "new"}, {flags: "A", seq: 9999, ack: 2}, {flags: "SA", seq: 0, ack: 1}} {
		f.send(s)
		e.settle()
	}
}

func wireTimeWaitSYN(e *encounter) {
	f := e.timeWait(mss1460)
	f.known = false
	f.send(seg{flags: "S", seq: 100000, opts: mss1460})
	e.settle()
}

func wireTimeWaitOldSYN(e *encounter) {
	f := e.timeWait(mss1460)
	f.send(seg{flags: "S", seq: -5000, opts: mss1460})
	e.settle()
	f.send(seg{flags: "S", seq: 0, opts: mss1460})
	e.settle()
}

func wireTimeWaitReset(e *encounter) {
	f := e.timeWait(mss1460)
	f.send(seg{flags: "R", seq: 2})
	e.settle()
	f.send(seg{flags: "A", seq: 2, ack: 2})
	e.settle()
}

func wireDisconnect(e *encounter) {
	d, f := e.served()
	e.note("connect to nowhere", d.Connect(netip.AddrPort{}))
	e.settle()
	f.send(seg{flags: "A", seq: 1, ack: 1, data: "x"})
	e.settle()
}

func wireSendReset(e *encounter) {
	d, f := e.served()
	f.send(seg{flags: "RA", seq: 1, ack: 1})
	e.settle()
	e.send(d, "x")
	e.send(d, "x")
	e.close(d)
	e.settle()
}

func wireLinger2(e *encounter) {
	d, f := e.served()
	e.option(d, SOL_TCP, TCP_LINGER2, 1)
	e.close(d)
	e.settle()
	f.send(seg{flags: "A", seq: 1, ack: 2})
	e.within(1300 * time.Millisecond)
	f.send(seg{flags: "FA", seq: 1, ack: 2})
	e.settle()
}
