package host

import (
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"septet/event"
	"septet/network"
)

// PingOptions say what Ping sends. Zero values mean the defaults.
type PingOptions struct {
	Count    int           // requests to send; default 4
	Interval time.Duration // from one to the next; default 1 s
	Timeout  time.Duration // how long a reply is waited for; default 1 s
	TTL      uint8         // default 64
	Size     int           // bytes of payload; default 56, negative for none
}

func (o PingOptions) withDefaults() PingOptions {
	if o.Count <= 0 {
		o.Count = 4
	}
	if o.Interval <= 0 {
		o.Interval = time.Second
	}
	if o.Timeout <= 0 {
		o.Timeout = time.Second
	}
	if o.Size == 0 {
		o.Size = 56
	}
	o.Size = min(max(o.Size, 0), 65507)
	return o
}

// PingReply is what came of one request.
type PingReply struct {
	Sequence int        // of the request, from 1
	From     netip.Addr // who answers, or which router reports an error
	Bytes    int        // of payload
	TTL      uint8      // of the reply, as it arrived
	Time     time.Duration
	// Err is nil for a reply, ETIMEDOUT if nothing came in time, the error of
	// sending, or an *ICMPError from a router.
	Err       error
	Duplicate bool // the request had been answered before
}

// PingStats sums up a Ping.
type PingStats struct {
	Sent, Received, Duplicates, Errors int
	Min, Avg, Max                      time.Duration // of the replies
}

// Loss returns which part of the requests had no reply, from 0 to 1.
func (s PingStats) Loss() float64 {
	if s.Sent == 0 {
		return 0
	}
	return float64(s.Sent-s.Received) / float64(s.Sent)
}

func (s *PingStats) count(r PingReply) {
	switch {
	case r.Duplicate:
		s.Duplicates++
	case r.Err == syscall.ETIMEDOUT:
	case r.Err != nil:
		s.Errors++
	default:
		s.Received++
		if s.Received == 1 || r.Time < s.Min {
			s.Min = r.Time
		}
		s.Max = max(s.Max, r.Time)
		s.Avg += (r.Time - s.Avg) / time.Duration(s.Received)
	}
}

// Ping sends echo requests to an address and reports what comes of each to
// each, which may be nil and is called without the turn. It returns when the
// last request has been answered or given up: an error only if the first
// request could not be sent or the host or its loop was closed.
func (h *Host) Ping(to netip.Addr, o PingOptions, each func(PingReply)) (PingStats, error) {
	p := &pinger{host: h, to: to, options: o.withDefaults()}
	if err := p.open(); err != nil {
		return p.stats, err
	}
	defer p.close()
	for {
		replies, err := p.step()
		for _, r := range replies {
			p.stats.count(r)
			if each != nil {
				each(r)
			}
		}
		if err != nil {
			return p.stats, err
		}
		if p.finished() && len(replies) == 0 {
			return p.stats, nil
		}
	}
}

// pinger is one running Ping.
type pinger struct {
	host    *Host
	to      netip.Addr
	options PingOptions
	echo    *network.Echo
	payload []byte
	sent    int
	sendAt  event.Time // the next
	waiting []request  // those without an answer, oldest first
	replies []PingReply
	stats   PingStats
	// answered says which of the latest requests had a reply, by sequence.
	answered [maxReplies]bool
}

// maxReplies bounds what waits to be reported, and for how many requests
// duplicates are known. It is a power of two.
const maxReplies = 1024

type request struct {
	sequence int
	at       event.Time
}

func (p *pinger) open() error {
	l := p.host.loop
	l.Lock()
	defer l.Unlock()
	if p.host.closed {
		return net.ErrClosed
	}
	p.payload = make([]byte, p.options.Size)
	for i := range p.payload {
		p.payload[i] = byte(i)
	}
	p.sendAt = l.Now()
	var err error
	p.echo, err = p.host.Network.OpenEcho(p.receive)
	return err
}

func (p *pinger) close() {
	p.host.loop.Lock()
	defer p.host.loop.Unlock()
	p.echo.Close()
}

func (p *pinger) finished() bool { return p.sent == p.options.Count && len(p.waiting) == 0 }

// step sends what is due, waits if there is nothing to report and returns what
// there is.
func (p *pinger) step() ([]PingReply, error) {
	l := p.host.loop
	l.Lock()
	defer l.Unlock()
	for {
		if p.host.closed {
			return p.take(), net.ErrClosed
		}
		if p.sent < p.options.Count && l.Now() >= p.sendAt {
			if err := p.send(l.Now()); err != nil {
				return nil, err
			}
		}
		p.giveUp(l.Now())
		if len(p.replies) > 0 || p.finished() {
			return p.take(), nil
		}
		if err := l.Wait(&p.host.pinged, p.next()); err != nil && err != event.ErrTimeout {
			return p.take(), err
		}
	}
}

func (p *pinger) take() []PingReply {
	replies := p.replies
	p.replies = nil
	return replies
}

// next returns the moment at which there is something to do.
func (p *pinger) next() event.Time {
	when := event.Never
	if p.sent < p.options.Count {
		when = p.sendAt
	}
	if len(p.waiting) > 0 {
		when = min(when, p.waiting[0].at.Add(p.options.Timeout))
	}
	return when
}

func (p *pinger) send(now event.Time) error {
	p.sent++
	p.answered[p.sent&(maxReplies-1)] = false
	p.sendAt = now.Add(p.options.Interval)
	err := p.echo.Send(p.to, uint16(p.sent), p.payload, p.options.TTL)
	switch {
	case err != nil && p.sent == 1:
		return err
	case err != nil:
		p.stats.Sent++
		p.replies = append(p.replies, PingReply{Sequence: p.sent, Err: err})
	default:
		p.stats.Sent++
		p.waiting = append(p.waiting, request{p.sent, now})
	}
	return nil
}

// giveUp reports requests that nobody has answered in time.
func (p *pinger) giveUp(now event.Time) {
	for len(p.waiting) > 0 && p.waiting[0].at.Add(p.options.Timeout) <= now {
		p.replies = append(p.replies, PingReply{
			Sequence: p.waiting[0].sequence, Time: now.Sub(p.waiting[0].at), Err: syscall.ETIMEDOUT,
		})
		p.waiting = p.waiting[1:]
	}
}

// receive takes a reply, or an error about a request, with the turn held.
func (p *pinger) receive(e network.EchoReply) {
	r := replyOf(e, p.sequence(e.Sequence))
	i := slices.IndexFunc(p.waiting, func(w request) bool { return w.sequence == r.Sequence })
	answered := &p.answered[r.Sequence&(maxReplies-1)]
	switch {
	case i >= 0:
		r.Time = p.host.loop.Now().Sub(p.waiting[i].at)
		p.waiting = slices.Delete(p.waiting, i, i+1)
		*answered = true
	case *answered && len(p.replies) < maxReplies:
		r.Duplicate = true
	default:
		return // given up before, or a flood
	}
	p.replies = append(p.replies, r)
	p.host.loop.Signal(&p.host.pinged)
}

// replyOf keeps what is valid during the call only.
func replyOf(e network.EchoReply, sequence int) PingReply {
	r := PingReply{Sequence: sequence, From: e.From, Bytes: len(e.Payload), TTL: e.TTL}
	if e.Err != nil {
		kept := *e.Err
		kept.Quoted = nil
		r.Err = &kept
	}
	return r
}

// sequence returns the number of the request whose 16 bits came back.
func (p *pinger) sequence(low uint16) int {
	return p.sent - int(uint16(p.sent)-low)
}
