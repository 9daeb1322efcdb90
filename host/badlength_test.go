package host_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"septet/event"
	"septet/header"
	"septet/host"
	"septet/link"
	"septet/network"
	"septet/packet"
	"septet/physical"
)

// lengthField is a length or a count in a frame.
type lengthField struct {
	name               string
	at, width          int    // in bytes
	mask               uint   // of the bits of those bytes that are the field's; 0: all
	right, least, most uint   // what it is; what it may be at all, in its own unit
	taken              values // which others are legal here, with the checksums made right
}

// values says of which values something holds; nil: of none.
type values func(v uint) bool

func among(all ...uint) values { return func(v uint) bool { return slices.Contains(all, v) } }

func from(least, most uint) values { return func(v uint) bool { return v >= least && v <= most } }

func every(uint) bool { return true }

// badKind is one kind of packet, and where it can lie.
type badKind struct {
	name   string
	frame  []byte
	fields []lengthField
	// shorter says to which lengths the frame may be cut, if those of IP and the
	// checksums are made right again.
	shorter values
	refused []string // by which roles it is dropped as it is
}

// wrong are the values to which the field is set: the least and the largest, those
// around what is allowed and what is right, and all ones.
func (f *lengthField) wrong() []uint {
	unit := f.unit()
	top := f.bits() / unit
	all := []uint{0, 1, f.least - 1, f.least, f.most, f.most + 1, f.right - 1, f.right + 1, top}
	slices.Sort(all)
	all = slices.Compact(all)
	return slices.DeleteFunc(all, func(v uint) bool { return v > top || v == f.right })
}

func (f *lengthField) bits() uint {
	if f.mask == 0 {
		return 1<<(8*f.width) - 1
	}
	return f.mask
}

// unit is the lowest bit of the field.
func (f *lengthField) unit() uint { return f.bits() & -f.bits() }

func (f *lengthField) get(frame []byte) (v uint) {
	for _, b := range frame[f.at : f.at+f.width] {
		v = v<<8 | uint(b)
	}
	return v
}

// set returns frame with the field set to v.
func (f *lengthField) set(frame []byte, v uint) []byte {
	frame = bytes.Clone(frame)
	all := f.get(frame)&^f.bits() | v*f.unit()
	for i := f.width - 1; i >= 0; i-- {
		frame[f.at+i], all = byte(all), all>>8
	}
	return frame
}

// target is a host or a router, or a host in VLAN 10, and on its cable a peer, which knows
// it and is known.
type target struct {
	testing.TB
	role      string
	loop      *event.Loop
	pool      *packet.Pool
	cable     physical.Port  // the peer's end
	splitter  *link.Splitter // of a target in a VLAN; else nil
	host      *host.Host
	eth0      *network.Interface
	other     *host.Host // the peer
	low, peer netip.Addr // the link-local addresses of both
	quiet     string     // what it keeps when nothing has happened
}

func newTarget(t testing.TB, role string) *target {
	g := &target{TB: t, role: role, loop: event.NewVirtual(1), pool: new(packet.Pool)}
	attach := func(h *host.Host, name string, port physical.Port, four, six string) *network.Interface {
		i, err := h.Attach(name, port, netip.MustParsePrefix(four))
		must(t, err)
		must(t, i.AddAddress(netip.MustParsePrefix(six)))
		return i
	}
	// Unjudged: what crosses it is wrong by intent.
	wire := physical.NewWire(g.loop, g.pool, 1500, physical.Impairment{}, physical.Impairment{})
	g.cable = wire.B()
	g.host = host.New(g.loop, g.pool, "target")
	a, b := wire.A(), wire.B()
	if role == "tagged" {
		g.splitter = link.NewSplitter(a)
		a, b = inVLAN(t, g.splitter), inVLAN(t, link.NewSplitter(b))
	}
	g.eth0 = attach(g.host, "eth0", a, "10.0.0.1/24", "2001:db8::1/64")
	g.other = host.New(g.loop, g.pool, "peer")
	peer := attach(g.other, "eth0", b, "10.0.0.2/24", "2001:db8::2/64")
	g.low, g.peer = g.eth0.Addresses()[0].Addr, peer.Addresses()[0].Addr.WithZone("")
	g.configure(role == "router")
	for _, at := range []string{"10.0.0.2:9", "[2001:db8::2]:9", "[" + g.peer.String() + "%eth0]:9"} {
		c, err := g.host.Dial("udp", at)
		must(t, err)
		_, err = c.Write([]byte("who is there?"))
		must(t, err)
		must(t, c.Close())
	}
	_ = g.loop.Run(g.loop.Now().Add(10 * time.Minute))
	g.quiet = g.state()
	return g
}

// close switches both off.
func (g *target) close() {
	g.host.Close()
	g.other.Close()
	_ = g.loop.Run(g.loop.Now()) // what is on the cable arrives
}

// inVLAN is the port of VLAN 10.
func inVLAN(t testing.TB, s *link.Splitter) physical.Port {
	p, err := s.Port(10)
	must(t, err)
	return p
}

// configure has the target listen to all that it can: what is refused is refused for
// its lengths.
func (g *target) configure(router bool) {
	n := g.host.Network
	n.SetForwarding(router)
	n.SetSourceRouting(true)
	if router {
		must(g.TB, g.eth0.Advertise(network.Advertising{}))
		must(g.TB, g.eth0.SetIGMPQuerier(true))
		must(g.TB, g.eth0.SetMLDQuerier(true))
	} else {
		must(g.TB, g.eth0.Autoconfigure(network.Autoconf{}))
	}
	for prefix, gateway := range map[string]netip.Addr{"0.0.0.0/0": netip.MustParseAddr("10.0.0.2"), "::/0": g.peer.WithZone("eth0")} {
		must(g.TB, n.AddRoute(network.Route{Prefix: netip.MustParsePrefix(prefix), Gateway: gateway}))
	}
	must(g.TB, g.eth0.JoinGroup(netip.MustParseAddr("239.7.7.7")))
	must(g.TB, g.eth0.JoinGroup(netip.MustParseAddr("ff05::77")))
	_, err := g.host.Listen("tcp", ":7")
	must(g.TB, err)
	_, err = g.host.ListenPacket("udp", ":7")
	must(g.TB, err)
}

// state is all that a packet might leave behind.
func (g *target) state() string {
	var s strings.Builder
	n := g.host.Network
	for _, nb := range g.eth0.NIC().Neighbours() {
		fmt.Fprintln(&s, "neighbour", nb.Addr, nb.MAC)
	}
	fmt.Fprintln(&s, "routes", n.Routes(), "addresses", g.eth0.Addresses())
	fmt.Fprintln(&s, "groups", g.eth0.Groups(), g.eth0.Listened())
	fmt.Fprintln(&s, "connections", g.host.TCP.Count(), "packets", g.pool.Live())
	return s.String()
}

// dropCounters are those that count what a layer has dropped on the way in.
var dropCounters = strings.Fields(`
	Runts UnknownVLAN InRunts InBadSource InNotForUs InUnknownType InMalformed InForged InConflicts InIgnored
	InBadHeader InTruncated InMartian InBadOptions InSourceRouted InMulticast InWrongLink InNoProtocol InDisabled
	InTooManyHeaders TTLExceeded NoRoute TooBig NotForwarded HostUnreachable SourceRouteFailed OutNoRoute
	FragmentsBad FragmentsDuplicate FragmentsOverlap ReassemblyTimeout ReassemblyEvicted
	ICMPBad ICMPUnknown ICMPBadError EchoIgnored GroupBad GroupUnknown NeighbourBad RedirectsIgnored
	BadLength BadChecksum NoPort QueueFull Malformed NotUnicast NoConnection BadSACK OutOfWindow BadACK`)

// drops returns those of the target that are not zero.
func (g *target) drops() map[string]uint64 {
	all := make(map[string]uint64)
	nic, tags := g.eth0.NIC().Stats(), link.SplitterStats{}
	if g.splitter != nil {
		tags = g.splitter.Stats()
	}
	for _, stats := range []any{tags, nic, nic.ARP, g.host.Network.Stats(), g.host.UDP.Stats(), g.host.TCP.Stats()} {
		v := reflect.ValueOf(stats)
		for i := range v.NumField() {
			if name := v.Type().Field(i).Name; slices.Contains(dropCounters, name) && v.Field(i).Uint() > 0 {
				all[v.Type().String()+"."+name] = v.Field(i).Uint()
			}
		}
	}
	return all
}

// accepted is how many packets have come to a protocol or were passed on.
func (g *target) accepted() uint64 {
	n, arp := g.host.Network.Stats(), g.eth0.NIC().Stats().ARP
	return n.Delivered + n.Forwarded + arp.InRequests + arp.InReplies
}

// receive has a frame come in. It returns whether it was accepted by somebody, and which
// counters of dropped packets say so after all timers have run.
func (g *target) receive(frame []byte) (accepted bool, dropped []string) {
	before, was := g.drops(), g.accepted()
	g.loop.Lock()
	g.cable.Transmit(g.pool.From(frame))
	g.loop.Unlock()
	accepted = g.accepted() > was
	_ = g.loop.Run(g.loop.Now().Add(5 * time.Minute))
	for name, n := range g.drops() {
		for range n - before[name] {
			dropped = append(dropped, name)
		}
	}
	return accepted, dropped
}

// try has a frame come in that is to be taken, or to be dropped, counted once and
// forgotten. It returns the target for the next one.
func (g *target) try(what string, frame []byte, taken bool) *target {
	g.Helper()
	accepted, dropped := g.receive(frame)
	switch {
	case taken && (len(dropped) > 0 || !accepted):
		g.Errorf("%s, %s: it is legal and should be taken; accepted is %v, dropped by %v", g.role, what, accepted, dropped)
	case !taken && len(dropped) != 1:
		g.Errorf("%s, %s: one counter should say that it was dropped; these do: %v", g.role, what, dropped)
	}
	if taken || len(dropped) != 1 {
		return newTarget(g.TB, g.role)
	}
	if now := g.state(); now != g.quiet {
		g.Errorf("%s, %s: dropped, but it has left something:\n%s\nbefore:\n%s", g.role, what, now, g.quiet)
		return newTarget(g.TB, g.role)
	}
	return g
}

// TestBadLengths: every length and count field of every kind of packet says everything
// that it should not, with the checksums wrong and right, and the packet ends anywhere.
// What is not legal is dropped, counted once, and leaves nothing behind.
func TestBadLengths(t *testing.T) {
	for _, role := range []string{"host", "router", "tagged"} {
		for _, k := range badKinds(newTarget(t, role)) {
			if role == "tagged" && !strings.HasPrefix(k.name, "802.1Q") {
				continue
			}
			t.Run(role+"/"+k.name, func(t *testing.T) {
				g := newTarget(t, role)
				taken := !slices.Contains(k.refused, role)
				g = g.try("as it should be", k.frame, taken)
				for i := range k.fields {
					g = g.lie(&k, &k.fields[i], taken)
				}
				step := 1
				if testing.Short() {
					step = 5
				}
				for n := 0; n < len(k.frame); n += step {
					cut := k.frame[:n:n]
					g = g.try(fmt.Sprintf("cut to %d bytes", n), cut, false)
					if right := mend(cut, true); !bytes.Equal(right, cut) {
						what := fmt.Sprintf("cut to %d bytes, and IP knows", n)
						g = g.try(what, right, taken && k.shorter != nil && k.shorter(uint(n)))
					}
				}
			})
		}
	}
}

// lie sets one field to all its values.
func (g *target) lie(k *badKind, f *lengthField, taken bool) *target {
	g.Helper()
	if is := f.get(k.frame) & f.bits() / f.unit(); is != f.right {
		g.Fatalf("%s is %d, the table says %d", f.name, is, f.right)
	}
	for _, v := range f.wrong() {
		what := fmt.Sprintf("%s %d instead of %d", f.name, v, f.right)
		bad := f.set(k.frame, v)
		right := mend(bad, false)
		if !bytes.Equal(bad, right) {
			g = g.try(what+", checksum wrong", bad, false)
		}
		g = g.try(what, right, taken && f.taken != nil && f.taken(v))
	}
	return g
}

// mend returns a frame with its checksums made right, as far as it has any, and if
// lengths is true, those of IP for the bytes that are there.
func mend(frame []byte, lengths bool) []byte {
	frame = bytes.Clone(frame)
	e, ip, err := header.ParseEthernet(frame)
	switch {
	case err != nil:
	case e.Type == header.EtherTypeIPv4 && len(ip) >= header.IPv4Len:
		if lengths {
			ip[2], ip[3] = byte(len(ip)>>8), byte(len(ip))
		}
		ip[10], ip[11] = 0, 0
		n := min(max(int(ip[0]&15)*4, header.IPv4Len), len(ip))
		sum := ^header.Checksum(ip[:n], 0)
		ip[10], ip[11] = byte(sum>>8), byte(sum)
		if h, body, err := header.ParseIPv4(ip); err == nil && !h.IsFragment() {
			mendBody(h.Protocol, body, h.Src, h.Dst)
		}
	case e.Type == header.EtherTypeIPv6 && len(ip) >= header.IPv6Len:
		if lengths {
			n := len(ip) - header.IPv6Len
			ip[4], ip[5] = byte(n>>8), byte(n)
		}
		h, body, _ := header.ParseIPv6(ip)
		next := h.NextHeader
		for next.IsExtension() {
			x, rest, err := header.ParseExtension(next, body)
			if err != nil {
				return frame
			}
			next, body = x.NextHeader, rest
		}
		mendBody(next, body, h.Src, h.Dst)
	}
	return frame
}

// mendBody makes the checksum of what IP carries right.
func mendBody(p header.Protocol, b []byte, src, dst netip.Addr) {
	at := map[header.Protocol]int{
		header.ProtocolICMP: 2, header.ProtocolIGMP: 2, header.ProtocolICMPv6: 2, header.ProtocolUDP: 6, header.ProtocolTCP: 16,
	}[p]
	if at == 0 || len(b) < at+2 {
		return
	}
	if p == header.ProtocolUDP {
		if n := int(b[4])<<8 | int(b[5]); n >= header.UDPLen && n <= len(b) {
			b = b[:n]
		}
	}
	b[at], b[at+1] = 0, 0
	var pseudo uint16
	if p != header.ProtocolICMP && p != header.ProtocolIGMP {
		pseudo = header.PseudoSum(src, dst, p, len(b))
	}
	sum := ^header.Checksum(b, pseudo)
	b[at], b[at+1] = byte(sum>>8), byte(sum)
}
