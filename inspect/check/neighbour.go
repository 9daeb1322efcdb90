package check

import (
	"time"

	"septet/header"
	"septet/inspect"
)

// resolution is what the judge knows of a card's questions for addresses (ARP):
// until there is an answer segments wait, and their timers run.
type resolution struct {
	asking   bool // the last question to all is not answered
	askedAt  time.Duration
	answered bool // there was an answer, the last one then
	answerAt time.Duration
}

const (
	slowest  = time.Second     // an answer may be on its way
	longest  = 4 * time.Second // a host may ask: RFC 4861, 10, has three times a second
	maxCards = 1 << 12
)

// feedARP takes an ARP packet.
func (k *Checker) feedARP(f *inspect.Frame, s *segment) {
	arrives := k.options.Arrivals != nil && k.options.Arrivals(f.Interface)
	switch {
	case s.arp.Operation == header.ARPRequest && s.card == header.BroadcastMAC && !arrives:
		r := k.asked[s.fromCard]
		r.asking, r.askedAt = true, k.now
		k.resolve(s.fromCard, r)
	case s.arp.Operation == header.ARPReply && arrives == (k.options.Arrivals != nil):
		k.resolve(s.card, resolution{answered: true, answerAt: k.now})
	}
}

func (k *Checker) resolve(card header.MAC, r resolution) {
	if _, known := k.asked[card]; known || len(k.asked) < maxCards {
		k.asked[card] = r
	}
}

// heldBack reports whether what a card sends now may have waited for an address.
func (k *Checker) heldBack(card header.MAC) bool {
	patience := slowest
	if k.options.Arrivals != nil {
		patience = 0 // the answer is seen when it arrives
	}
	r := k.asked[card]
	return r.answered && k.now-r.answerAt <= patience
}

// mayAsk reports whether what is due at some time may still wait for an address.
func (k *Checker) mayAsk(card header.MAC, due time.Duration) bool {
	r := k.asked[card]
	return r.asking && r.askedAt >= due-longest
}
