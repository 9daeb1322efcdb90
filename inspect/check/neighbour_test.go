package check

import (
	"testing"

	"septet/header"
	"septet/inspect"
)

// Two hosts on one cable of Ethernet, and what crosses it: segments and ARP packets.

var cards = [2]header.MAC{{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}}

// cable plays steps, and ARP packets between them.
type cable struct {
	*scene
}

func newCable() cable { return cable{newScene(complete())} }

// see feeds a frame as it is sent, and, unless it is lost, as it arrives.
func (c cable) see(b []byte, only int) {
	f := inspect.Frame{Time: c.time(), LinkType: inspect.LinkEthernet, Data: b}
	if only != 2 {
		c.judge.Feed(f)
	}
	if only != 1 {
		f.Interface = 1
		c.judge.Feed(f)
	}
}

func (c cable) segments(steps ...step) {
	for _, st := range steps {
		c.now = max(c.now, st.ms)
		b := on(c.frame(st))
		copy(b, cards[1-st.from][:])
		copy(b[6:], cards[st.from][:])
		c.see(b, st.o.only)
	}
}

// asks has an end ask all for the other's address; only is as in opts.
func (c cable) asks(ms float64, from, only int) {
	c.arp(ms, from, header.BroadcastMAC, header.ARPRequest, only, nil)
}

// answers has an end answer; damage is done to the frame on its way.
func (c cable) answers(ms float64, from int, damage func(b []byte)) {
	c.arp(ms, from, cards[1-from], header.ARPReply, 0, damage)
}

func (c cable) arp(ms float64, from int, dst header.MAC, operation uint16, only int, damage func(b []byte)) {
	c.now = max(c.now, ms)
	b := make([]byte, header.EthernetLen+header.ARPLen)
	h := header.Ethernet{Dst: dst, Src: cards[from], Type: header.EtherTypeARP}
	h.Put(b)
	a := header.ARP{
		Operation: operation, SenderMAC: cards[from], SenderIP: ports[from].Addr(), TargetIP: ports[1-from].Addr(),
	}
	a.Put(b[header.EthernetLen:])
	if damage == nil {
		c.see(b, only)
		return
	}
	c.see(b, 1)
	damage(b)
	c.see(b, 2)
}

// waiting is an open connection on a cable, in which the server asks for the client's
// address, and gets a segment meanwhile that it cannot acknowledge.
func waiting() cable {
	c := newCable()
	c.segments(hello(func([]step) {})...)
	c.asks(10, server, 1)
	c.segments(step{ms: 20, from: client, f: psh | ack, seq: 6, ack: 1, data: "world"})
	return c
}

// RFC 1122, section 2.3.2.2, asks a host to keep one packet while it asks for an
// address. The others are lost where nobody sees them.
func TestWhatWaitsForAnAddressMayBeGivenUp(t *testing.T) {
	c := waiting()
	c.segments(step{ms: 600, from: client, f: psh | ack, seq: 6, ack: 1, data: "world"})
	c.answers(700, client, nil)
	// Three bytes of the server and its FIN were given up: it stands at 5 and not at 1.
	c.segments(
		step{ms: 701, from: client, f: psh | ack, seq: 11, ack: 1, data: "!"},
		step{ms: 702, from: server, f: ack, seq: 5, ack: 12, o: opts{tsecr: 1701}},
		step{ms: 900, from: server, f: fin | psh | ack, seq: 1, ack: 12, data: "abc", o: opts{tsecr: 1701}},
		step{ms: 901, from: client, f: ack, seq: 12, ack: 5})
	clean(t, "a host that gives up what waits", c.judge.Finish())
}

// What damaged answers tell is not believed: the server waits on.
func TestADamagedAnswerEndsNoWaiting(t *testing.T) {
	const arp = header.EthernetLen
	for what, damage := range map[string]func(b []byte){
		"for another card":           func(b []byte) { b[5] ^= 8 },
		"of another type":            func(b []byte) { b[12] ^= 1 },
		"of another operation":       func(b []byte) { b[arp+7] ^= 4 },
		"with another sender's card": func(b []byte) { b[arp+8] ^= 1 },
		"with another sender":        func(b []byte) { b[arp+17] ^= 4 },
	} {
		c := waiting()
		c.answers(30, client, damage)
		c.segments(step{ms: 40, from: client, f: psh | ack, seq: 11, ack: 1, data: "!"},
			step{ms: 1000, from: client, f: psh | ack, seq: 11, ack: 1, data: "!"})
		clean(t, "a host that waits, after an answer "+what, c.judge.Finish())
	}
}

// Whoever has the address must answer; and what was given up explains nothing for ever.
func TestAHostThatNeedNotWaitIsJudged(t *testing.T) {
	for what, told := range map[string]func(c cable){
		"it is answered":        func(c cable) { c.answers(30, client, nil) },
		"the other asks itself": func(c cable) { c.asks(30, client, 0) },
	} {
		c := waiting()
		told(c)
		c.segments(step{ms: 40, from: client, f: psh | ack, seq: 11, ack: 1, data: "!"},
			step{ms: 1000, from: client, f: psh | ack, seq: 11, ack: 1, data: "!"})
		r := c.judge.Finish()
		if len(r.Findings) != 1 || r.Findings[0].Rule != ruleAckDelay.Name {
			t.Errorf("%s, and it does not acknowledge: should be found, the judge says\n%s", what, text(r))
		}
	}
	c := newCable()
	c.segments(hello(func([]step) {})...)
	c.asks(10, server, 0)
	c.answers(11, client, nil)
	c.segments(step{ms: 5000, from: client, f: psh | ack, seq: 6, ack: 1, data: "!"},
		step{ms: 5001, from: server, f: ack, seq: 1, ack: 7},
		step{ms: 5002, from: client, f: psh | ack, seq: 7, ack: 1, data: "!"},
		step{ms: 5003, from: server, f: ack, seq: 3, ack: 8})
	r := c.judge.Finish()
	if len(r.Findings) != 1 || r.Findings[0].Rule != ruleSequence.Name {
		t.Errorf("long after it has waited it stands beyond what it has sent: should be found, the judge says\n%s", text(r))
	}
}
