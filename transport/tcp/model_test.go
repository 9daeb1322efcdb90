package tcp

import (
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"

	ev "septet/event"
	"septet/header"
	"septet/link"
	"septet/network"
	"septet/packet"
)

// A small exhaustive model: two hosts with this package's own code, from TCP down
// to the NIC, and between them a network that belongs to an explorer. At every
// step the explorer has a choice: which segment arrives, is lost or comes twice,
// whether the next timer runs out before that, which user makes his next call. It
// tries all of them, up to a budget for what goes wrong (see modelsearch_test.go),
// and holds the rules of modelrules_test.go after each.

// budget is how much may go wrong on the way from the beginning to an end.
type budget struct {
	lose    int  // segments lost
	double  int  // segments that come a second time, perhaps much later
	reorder int  // segments that overtake another
	early   int  // timers that run out although a segment or a call could come first
	abort   int  // ABORT calls, by either user, at any moment
	prompt  bool // users make their calls as soon as they can, not at any moment
}

// verb is a call of a user.
type verb uint8

const (
	callConnect  verb = iota
	callAccept        // waits for a connection
	callWrite         // n bytes
	callRead          // at most n bytes, at least one
	callDrain         // reads until the peer's FIN
	callShutdown      // of the sending side
	callClose
	callUnlisten
)

var verbNames = [...]string{"connect", "accept", "write", "read", "drain", "shutdown", "close", "unlisten"}

type userCall struct {
	verb verb
	n    int
}

// program is what is explored.
type program struct {
	name        string
	users       [2][]userCall
	listens     bool // the second host listens from the beginning
	together    bool // the first calls of both users are made at the beginning
	budget      budget
	large       budget // with -model
	personality func(*Personality)
	options     Options
	// graceful: no user lets go of what the other one sends, so every byte must
	// arrive and nobody may see an error.
	graceful bool
}

// world is one state of two hosts and the network between them.
type world struct {
	program *program
	loop    *ev.Loop
	pool    *packet.Pool
	hosts   [2]*modelHost
	left    budget
	broken  []string // rules that did not hold
}

// modelHost is one host with its user.
type modelHost struct {
	w        *world
	index    int
	ip       netip.Addr
	mac      header.MAC
	tcp      *Layer
	receive  func(*packet.Packet)
	incoming []onTheWay // to this host, the oldest first
	opened   int        // connections so far, each with its own ISS

	listener *Listener
	conn     *Conn
	next     int // call of the program
	wrote    int
	got      int
	eof      bool
	finished bool // the user has let go
	aborted  bool
	refused  bool // closed with data unread
	err      error

	edges map[*Conn]header.Seq // right edges told, which never move back
	acks  map[*Conn]header.Seq
	reach header.Seq // the furthest right edge that the host has heard of
	heard bool
}

// onTheWay is a segment in the network.
type onTheWay struct {
	datagram []byte
	header.TCP
	text   int
	at     ev.Time
	copied bool // it comes a second time, and may be late
}

const (
	modelPortA = 1000
	modelPortB = 2000
)

// modelISS are the initial sequence numbers; the second wraps around within the
// connection. Every further connection of a host begins well beyond.
var modelISS = [2]header.Seq{1000, 0xfffffffe}

// modelEpoch is when a run begins: not at zero, so that a moment that was
// forgotten is not taken for now.
const modelEpoch = ev.Time(time.Second)

// modelPersonality has few retries, so that there is an end to everything.
func modelPersonality(p *program) *Personality {
	x := LinuxPersonality
	x.WindowScale, x.QuickACKs, x.Timestamps = 0, 1, false
	x.MaxRTO, x.SynRetries, x.SynAckRetries, x.DataRetries = 2*time.Second, 5, 5, 8
	x.FinWait2 = 0
	x.KeepIdle, x.KeepInterval, x.KeepCount = 10*time.Second, 5*time.Second, 2
	x.SendBuffer, x.ReceiveBuffer, x.MaxSendBuffer, x.MaxReceiveBuffer = 4096, 4096, 0, 0
	if p.personality != nil {
		p.personality(&x)
	}
	return &x
}

// newWorld returns the state at the beginning of a program. Unjudged: a state has
// rules of its own, which know both ends' memory.
func newWorld(p *program, b budget) *world {
	w := &world{program: p, loop: ev.NewVirtual(1), pool: &packet.Pool{}, left: b}
	about := modelPersonality(p)
	w.loop.Run(modelEpoch)
	for i := range w.hosts {
		w.hosts[i] = &modelHost{
			w: w, index: i, ip: theFamily().addr(netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)})),
			mac:   header.MAC{2, 0, 0, 0, 0, byte(i + 1)},
			edges: map[*Conn]header.Seq{}, acks: map[*Conn]header.Seq{},
		}
		w.hosts[i].boot(about)
	}
	if p.listens {
		h := w.hosts[1]
		h.listener, _ = h.tcp.Listen(h.reserve(), 1, nil)
		h.listener.SetOptions(p.options)
	}
	if p.together {
		for i := range w.hosts {
			w.do(choice{chooseCall, uint8(i), 0})
		}
	}
	return w
}

func (h *modelHost) boot(about *Personality) {
	n := network.New(h.w.loop, h.w.pool)
	nic := link.NewNIC(h.w.loop, h.w.pool, "eth0", h.mac, h)
	if _, err := n.AddInterface(nic, netip.PrefixFrom(h.ip, h.ip.BitLen()-8)); err != nil {
		panic(err)
	}
	h.tcp = New(n, about)
	h.tcp.env = &modelEnvironment{h.tcp, h}
}

// modelEnvironment is the layer's own, with initial sequence numbers and the
// timestamp clock chosen.
type modelEnvironment struct {
	*Layer
	host *modelHost
}

func (e *modelEnvironment) secrets(*Conn, ev.Time) (header.Seq, uint32) {
	e.host.opened++
	return modelISS[e.host.index].Add((e.host.opened - 1) << 20), 1 << 20
}

// emit looks at a segment on its way out.
func (e *modelEnvironment) emit(c *Conn, s *Segment) {
	e.host.checkSent(c, s)
	e.Layer.emit(c, s)
}

func (h *modelHost) other() *modelHost { return h.w.hosts[1-h.index] }

func (h *modelHost) address() netip.AddrPort {
	return netip.AddrPortFrom(h.ip, [2]uint16{modelPortA, modelPortB}[h.index])
}

func (h *modelHost) reserve() *Port {
	p, err := h.tcp.Reserve(h.address(), Sharing{ReuseAddr: true})
	if err != nil {
		h.w.breaks("%s cannot bind: %v", h, err)
	}
	return p
}

func (h *modelHost) String() string { return string(rune('A' + h.index)) }

// Transmit is the cable's: ARP is answered at once, segments go to the explorer.
func (h *modelHost) Transmit(p *packet.Packet) {
	defer p.Release()
	eth, payload, err := header.ParseEthernet(p.Bytes())
	if err != nil {
		h.w.breaks("%s sends a frame that does not parse", h)
		return
	}
	if eth.Type == header.EtherTypeARP {
		h.answerARP(payload)
		return
	}
	f := onTheWay{datagram: bytes.Clone(payload), at: h.w.loop.Now()}
	_, segment, _ := header.ParseIPv4(payload)
	if eth.Type == header.EtherTypeIPv6 {
		var ip header.IPv6
		if ip, segment, _ = header.ParseIPv6(payload); ip.NextHeader != header.ProtocolTCP {
			if answer := h.advertisement(segment); answer != nil {
				h.arrive(answer, header.EtherTypeIPv6)
			}
			return
		}
	}
	n, err := header.ParseTCP(segment, &f.TCP)
	if err != nil {
		h.w.breaks("%s sends a segment that does not parse", h)
		return
	}
	f.text = len(segment) - n
	h.other().incoming = append(h.other().incoming, f)
}

// OnReceive is the cable's.
func (h *modelHost) OnReceive(f func(*packet.Packet)) { h.receive = f }

// MTU is the cable's.
func (h *modelHost) MTU() int { return theFamily().mtu(1500) }

// advertisement answers who asks for the other host.
func (h *modelHost) advertisement(message []byte) *packet.Packet {
	other := h.other()
	return neighbourAdvertisement(h.w.pool, message, other.ip, h.ip, other.mac)
}

func (h *modelHost) answerARP(request []byte) {
	a, err := header.ParseARP(request)
	if err != nil || a.Operation != header.ARPRequest || a.TargetIP != h.other().ip {
		return
	}
	p := h.w.pool.Get(0)
	reply := header.ARP{
		Operation: header.ARPReply, SenderMAC: h.other().mac, SenderIP: h.other().ip,
		TargetMAC: h.mac, TargetIP: h.ip,
	}
	reply.Put(p.Extend(header.ARPLen))
	h.arrive(p, header.EtherTypeARP)
}

func (h *modelHost) arrive(p *packet.Packet, typ header.EtherType) {
	eth := header.Ethernet{Dst: h.mac, Src: h.other().mac, Type: typ}
	eth.Put(p.Push(header.EthernetLen))
	h.w.loop.Post(arrival{h, p})
}

type arrival struct {
	h *modelHost
	p *packet.Packet
}

func (a arrival) Run() { a.h.receive(a.p) }

// choice is one thing that can happen next.
type choice struct {
	what  uint8
	host  uint8
	index uint8 // of the segment
}

const (
	chooseDeliver uint8 = iota
	chooseLose
	chooseDouble // deliver it, and keep a copy for later
	chooseCall
	chooseTimer
	chooseAbort
)

// choices returns what can happen next, the most ordinary first.
func (w *world) choices(all []choice) []choice {
	all = all[:0]
	waits := false
	for i, h := range w.hosts {
		for n, f := range h.incoming {
			waits = waits || !f.copied
			if n == 0 || w.left.reorder > 0 {
				all = append(all, choice{chooseDeliver, uint8(i), uint8(n)})
			}
		}
		if h.callable() {
			waits = true
			if w.left.prompt {
				return append(all[:0], choice{chooseCall, uint8(i), 0})
			}
			all = append(all, choice{chooseCall, uint8(i), 0})
		}
	}
	if w.deadline() != ev.Never && (!waits || w.left.early > 0) {
		all = append(all, choice{what: chooseTimer})
	}
	for i, h := range w.hosts {
		for n, f := range h.incoming {
			if w.left.lose > 0 {
				all = append(all, choice{chooseLose, uint8(i), uint8(n)})
			}
			if w.left.double > 0 && !f.copied && (n == 0 || w.left.reorder > 0) {
				all = append(all, choice{chooseDouble, uint8(i), uint8(n)})
			}
		}
		if w.left.abort > 0 && h.conn != nil && !h.finished && h.conn.state != Closed {
			all = append(all, choice{chooseAbort, uint8(i), 0})
		}
	}
	return all
}

// deadline is when the next timer of a connection runs out.
func (w *world) deadline() ev.Time {
	d := ev.Never
	for _, h := range w.hosts {
		h.tcp.table.each(func(c *Conn) { d = min(d, c.timer.When()) })
	}
	return d
}

// do takes a choice.
func (w *world) do(x choice) {
	h := w.hosts[x.host]
	switch x.what {
	case chooseCall:
		h.call()
	case chooseAbort:
		w.left.abort--
		h.aborted, h.finished = true, true
		h.conn.Abort()
	case chooseTimer:
		w.expire()
	default:
		w.deliver(h, x)
	}
	w.loop.Run(w.loop.Now())
}

func (w *world) deliver(h *modelHost, x choice) {
	f := h.incoming[x.index]
	h.incoming = slices.Delete(h.incoming, int(x.index), int(x.index)+1)
	if x.what == chooseLose {
		w.left.lose--
		return
	}
	if x.index > 0 {
		w.left.reorder--
	}
	if x.what == chooseDouble {
		w.left.double--
		again := f
		again.copied = true
		h.incoming = append(h.incoming, again)
	}
	if f.Flags.Has(header.ACK) && !f.Flags.Has(header.RST) {
		if edge := f.Ack.Add(int(f.Window)); !h.heard || edge.After(h.reach) {
			h.reach, h.heard = edge, true
		}
	}
	p := w.pool.Get(len(f.datagram))
	p.Append(f.datagram)
	typ := header.EtherTypeIPv4
	if h.ip.Is6() {
		typ = header.EtherTypeIPv6
	}
	h.arrive(p, typ)
}

// expire lets the next timer run out. Copies older than the maximum segment
// lifetime are no more.
func (w *world) expire() {
	for _, h := range w.hosts {
		early := h.callable()
		for _, f := range h.incoming {
			early = early || !f.copied
		}
		if early {
			w.left.early--
			break
		}
	}
	w.loop.Run(w.deadline())
	for _, h := range w.hosts {
		h.incoming = slices.DeleteFunc(h.incoming, func(f onTheWay) bool {
			return w.loop.Now().Sub(f.at) > h.tcp.about.TimeWait/2
		})
	}
}

// present returns the user's next call.
func (h *modelHost) present() (userCall, bool) {
	calls := h.w.program.users[h.index]
	if h.finished || h.next >= len(calls) {
		return userCall{}, false
	}
	return calls[h.next], true
}

// callable reports whether the user's next call would not block.
func (h *modelHost) callable() bool {
	u, ok := h.present()
	switch {
	case !ok:
		return false
	case u.verb == callConnect || u.verb == callUnlisten:
		return true
	case u.verb == callAccept:
		return h.listener.Pending() > 0
	case h.conn == nil:
		return false
	case u.verb == callWrite:
		return h.conn.CanWrite()
	case u.verb == callRead || u.verb == callDrain:
		return h.conn.CanRead()
	case u.verb == callShutdown:
		return h.conn.state != SynSent
	}
	return true
}

// call makes the user's next call. After an error he closes.
func (h *modelHost) call() {
	u, _ := h.present()
	var err error
	again := false
	switch u.verb {
	case callConnect:
		p := h.reserve()
		h.conn, err = h.tcp.Connect(p, h.other().address(), nil, h.w.program.options)
		p.Release()
	case callAccept:
		h.conn = h.listener.Accept()
	case callUnlisten:
		h.listener.Close()
	case callWrite:
		var n int
		n, err = h.conn.Write(h.content(h.wrote, u.n))
		h.wrote += n
	case callRead, callDrain:
		again, err = h.read(u)
	case callShutdown:
		err = h.conn.CloseWrite()
	case callClose:
		h.close()
	}
	if err != nil {
		h.err = err
		h.close()
	}
	if !again {
		h.next++
	}
}

func (h *modelHost) close() {
	h.finished = true
	h.refused = h.conn.rcv.size > 0
	h.conn.Close()
}

func (h *modelHost) read(u userCall) (again bool, err error) {
	b := make([]byte, 64)
	if u.verb == callRead {
		b = b[:u.n]
	}
	n, err := h.conn.Read(b)
	if !bytes.Equal(b[:n], h.other().content(h.got, n)) {
		h.w.breaks("%s reads bytes at %d that %s has not written there", h, h.got, h.other())
	}
	h.got += n
	switch {
	case err == io.EOF:
		h.eof = true
		return false, nil
	case err == syscall.EAGAIN:
		h.w.breaks("%s could read, and then could not", h)
	}
	return u.verb == callDrain && err == nil, err
}

// content is what a host's user writes.
func (h *modelHost) content(at, n int) []byte { return pattern(at+1000*h.index, n) }

func (w *world) breaks(format string, args ...any) {
	w.broken = append(w.broken, fmt.Sprintf(format, args...))
}

// describe writes a choice for a reader, before it is taken.
func (w *world) describe(x choice) string {
	h := w.hosts[x.host]
	if x.what == chooseTimer {
		return fmt.Sprintf("timer, %v later", w.deadline().Sub(w.loop.Now()))
	}
	if x.what == chooseAbort {
		return fmt.Sprintf("%s aborts in %v", h, h.conn.state)
	}
	if x.what == chooseCall {
		u, _ := h.present()
		return fmt.Sprintf("%s calls %s %d", h, verbNames[u.verb], u.n)
	}
	f := &h.incoming[x.index]
	verb := [...]string{"arrives", "is lost", "arrives, and a copy stays"}[x.what]
	return fmt.Sprintf("%s at %s, number %d: %s", verb, h, x.index, w.segmentText(h, f))
}

func (w *world) segmentText(h *modelHost, f *onTheWay) string {
	var b strings.Builder
	ours, theirs := modelISS[1-h.index], modelISS[h.index]
	fmt.Fprintf(&b, "%s seq %d len %d", strings.ReplaceAll(f.Flags.String(), ", ", ","), f.Seq.Sub(ours), f.text)
	if f.Flags.Has(header.ACK) {
		fmt.Fprintf(&b, " ack %d", f.Ack.Sub(theirs))
	}
	fmt.Fprintf(&b, " win %d", f.Window)
	for _, s := range f.Options.SACK[:f.Options.NumSACK] {
		fmt.Fprintf(&b, " sack %d-%d", s.Left.Sub(theirs), s.Right.Sub(theirs))
	}
	return b.String()
}
