package network

import (
	"net/netip"
	"time"

	"septet/event"
)

// Errors go out at no more than these rates, so that they cannot be made a flood (RFC
// 1812, section 4.3.2.8; RFC 4443, section 2.4 f). The numbers are Linux's: a thousand a
// second in all, fifty at once; to one address one a second, six at once.
var (
	errorsInAll = rate{each: time.Second / 1000, burst: 50}
	errorsToOne = rate{each: time.Second, burst: 6}
)

// maxErrorPeers caps the addresses whose errors are counted one by one. Those for which
// there is no room share the rate in all.
const maxErrorPeers = 1024

// errorLimit bounds the errors of a host, of both families.
type errorLimit struct {
	all   bucket
	peers map[netip.Addr]bucket
	swept event.Time
}

// mayTell reports whether an error may be sent to a, by the rates.
func (l *Layer) mayTell(a netip.Addr, needed bool) bool {
	if l.icmp.limit == nil {
		l.icmp.limit = new(errorLimit)
	}
	return l.icmp.limit.take(l.loop.Now(), a, needed)
}

// take reports whether an error may be sent to a. Of what a path's MTU is, needed, every
// sender is told, as by Linux: without that its large datagrams would vanish.
func (e *errorLimit) take(now event.Time, a netip.Addr, needed bool) bool {
	if needed {
		return e.all.take(now, &errorsInAll)
	}
	b, known := e.peers[a]
	if !known && len(e.peers) >= maxErrorPeers {
		e.sweep(now)
	}
	if !b.take(now, &errorsToOne) || !e.all.take(now, &errorsInAll) {
		return false
	}
	if e.peers == nil {
		e.peers = make(map[netip.Addr]bucket)
	}
	if known || len(e.peers) < maxErrorPeers {
		e.peers[a] = b
	}
	return true
}

// sweep forgets, not more than once a second, the addresses that may get as many as any
// other.
func (e *errorLimit) sweep(now event.Time) {
	if now.Sub(e.swept) < time.Second {
		return
	}
	e.swept = now
	for a, b := range e.peers {
		if b.until <= now {
			delete(e.peers, a)
		}
	}
}

// rate is one token each so long, and so many at most.
type rate struct {
	each  time.Duration
	burst int
}

// bucket is a token bucket. It is filled by looking at the time, not by a timer: until
// says when it is full again. The zero bucket is full.
type bucket struct{ until event.Time }

// take takes one token, if there is one.
func (b *bucket) take(now event.Time, r *rate) bool {
	until := max(b.until, now)
	if until.Sub(now) > time.Duration(r.burst-1)*r.each {
		return false
	}
	b.until = until.Add(r.each)
	return true
}
