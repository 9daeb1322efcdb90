package file

import "time"

// Step is one line of the script: who does what, and when.
type Step struct {
	Position
	// At is when the step begins, from the start of the lab. A step that
	// Follows begins when the one before it in the list has ended. So a step
	// with a time of its own, and those that follow it, run beside whatever
	// began earlier and still goes on.
	At      time.Duration
	Follows bool
	// Timeout is how long the action may wait: for each reply to a ping, and
	// otherwise for the whole step. Zero for actions that do not wait.
	Timeout time.Duration
	Host    string // who does it; empty when nobody does (Sleep, SetLink, LinkState, Cable)
	Action  Action
}

// Action is what a step does: *Ping, *Traceroute, *Connect, *Datagram, *Get, *Show,
// *Sleep, *SetLink, *LinkState or *Cable.
type Action interface{ isAction() }

// Ping sends ICMP echo requests.
type Ping struct {
	To       Target
	Count    int
	Interval time.Duration
	Size     int // bytes of data in each request
}

// Traceroute finds the routers on the way, by echo requests with more and more hops.
type Traceroute struct {
	To     Target
	Hops   int // the most there may be
	Probes int // requests for each
}

// Connect opens a TCP connection, sends Send, reads until Expect has come,
// and closes.
type Connect struct {
	To     Target
	Send   []byte
	Expect []byte // empty: nothing is read
}

// Datagram sends one UDP datagram and waits for one that is Expect.
type Datagram struct {
	To     Target
	Send   []byte
	Expect []byte // empty: no answer is awaited
}

// Get fetches a page over HTTP.
type Get struct {
	URL    string
	To     Target // where the URL points
	Expect string // must be part of the page
}

// Show prints what a host knows.
type Show struct {
	What string // "addresses", "routes", "neighbours", or "route": the one to To
	To   Target
}

// Sleep lets time pass.
type Sleep struct{ For time.Duration }

// SetLink changes impairments of a link while frames cross it.
type SetLink struct {
	Link    *Link
	Changes [2]Change // of Link.Impairments
}

// LinkState takes a link down, so that it loses every frame, or up again.
type LinkState struct {
	Link *Link
	Up   bool
}

// Cable pulls the cable of a link out, which both ends notice, or plugs it in again.
type Cable struct {
	Link    *Link
	Plugged bool
}

func (*Ping) isAction()       {}
func (*Traceroute) isAction() {}
func (*Connect) isAction()    {}
func (*Datagram) isAction()   {}
func (*Get) isAction()        {}
func (*Show) isAction()       {}
func (*Sleep) isAction()      {}
func (*SetLink) isAction()    {}
func (*Cable) isAction()      {}
func (*LinkState) isAction()  {}

// Change is some of the properties of an Impairment; the others stay as they
// are.
type Change struct {
	settings []func(*Impairment)
}

// Apply makes the change to i.
func (c Change) Apply(i *Impairment) {
	for _, set := range c.settings {
		set(i)
	}
}

// Empty reports whether the change leaves everything as it is.
func (c Change) Empty() bool { return len(c.settings) == 0 }
