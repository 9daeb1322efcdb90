package tcp

import (
	ev "septet/event"
	"septet/network"
)

// Source routes (RFC 9293, section 3.9.2.1). An active open goes by the one in its
// Options, if there is one. A passive open answers by the one that the peer's segments
// come by, the other way. The option's bytes are taken off every segment (RFC 9293,
// section 3.7.1).

// carriesTrains reports whether several segments may leave in one piece. A train's IP
// header has no options.
func (c *Conn) carriesTrains() bool {
	return c.opts.SourceRoute == nil && c.path.CarriesTrains()
}

// takeRoute makes the way back of an acceptable segment that of the connection: MUST-53,
// and for a route that differs from an earlier one SHLD-24. One that the user has chosen
// goes before it (MUST-52).
func (c *Conn) takeRoute(now ev.Time, s *Segment) {
	if !c.is(flagFollow) || s.Route.Equal(c.opts.SourceRoute) {
		return
	}
	if c.path.Reroute(s.Route) != nil {
		return
	}
	o := c.Options()
	o.SourceRoute = s.Route
	c.opts = c.env.shared(o)
	if c.mtu.probe > 0 {
		c.probeFailed(now) // its size was for the headers of the old way
	}
	c.setMSS(c.pathLimit())
	c.recut()
}

// routed returns the options of a new connection with the peer whose SYN came by this
// way: by the other way it is answered, unless the listener has a route of its own.
func (ln *Listener) routed(way *network.SourceRoute) (o *Options, own bool) {
	if own = ln.opts.SourceRoute != nil; own || way == nil {
		return ln.opts, own
	}
	other := *ln.opts
	other.SourceRoute = way
	return ln.layer.share(&other), false
}
