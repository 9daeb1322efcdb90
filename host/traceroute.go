package host

import (
	"net"
	"net/netip"
	"syscall"
	"time"

	"septet/event"
	"septet/network"
)

// TracerouteOptions say how Traceroute looks for the way. Zero values mean the
// defaults.
type TracerouteOptions struct {
	Hops    int           // the most there may be; default 64, at most 255
	Probes  int           // requests for each hop; default 3
	Timeout time.Duration // how long an answer is waited for; default 1 s
}

func (o TracerouteOptions) withDefaults() TracerouteOptions {
	if o.Hops <= 0 {
		o.Hops = 64
	}
	if o.Probes <= 0 {
		o.Probes = 3
	}
	if o.Timeout <= 0 {
		o.Timeout = time.Second
	}
	o.Hops = min(o.Hops, 255)
	return o
}

// Hop is what came of the requests that may pass the same number of routers.
type Hop struct {
	TTL    int // of the requests: 1 for the first router
	Probes []PingReply
	// Reached says that the destination itself has answered.
	Reached bool
	// Ended says that no request gets further: a router or the destination has
	// reported an error other than that the time to live is over.
	Ended bool
}

// Traceroute finds the way to an address: it sends echo requests whose time to live
// (IPv6: hop limit) lasts for one hop, for two and so on, and hears who reports that it
// is over (RFC 1812, section 5.3.1; RFC 4443, section 3.3). Each hop is reported to
// each, which may be nil and is called without the turn. It returns the hops, the last
// of which is the destination unless nobody has answered there. The error is that of
// the first request that could not be sent, or that host or loop were closed.
func (h *Host) Traceroute(to netip.Addr, o TracerouteOptions, each func(Hop)) ([]Hop, error) {
	t := &tracer{host: h, to: to, options: o.withDefaults()}
	if err := t.open(); err != nil {
		return nil, err
	}
	defer t.close()
	var hops []Hop
	for ttl := 1; ttl <= t.options.Hops; ttl++ {
		hop := Hop{TTL: ttl}
		for range t.options.Probes {
			r, err := t.probe(ttl)
			if err != nil {
				return hops, err
			}
			hop.Probes = append(hop.Probes, r)
			hop.Reached = hop.Reached || r.Err == nil
			hop.Ended = hop.Ended || r.Err != nil && r.Err != syscall.ETIMEDOUT && !onTheWay(r.Err)
		}
		hops = append(hops, hop)
		if each != nil {
			each(hop)
		}
		if hop.Reached || hop.Ended {
			break
		}
	}
	return hops, nil
}

// onTheWay reports whether a router has said no more than that it is on the way.
func onTheWay(err error) bool {
	reported, ok := err.(*ICMPError)
	return ok && reported.Expired()
}

// tracer is one running Traceroute. One request is under way at a time.
type tracer struct {
	host    *Host
	to      netip.Addr
	options TracerouteOptions
	echo    *network.Echo
	sent    uint16
	at      event.Time // of the last request
	answer  *PingReply // to it; nil until there is one
}

func (t *tracer) open() (err error) {
	t.host.loop.Lock()
	defer t.host.loop.Unlock()
	if t.host.closed {
		return net.ErrClosed
	}
	t.echo, err = t.host.Network.OpenEcho(t.receive)
	return err
}

func (t *tracer) close() {
	t.host.loop.Lock()
	defer t.host.loop.Unlock()
	t.echo.Close()
}

// probe sends one request and waits for what comes of it.
func (t *tracer) probe(ttl int) (PingReply, error) {
	l := t.host.loop
	l.Lock()
	defer l.Unlock()
	t.sent++
	t.answer, t.at = nil, l.Now()
	payload := make([]byte, 56)
	if err := t.echo.Send(t.to, t.sent, payload, uint8(ttl)); err != nil {
		return PingReply{}, err
	}
	deadline := t.at.Add(t.options.Timeout)
	for t.answer == nil && l.Now() < deadline {
		if t.host.closed {
			return PingReply{}, net.ErrClosed
		}
		if err := l.Wait(&t.host.pinged, deadline); err != nil && err != event.ErrTimeout {
			return PingReply{}, err
		}
	}
	if t.answer == nil {
		return PingReply{Sequence: int(t.sent), Time: t.options.Timeout, Err: syscall.ETIMEDOUT}, nil
	}
	return *t.answer, nil
}

// receive takes the answer to a request, with the turn held. One that is late counts
// no more.
func (t *tracer) receive(e network.EchoReply) {
	if e.Sequence != t.sent || t.answer != nil {
		return
	}
	r := replyOf(e, int(t.sent))
	r.Time = t.host.loop.Now().Sub(t.at)
	t.answer = &r
	t.host.loop.Signal(&t.host.pinged)
}
