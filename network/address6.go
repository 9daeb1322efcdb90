package network

import (
	"net/netip"
	"slices"
	"syscall"
	"time"

	"septet/event"
)

// MaxAddresses is how many IPv6 addresses an interface has at most, whoever it is that
// hands them out.
const MaxAddresses = 16

// Address is an IPv6 address of an interface.
type Address struct {
	Addr   netip.Addr // with a zone if it is of the link alone
	Bits   int        // the length of its network's prefix
	State  AddressState
	Origin AddressOrigin
	// Until when new connections should use the address, and until when the interface
	// has it; event.Never for an address without lifetimes.
	PreferredUntil, ValidUntil event.Time
}

// AddressState says what an address is good for (RFC 4862, section 2).
type AddressState uint8

// The states.
const (
	Preferred  AddressState = iota // for everything
	Deprecated                     // for what uses it already, and for who asks for it
	Tentative                      // for nothing yet: it is not known to be unique
	Duplicated                     // for nothing: somebody else on the link has it
)

// AddressOrigin says where an address comes from.
type AddressOrigin uint8

// The origins.
const (
	Manual         AddressOrigin = iota
	LinkLocal                    // made from the card's address when IPv6 went on
	Autoconfigured               // made from a router's prefix (RFC 4862)
	Temporary                    // such a one that is replaced from time to time (RFC 8981)
)

var (
	addressStates  = [...]string{"preferred", "deprecated", "tentative", "duplicated"}
	addressOrigins = [...]string{"manual", "link-local", "autoconfigured", "temporary"}
)

func (s AddressState) String() string { return nameOf(addressStates[:], int(s)) }

func (o AddressOrigin) String() string { return nameOf(addressOrigins[:], int(o)) }

func nameOf(names []string, n int) string {
	if n < len(names) {
		return names[n]
	}
	return "invalid"
}

// address6 is an address of an interface with what is still to happen to it.
type address6 struct {
	Address
	i     *Interface
	timer event.Timer // the next step of the detection, or the end of a lifetime
	duplicateDetection

	prefix   netip.Prefix // of a router, for those made from one
	routers  []netip.Addr // that have advertised it
	attempts uint8        // addresses tried before this one: RFC 7217's DAD_Counter
	created  event.Time
	// Of a temporary address: by how much it is deprecated early, and whether it has its
	// successor.
	desync   time.Duration
	replaced bool
}

// usable reports whether packets may be sent from the address, and are taken for it.
func (a *Address) usable() bool { return a.State == Preferred || a.State == Deprecated }

// Addresses returns the interface's IPv6 addresses, that of the link first.
func (i *Interface) Addresses() []Address {
	if i.six == nil {
		return nil
	}
	all := make([]Address, len(i.six.addresses))
	for n, a := range i.six.addresses {
		all[n] = a.Address
	}
	return all
}

// AddTentative gives the interface an IPv6 address as AddAddress does, but uses it only
// when duplicate address detection has shown that nobody else on the link has it: after
// about a second, or two (RFC 4862, section 5.4). Addresses tells what came of it.
func (i *Interface) AddTentative(prefix netip.Prefix) error {
	if !prefix.Addr().Is6() || !assignable(prefix) {
		return syscall.EINVAL
	}
	return i.addAddress6(prefix, Tentative)
}

// addAddress6 gives the interface an address that somebody has chosen.
func (i *Interface) addAddress6(prefix netip.Prefix, s AddressState) error {
	if err := i.EnableIPv6(); err != nil {
		return err
	}
	a := i.newAddress6(i.Scoped(prefix.Addr()), prefix.Bits(), Manual)
	a.State = s
	if err := i.assign(a, false); err != nil {
		return err
	}
	if network := prefix.Masked(); a.Addr.Zone() == "" {
		if r := (Route{Prefix: network, Interface: i}); !i.layer.hasRoute(r) {
			i.layer.insertRoute(r)
		}
	}
	return nil
}

func (i *Interface) newAddress6(addr netip.Addr, bits int, o AddressOrigin) *address6 {
	a := &address6{
		Address: Address{Addr: addr, Bits: bits, Origin: o, PreferredUntil: event.Never, ValidUntil: event.Never},
		i:       i, created: i.layer.loop.Now(),
	}
	a.timer.Init(i.layer.loop, a)
	return a
}

// assign makes a one of the interface's, and begins to look for duplicates: after a
// random delay if many hosts may do the same just now.
func (i *Interface) assign(a *address6, delayed bool) error {
	l := i.layer
	// One that is tentative, or a duplicate, is another interface's too.
	taken := slices.ContainsFunc(l.interfaces, func(j *Interface) bool { return j.address6(a.Addr) != nil })
	switch {
	case taken || l.addresses[a.Addr] != foreign:
		return syscall.EEXIST
	case len(i.six.addresses) >= MaxAddresses:
		return syscall.ENOBUFS
	}
	if delayed && l.loop.Now() >= i.six.askFrom {
		i.comeUp()
	}
	i.six.addresses = append(i.six.addresses, a)
	_ = i.JoinGroup(solicitedNodeOf(a.Addr))
	if a.usable() {
		l.addresses[a.Addr] = own
	}
	l.changed()
	a.detect()
	return nil
}

// unassign takes an address away.
func (i *Interface) unassign(a *address6) {
	a.timer.Stop()
	a.detecting = false
	for n, have := range i.six.addresses {
		if have == a {
			i.six.addresses = append(i.six.addresses[:n], i.six.addresses[n+1:]...)
			_ = i.LeaveGroup(solicitedNodeOf(a.Addr))
			break
		}
	}
	i.disown(a)
}

// disown ends that the host takes an address for its own.
func (i *Interface) disown(a *address6) {
	delete(i.layer.addresses, a.Addr)
	if i.six.mine == a.Addr {
		i.six.mine, i.six.flowing = netip.Addr{}, false
	}
	i.layer.changed()
}

// address6 returns the interface's address addr, in whatever state, nil if it has none.
func (i *Interface) address6(addr netip.Addr) *address6 {
	if i.six == nil {
		return nil
	}
	for _, a := range i.six.addresses {
		if a.Addr == addr {
			return a
		}
	}
	return nil
}

// has6 reports whether the interface has addr and uses it.
func (i *Interface) has6(addr netip.Addr) bool {
	a := i.address6(addr)
	return a != nil && a.usable()
}

// Expire does the next step of the detection, or what the end of a lifetime asks for.
func (a *address6) Expire(*event.Timer) {
	if a.detecting {
		a.detectOn()
		return
	}
	a.age()
}

// age gives the address the state of its lifetimes (RFC 4862, section 5.5.4), and sets
// the timer for the next change.
func (a *address6) age() {
	now := a.i.layer.loop.Now()
	switch {
	case a.i.address6(a.Addr) != a:
		return // taken away meanwhile
	case now >= a.ValidUntil:
		a.i.unassign(a)
		return
	}
	next := a.ValidUntil
	if now < a.PreferredUntil {
		next = a.PreferredUntil
	}
	if was := a.State; a.usable() {
		a.State = Preferred
		if now >= a.PreferredUntil {
			a.State = Deprecated
		}
		if a.State != was { // another source may be better now
			a.i.layer.changed()
		}
	}
	if a.Origin == Temporary && !a.replaced {
		next = min(next, a.succeed())
	}
	if !a.detecting {
		a.timer.Reset(next)
	}
}
