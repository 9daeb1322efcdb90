package socket

import (
	"math"
	"net/netip"
	"syscall"

	"septet/network"
)

// option is what getsockopt(2) and setsockopt(2) call one.
type option struct{ level, name int }

// rareOptions is what few sockets ever set. It is made with the first of it, so that the
// others need a pointer for it and no more.
type rareOptions struct {
	kept      map[option]int // values that were set, of keptOptions
	heritage  *heritage      // of a listener: what the connection that came last has of it
	wants     wants
	noHops    bool       // IPV6_UNICAST_HOPS is 0
	groupAddr netip.Addr // IP_MULTICAST_IF, as it was set
	linger    Linger     // how long a stream lingers; of other sockets it means nothing
	errors    errorQueue
	groups    [2]*network.Multicast // of a stream: those of IPv4, of IPv6
}

// wants are the control messages that a socket wants to receive.
type wants uint16

const (
	wantTime wants = 1 << iota
	wantTimeNS
	wantErrors
	wantPacketInfo
	wantTTL
	wantTOS
	wantOriginalDst
	wantErrors6
	wantPacketInfo6
	wantHopLimit
	wantTrafficClass
)

const wantStamps = wantTime | wantTimeNS

// keptOption is an option that is a number and belongs to no protocol.
type keptOption struct {
	usual       int // before it is set
	least, most int // otherwise EINVAL; with both zero it is a switch
	wants       wants
	fixed       bool // it cannot be set
	strict      bool // a switch that takes nothing but 0 and 1
}

// keptOptions are looked at after those that a protocol has itself.
var keptOptions = map[option]keptOption{
	{SOL_SOCKET, SO_OOBINLINE}:   {},
	{SOL_SOCKET, SO_NO_CHECK}:    {},
	{SOL_SOCKET, SO_RCVLOWAT}:    {usual: 1, least: math.MinInt32, most: math.MaxInt32},
	{SOL_SOCKET, SO_SNDLOWAT}:    {usual: 1, fixed: true},
	{SOL_SOCKET, SO_TIMESTAMP}:   {wants: wantTime},
	{SOL_SOCKET, SO_TIMESTAMPNS}: {wants: wantTimeNS},

	{SOL_IP, IP_HDRINCL}:         {fixed: true},
	{SOL_IP, IP_PKTINFO}:         {wants: wantPacketInfo},
	{SOL_IP, IP_MTU_DISCOVER}:    {usual: IP_PMTUDISC_WANT, most: IP_PMTUDISC_OMIT}, // of a stream
	{SOL_IP, IP_RECVERR}:         {wants: wantErrors},
	{SOL_IP, IP_RECVTTL}:         {wants: wantTTL},
	{SOL_IP, IP_RECVTOS}:         {wants: wantTOS},
	{SOL_IP, IP_FREEBIND}:        {},
	{SOL_IP, IP_RECVORIGDSTADDR}: {wants: wantOriginalDst},

	{SOL_IPV6, IPV6_MTU_DISCOVER}: {usual: IP_PMTUDISC_WANT, most: IP_PMTUDISC_OMIT}, // of a stream
	{SOL_IPV6, IPV6_RECVERR}:      {wants: wantErrors6},
	{SOL_IPV6, IPV6_RECVPKTINFO}:  {wants: wantPacketInfo6},
	{SOL_IPV6, IPV6_RECVHOPLIMIT}: {wants: wantHopLimit},
	{SOL_IPV6, IPV6_RECVTCLASS}:   {wants: wantTrafficClass},

	// Of streams, which have no groups.
	{SOL_IP, IP_MULTICAST_TTL}:      {usual: 1, fixed: true},
	{SOL_IP, IP_MULTICAST_LOOP}:     {usual: 1},
	{SOL_IP, IP_MULTICAST_ALL}:      {usual: 1, strict: true},
	{SOL_IPV6, IPV6_MULTICAST_IF}:   {fixed: true},
	{SOL_IPV6, IPV6_MULTICAST_HOPS}: {usual: 1, fixed: true},
	{SOL_IPV6, IPV6_MULTICAST_LOOP}: {usual: 1, strict: true},
	{SOL_IPV6, IPV6_MULTICAST_ALL}:  {usual: 1},
	{SOL_TCP, TCP_WINDOW_CLAMP}:     {least: math.MinInt32, most: math.MaxInt32},
}

// needRare returns the rare options, made if there were none.
func (s *Socket) needRare() *rareOptions {
	if s.rare == nil {
		s.rare = &rareOptions{}
		if t, ok := s.protocol.(*stream); ok {
			t.shutTaken()
		}
	}
	return s.rare
}

// wants reports whether the socket wants one of the control messages w.
func (s *Socket) wants(w wants) bool { return s.rare != nil && s.rare.wants&w != 0 }

// keeps returns one of the keptOptions, false if there is none or a socket of another
// family has it.
func (s *Socket) keeps(o option) (keptOption, bool) {
	k, ok := keptOptions[o]
	switch o.level {
	case SOL_IP:
		ok = ok && s.hasIPOptions()
	case SOL_IPV6:
		ok = ok && s.domain == AF_INET6
	case SOL_TCP:
		ok = ok && s.kind == SOCK_STREAM
	}
	return k, ok
}

// keptValue returns the value of one.
func (s *Socket) keptValue(o option) (int, error) {
	k, ok := s.keeps(o)
	if !ok {
		return 0, syscall.ENOPROTOOPT
	}
	if s.rare != nil {
		if v, set := s.rare.kept[o]; set {
			return v, nil
		}
	}
	if o.level == SOL_IP && o.name == IP_MULTICAST_ALL && s.domain == AF_INET6 {
		return 0, nil // Linux begins a socket of IPv6 without
	}
	return k.usual, nil
}

// keep sets one.
func (s *Socket) keep(o option, value int) error {
	k, ok := s.keeps(o)
	switch {
	case !ok, k.fixed:
		return syscall.ENOPROTOOPT
	case k.strict && value != 0 && value != 1:
		return syscall.EINVAL
	case k.least == 0 && k.most == 0:
		value = number(value != 0)
	case value < k.least || value > k.most:
		return syscall.EINVAL
	}
	switch {
	case o == option{SOL_SOCKET, SO_RCVLOWAT}:
		value = s.clampLowWater(value)
	case o == option{SOL_TCP, TCP_WINDOW_CLAMP}:
		if value == 0 && s.protocol.(*stream).state != unconnected {
			return syscall.EINVAL
		}
		if value != 0 {
			value = max(value, minReceiveBuffer/2)
		}
	}
	r := s.needRare()
	if r.kept == nil {
		r.kept = make(map[option]int)
	}
	if k.wants&wantStamps != 0 {
		// There is one stamp, in the one unit or the other.
		delete(r.kept, option{SOL_SOCKET, SO_TIMESTAMP})
		delete(r.kept, option{SOL_SOCKET, SO_TIMESTAMPNS})
		r.wants &^= wantStamps
	}
	r.kept[o] = value
	if r.wants |= k.wants; value == 0 {
		r.wants &^= k.wants
	}
	s.applyRare()
	if o == (option{SOL_SOCKET, SO_RCVLOWAT}) {
		s.tell(arrived) // what is there may be enough now
	}
	return nil
}

// clampLowWater bounds SO_RCVLOWAT: zero is one, negative is as much as there can be.
func (s *Socket) clampLowWater(value int) int {
	switch {
	case value < 0:
		value = math.MaxInt32
	case value == 0:
		value = 1
	}
	if s.kind == SOCK_STREAM {
		value = min(value, maxLowWater)
	}
	return value
}

// maxLowWater is half of the longest receive buffer, as on Linux (tcp_rmem).
const maxLowWater = 16 << 20

// applyRare tells the layer below what it must do for the socket.
func (s *Socket) applyRare() {
	if t, ok := s.protocol.(*stream); ok {
		t.applyRare(s.rare.kept)
	}
	d, ok := s.protocol.(*datagram)
	if !ok {
		return
	}
	d.endpoint.SetReports(s.wants(wantErrors), s.wants(wantErrors6))
	d.endpoint.SetStamps(s.wants(wantStamps))
	d.endpoint.SetNoChecksum(s.rare.kept[option{SOL_SOCKET, SO_NO_CHECK}] != 0)
	d.endpoint.SetFreeBind(s.rare.kept[option{SOL_IP, IP_FREEBIND}] != 0)
}

// lowWater is how many bytes a stream must have before a receiving call returns, or poll
// says that it would (SO_RCVLOWAT).
func (s *Socket) lowWater() int {
	if s.rare == nil {
		return 1
	}
	return max(s.rare.kept[option{SOL_SOCKET, SO_RCVLOWAT}], 1)
}
