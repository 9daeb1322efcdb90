package network

import (
	"net/netip"
	"slices"
	"syscall"
	"time"

	"septet/event"
	"septet/header"
)

// Advertising says what a router advertises on an interface (RFC 4861, section 6.2.1,
// where each has the name Adv...). The zero value is good for most.
type Advertising struct {
	// Prefixes of the link; nil for those of the interface's addresses, with the
	// lifetimes of the RFC: 30 days valid, 7 days preferred, on the link, and, those of
	// 64 bits, for addresses of hosts.
	Prefixes []header.PrefixInformation
	// Routes through this router (RFC 4191).
	Routes []header.RouteInformation
	// DNS has recursive DNS servers, which hosts may ask for three times MaxInterval (RFC
	// 8106, section 5.1).
	DNS []netip.Addr
	// Search has the domains in which hosts may look for short names as long (section 5.2
	// there), up to header.MostDomains.
	Search []string

	MTU                         int           // of the link; zero: not said
	HopLimit                    uint8         // zero: DefaultTTL
	ReachableTime, RetransTimer time.Duration // zero: not said
	Managed, Other              bool          // hosts should use DHCPv6

	// NoDefault says that this is not a default router. Otherwise it is one for
	// Lifetime, up to 9,000 seconds; zero is three times MaxInterval.
	NoDefault  bool
	Lifetime   time.Duration
	Preference int8 // among default routers: 1 high, 0 medium, -1 low (RFC 4191)
	// MinInterval and MaxInterval bound the random time between two advertisements.
	// MaxInterval is from 4 to 1,800 seconds, zero for 600; MinInterval from 3 seconds
	// to three quarters of MaxInterval, zero for a third of it.
	MinInterval, MaxInterval time.Duration
}

// Constants of routers (RFC 4861, section 10), and the default lifetimes of prefixes
// (section 6.2.1).
const (
	maxInitialRtrAdvertInterval   = 16 * time.Second
	maxInitialRtrAdvertisements   = 3
	maxFinalRtrAdvertisements     = 3
	minDelayBetweenRAs            = 3 * time.Second
	maxRADelayTime                = 500 * time.Millisecond
	defaultMaxInterval            = 600 * time.Second
	maxRouterLifetime             = 9000 * time.Second
	advValidLifetime              = 30 * 24 * time.Hour
	advPreferredLifetime          = 7 * 24 * time.Hour
	leastMaxInterval, leastMinInt = 4 * time.Second, 3 * time.Second
)

// advertiser is what an interface does as an advertising one (RFC 4861, section 6.2).
type advertiser struct {
	Advertising
	i       *Interface
	timer   event.Timer
	initial int // quick ones still to be sent
	final   int // of the last ones, after which it is over; zero before
	last    event.Time
	sent    bool
}

// Advertise makes the host, a router, advertise itself on the interface: a few times in
// quick succession, then from time to time, and when hosts ask (RFC 4861, section 6.2).
// It turns IPv6 on. A second call replaces what is advertised. EINVAL if the host is no
// router (SetForwarding), for "lo", and for values out of range or too many to fit a
// packet.
func (i *Interface) Advertise(a Advertising) error {
	l := i.layer
	if err := a.complete(); err != nil || !l.forwarding {
		return syscall.EINVAL
	}
	if err := i.EnableIPv6(); err != nil {
		return err
	}
	r := &advertiser{Advertising: a, i: i, initial: maxInitialRtrAdvertisements}
	if o := r.options(); a.MTU > i.nic.MTU() || header.IPv6Len+header.RouterAdvertisementLen+o.Len() > i.nic.MTU() {
		return syscall.EINVAL
	}
	if old := i.six.advertising; old != nil {
		old.timer.Stop()
		r.last, r.sent = old.last, old.sent
	}
	i.six.advertising = r
	r.timer.Init(l.loop, r)
	r.soon()
	return nil
}

// complete fills in what is zero and checks the ranges of RFC 4861, section 6.2.1.
func (a *Advertising) complete() error {
	if a.MaxInterval == 0 {
		a.MaxInterval = defaultMaxInterval
	}
	if a.MinInterval == 0 {
		a.MinInterval = max(a.MaxInterval/3, leastMinInt)
		if a.MaxInterval < 9*time.Second {
			a.MinInterval = min(a.MinInterval, a.MaxInterval*3/4)
		}
	}
	if a.Lifetime == 0 {
		a.Lifetime = 3 * a.MaxInterval
	}
	if a.HopLimit == 0 {
		a.HopLimit = DefaultTTL
	}
	a.Prefixes, a.Routes = slices.Clone(a.Prefixes), slices.Clone(a.Routes)
	a.DNS, a.Search = slices.Clone(a.DNS), slices.Clone(a.Search)
	switch {
	case a.MaxInterval < leastMaxInterval, a.MaxInterval > 1800*time.Second,
		a.MinInterval < leastMinInt, a.MinInterval > a.MaxInterval*3/4,
		a.Lifetime < a.MaxInterval, a.Lifetime > maxRouterLifetime,
		a.MTU != 0 && a.MTU < header.IPv6MinMTU,
		a.ReachableTime < 0, a.ReachableTime > maxReachableTime, a.RetransTimer < 0,
		a.Preference < -1, a.Preference > 1:
		return syscall.EINVAL
	}
	for _, p := range a.Prefixes {
		if !p.Prefix.IsValid() || !p.Prefix.Addr().Is6() || p.Preferred > p.Valid {
			return syscall.EINVAL
		}
	}
	for _, s := range a.DNS {
		if !s.Is6() || s.IsMulticast() || s.IsUnspecified() {
			return syscall.EINVAL
		}
	}
	for n, d := range a.Search {
		if n >= header.MostDomains || !header.DomainName(d) {
			return syscall.EINVAL
		}
	}
	for _, r := range a.Routes {
		if !r.Prefix.IsValid() || !r.Prefix.Addr().Is6() || r.Preference < -1 || r.Preference > 1 {
			return syscall.EINVAL
		}
	}
	return nil
}

// StopAdvertising ends it. RFC 4861, section 6.2.5: the hosts are told, a few times,
// that this is no default router any more.
func (i *Interface) StopAdvertising() {
	if i.six == nil || i.six.advertising == nil || i.six.advertising.final > 0 {
		return
	}
	r := i.six.advertising
	r.final = maxFinalRtrAdvertisements
	r.soon()
}

// setForwarding6 does what changes in IPv6 when a host becomes a router, or a router a
// host (RFC 4861, sections 6.2.2 and 6.2.5).
func (l *Layer) setForwarding6(on bool) {
	for _, i := range l.interfaces {
		switch {
		case i.six == nil:
		case on:
			_ = i.JoinGroup(allRouters)
		default:
			i.StopAdvertising()
			_ = i.LeaveGroup(allRouters)
		}
	}
}

// soon sends an advertisement after a short random time. RFC 4861, section 6.2.6: not
// sooner after the last than MIN_DELAY_BETWEEN_RAS.
func (r *advertiser) soon() {
	now := r.i.layer.loop.Now()
	at := now
	if r.sent {
		at = max(at, r.last.Add(minDelayBetweenRAs))
	}
	at = at.Add(r.i.layer.randomDelay(maxRADelayTime))
	if when := r.timer.When(); when > at {
		r.timer.Reset(at)
	}
}

// Expire sends an advertisement and sets the time of the next (RFC 4861, section 6.2.4).
func (r *advertiser) Expire(*event.Timer) {
	l := r.i.layer
	r.send()
	r.last, r.sent = l.loop.Now(), true
	if r.final > 0 {
		if r.final--; r.final == 0 {
			r.i.six.advertising = nil
			return
		}
		r.timer.Reset(r.last.Add(minDelayBetweenRAs))
		return
	}
	next := r.MinInterval + l.randomDelay(r.MaxInterval-r.MinInterval)
	if r.initial > 0 {
		if r.initial--; r.initial > 0 {
			next = min(next, maxInitialRtrAdvertInterval)
		}
	}
	r.timer.Reset(r.last.Add(next))
}

// send sends an advertisement to all nodes. RFC 4861, section 6.1.2: from the address of
// the link, and only when that is known to be the router's own.
func (r *advertiser) send() {
	i := r.i
	if src := i.six.addresses[0]; !src.usable() || i.six.halted {
		return
	}
	h := header.RouterAdvertisement{
		HopLimit: r.HopLimit, Managed: r.Managed, Other: r.Other, Preference: r.Preference,
		Lifetime: r.Lifetime, ReachableTime: r.ReachableTime, RetransTimer: r.RetransTimer,
	}
	if r.NoDefault || r.final > 0 {
		h.Lifetime = 0
	}
	b := make([]byte, header.RouterAdvertisementLen)
	h.Put(b)
	i.layer.discovery().RouterAdvertisementsSent++
	i.sendND(b, i.six.addresses[0].Addr, allNodes, r.options())
}

// options returns what is advertised beside the router itself.
func (r *advertiser) options() header.NDOptions {
	o := header.NDOptions{
		Source: r.i.nic.MAC(), HasSource: true, MTU: r.MTU, Prefixes: r.Prefixes, Routes: r.Routes,
	}
	if r.DNS != nil {
		o.DNS = []header.DNSServers{{Addrs: r.DNS, Lifetime: 3 * r.MaxInterval}}
	}
	if r.Search != nil {
		o.Search = []header.DNSSearch{{Domains: r.Search, Lifetime: 3 * r.MaxInterval}}
	}
	if o.Prefixes != nil {
		return o
	}
	for _, a := range r.i.six.addresses {
		p := header.PrefixInformation{
			Prefix: netip.PrefixFrom(a.Addr.WithZone(""), a.Bits).Masked(), OnLink: true, Autonomous: a.Bits == 64,
			Valid: advValidLifetime, Preferred: advPreferredLifetime,
		}
		known := slices.ContainsFunc(o.Prefixes, func(q header.PrefixInformation) bool { return p.Prefix == q.Prefix })
		if !known && a.Addr.Zone() == "" && a.Bits < 128 && a.State != Duplicated {
			o.Prefixes = append(o.Prefixes, p)
		}
	}
	return o
}

// inputRouterSolicitation takes the question of a host for routers (RFC 4861, sections
// 6.1.1 and 6.2.6). It reports whether the message is valid.
func (i *Interface) inputRouterSolicitation(b []byte, d *Datagram) bool {
	_, options, err := header.ParseRouterSolicitation(b)
	if err != nil {
		return false
	}
	o, err := header.ParseNDOptions(options)
	if err != nil || d.Src.IsUnspecified() && o.HasSource {
		return false
	}
	r := i.six.advertising
	if r == nil {
		return true
	}
	i.layer.discovery().RouterSolicitationsReceived++
	if o.HasSource {
		i.nic.Learn(d.Src.WithZone(""), o.Source)
	}
	r.soon()
	return true
}
