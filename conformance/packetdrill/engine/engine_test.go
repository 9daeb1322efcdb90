package engine

import (
	"errors"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"septet/header"
	"septet/socket"
)

// counter gives the numbers from 3 on, and lower ones again once they are closed,
// as the kernel does.
type counter map[int]bool

func (c counter) Open() (int, error) {
	fd := 3
	for c[fd] {
		fd++
	}
	c[fd] = true
	return fd, nil
}

func (c counter) Close(fd int) error {
	delete(c, fd)
	return nil
}

// bench is an engine, and a peer that plays segments to it.
type bench struct {
	*testing.T
	Caller
	engine   *Engine
	numbers  counter
	seq, ack header.Seq
}

var (
	localAddr  = netip.MustParseAddrPort("192.168.0.1:8080")
	remoteAddr = netip.MustParseAddrPort("192.0.2.1:8080")
)

func newBench(t *testing.T) *bench {
	t.Helper()
	c, err := ParseFlags("")
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{T: t, numbers: counter{}, seq: 100}
	if b.engine, err = New(c, b.numbers); err != nil {
		t.Fatal(err)
	}
	b.Caller = b.engine.Main()
	t.Cleanup(b.engine.Free)
	return b
}

func (b *bench) ok(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// send has the host receive a segment of the peer.
func (b *bench) send(flags header.TCPFlags, text string) {
	b.Helper()
	tcp := header.TCP{
		SrcPort: remoteAddr.Port(), DstPort: localAddr.Port(),
		Seq: b.seq, Flags: flags, Window: 65535,
	}
	if flags.Has(header.ACK) {
		tcp.Ack = b.ack
	}
	p := make([]byte, header.IPv4Len+header.TCPLen+len(text))
	segment := p[header.IPv4Len:]
	tcp.Put(segment)
	copy(segment[header.TCPLen:], text)
	tcp.Checksum = header.Checksum(segment, header.PseudoSum(remoteAddr.Addr(), localAddr.Addr(), header.ProtocolTCP, len(segment)))
	tcp.Checksum = ^tcp.Checksum
	tcp.Put(segment)
	ip := header.IPv4{
		TotalLength: len(p), TTL: 64, Protocol: header.ProtocolTCP,
		Src: remoteAddr.Addr(), Dst: localAddr.Addr(),
	}
	ip.Put(p)
	b.ok(b.SendPacket(p))
	b.seq = b.seq.Add(len(text))
	if flags&(header.SYN|header.FIN) != 0 {
		b.seq++
	}
}

// next returns the next segment that the host sends.
func (b *bench) next() (header.TCP, Sent) {
	b.Helper()
	s, ok := b.ReceivePacket()
	if !ok {
		b.Fatal("the host should send a segment, and nothing is left that could happen")
	}
	_, payload, err := header.ParseIPv4(s.Bytes)
	b.ok(err)
	var tcp header.TCP
	n, err := header.ParseTCP(payload, &tcp)
	b.ok(err)
	b.ack = tcp.Seq.Add(len(payload) - n)
	if tcp.Flags&(header.SYN|header.FIN) != 0 {
		b.ack++
	}
	return tcp, s
}

func (b *bench) listen() int {
	b.Helper()
	fd := must(b.Socket(socket.AF_INET, socket.SOCK_STREAM, 0))(b)
	b.ok(b.Bind(fd, Sockaddr(localAddr)))
	b.ok(b.Listen(fd, 5))
	return fd
}

// must returns what a call returns, and ends the test if that is an error.
func must[T any](v T, err error) func(*bench) T {
	return func(b *bench) T {
		b.Helper()
		b.ok(err)
		return v
	}
}

func (b *bench) handshake() {
	b.Helper()
	b.send(header.SYN, "")
	if s, _ := b.next(); s.Flags != header.SYN|header.ACK {
		b.Fatalf("a SYN to a listener should be answered with SYN, ACK, not %v", s.Flags)
	}
	b.send(header.ACK, "")
}

// established returns an accepted connection.
func (b *bench) established() int {
	b.Helper()
	l := b.listen()
	b.handshake()
	fd, peer, err := b.Accept(l)
	b.ok(err)
	if _, a, _ := ParseSockaddr(peer); a != remoteAddr {
		b.Fatalf("accept told the peer's address as %v, it is %v", a, remoteAddr)
	}
	return fd
}

func (b *bench) wantErrno(what string, err error, want syscall.Errno) {
	b.Helper()
	if !errors.Is(err, want) {
		b.Errorf("%s: %v; it should fail with %v", what, err, want)
	}
}

func TestTheClockStandsStillBetweenCalls(t *testing.T) {
	b := newBench(t)
	begin := b.GetTimeOfDay()
	if want := socket.Epoch.UnixMicro() + 1; begin != want {
		t.Errorf("the first look at the clock gives %d, it should give %d", begin, want)
	}
	b.Sleep(time.Hour)
	if got, want := b.GetTimeOfDay()-begin, time.Hour.Microseconds()+1; got != want {
		t.Errorf("an hour's sleep and a look took %d us, they should take %d", got, want)
	}
}

func TestReceivePacketStopsAtTheTimerThatSends(t *testing.T) {
	b := newBench(t)
	fd := must(b.Socket(socket.AF_INET, socket.SOCK_STREAM|socket.SOCK_NONBLOCK, 0))(b)
	b.wantErrno("a connect that does not block", b.Connect(fd, Sockaddr(remoteAddr)), syscall.EINPROGRESS)
	_, first := b.next()
	_, second := b.next()
	if d := second.Micro - first.Micro; d != 1e6 {
		t.Errorf("the SYN came again after %d us; RFC 6298, 2.1, starts with a second", d)
	}
	if now := b.GetTimeOfDay(); now != second.Micro+1 {
		t.Errorf("the clock is at %d; it should have stopped at the packet, %d", now-1, second.Micro)
	}
	b.ok(b.Close(fd))
	if p, ok := b.ReceivePacket(); ok {
		t.Errorf("the socket is closed and nothing can happen any more, but % x came", p.Bytes)
	}
}

func TestTheWireAnswersARPForEverybodyButTheHost(t *testing.T) {
	b := newBench(t)
	ask := func(target string) int {
		q := header.ARP{
			Operation: header.ARPRequest, SenderMAC: hostMAC, SenderIP: localAddr.Addr(),
			TargetIP: netip.MustParseAddr(target),
		}
		raw := make([]byte, header.ARPLen)
		q.Put(raw)
		n, _ := direct(b.Caller, func() (int, error) {
			b.engine.wire.answerARP(raw)
			return b.engine.wire.replies.Len(), nil
		})
		return n
	}
	if ask("198.51.100.7") != 1 {
		t.Error("every address is at the far end of the wire: the request should be answered")
	}
	if ask("192.168.0.1") != 0 {
		t.Error("the host's own address was answered for: it would believe that somebody else has it")
	}
}

// TestTimeWaitsForTheSideToSeeIt: a call of the side is woken in the middle of a
// long sleep, and sees the time at which that was.
func TestTimeWaitsForTheSideToSeeIt(t *testing.T) {
	b := newBench(t)
	side := b.engine.Side()
	begun, done := make(chan int64, 1), make(chan int64, 1)
	go func() {
		begun <- side.GetTimeOfDay()
		_, _ = side.EpollWait(must(side.EpollCreate(1))(b), 1, 250)
		done <- side.GetTimeOfDay()
	}()
	start := <-begun
	for b.waitingPolls() == 0 { // until the side is blocked
		time.Sleep(time.Millisecond)
	}
	b.Sleep(10 * time.Second)
	if took := <-done - start; took < 250_000 || took > 250_010 {
		t.Errorf("a wait of 250 ms ended after %d us of the side's clock", took)
	}
	if now := b.GetTimeOfDay() - start; now < 10_000_000 {
		t.Errorf("the main thread's sleep ended after %d us instead of 10 s", now)
	}
}

func (b *bench) waitingPolls() int {
	n, _ := direct(b.engine.Side(), func() (int, error) { return len(b.engine.polls), nil })
	return n
}

func TestASideThatNeverLooksAtTheClockDoesNotHoldItForEver(t *testing.T) {
	b := newBench(t)
	side := b.engine.Side()
	if _, err := side.Poll(nil, 0); err != nil {
		t.Fatal(err)
	}
	b.Sleep(time.Second) // returns after stampPatience, or the test hangs
	if n, _ := direct(side, func() (bool, error) { return b.engine.owed, nil }); n {
		t.Error("the side's debt should be forgotten after a while")
	}
}

func TestAMainThreadThatBlocksForEverIsTold(t *testing.T) {
	b := newBench(t)
	fd := b.established()
	_, err := b.Receive(fd, [][]byte{make([]byte, 1)}, 0)
	b.wantErrno("a read that nothing can end", err, syscall.EDEADLK)
	// The data that comes later is still there for a later call, but for what
	// the abandoned one takes.
	b.send(header.ACK|header.PSH, "ab")
	m := must(b.Receive(fd, [][]byte{make([]byte, 9)}, socket.MSG_DONTWAIT))(b)
	if m.N != 1 {
		t.Errorf("a byte should be left beside that of the abandoned call, got %d", m.N)
	}
}

func TestANumberClosedBehindTheEnginesBack(t *testing.T) {
	b := newBench(t)
	fd := b.listen()
	b.ok(b.numbers.Close(fd)) // close(2)
	if again := b.listen(); again != fd {
		t.Fatalf("the kernel would give %d again, got %d", fd, again)
	}
	// A second listener on the same port: the first one must be gone.
	b.handshake()
}

func TestFreeEndsEverything(t *testing.T) {
	b := newBench(t)
	b.established()
	b.engine.Free()
	_, err := b.Socket(socket.AF_INET, socket.SOCK_STREAM, 0)
	b.wantErrno("a call after free", err, syscall.ENETDOWN)
	b.engine.Free() // twice does no harm
}
