package link

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"septet/header"
	"septet/packet"
)

const (
	broadcastRequest = "to ff:ff:ff:ff:ff:ff who has 10.0.0.2 tell 10.0.0.1"
	unicastRequest   = "to 02:00:00:00:00:02 who has 10.0.0.2 tell 10.0.0.1"
)

func (b *bench) state(want NeighbourState, why string) {
	b.t.Helper()
	if got := b.nic.Neighbour(peerIP).State(); got != want {
		b.t.Errorf("the neighbour is %v, should be %v: %s", got, want, why)
	}
}

func TestRequestBytes(t *testing.T) {
	b := newBench(t)
	var frame []byte
	b.port.OnReceive(func(p *packet.Packet) { frame = slices.Clone(p.Bytes()); p.Release() })
	b.output(peerIP, "x")
	b.run(0)
	// RFC 826: hardware 1, protocol 0800, lengths 6 and 4, request, then sender and target.
	want := "ffffffffffff" + "020000000001" + "0806" +
		"0001" + "0800" + "06" + "04" + "0001" + "020000000001" + "0a000001" + "000000000000" + "0a000002"
	if got := hex.EncodeToString(frame); got != want {
		t.Errorf("the request is\n%s, should be\n%s", got, want)
	}
}

func TestResolve(t *testing.T) {
	b := newBench(t)
	nb := b.nic.Neighbour(peerIP)
	b.expect(time.Minute, "an entry alone asks nothing")
	b.state(None, "nothing was sent")
	b.output(peerIP, "one")
	b.output(peerIP, "two")
	b.expect(0, "one request goes out however many packets wait", "1m0s: "+broadcastRequest)
	if nb.Resolved() {
		t.Error("resolved before the answer")
	}
	b.answer(peerIP, peerMAC)
	b.expect(0, "what waited goes out in order",
		`1m0s: to 02:00:00:00:00:02 "one"`, `1m0s: to 02:00:00:00:00:02 "two"`)
	b.output(peerIP, "three")
	b.expect(time.Second, "the address is known now", `1m0s: to 02:00:00:00:00:02 "three"`)
	if !nb.Resolved() || nb.State() != Reachable || nb.Addr() != peerIP {
		t.Errorf("after the answer: resolved %v, state %v, address %v", nb.Resolved(), nb.State(), nb.Addr())
	}
	b.noLeak()
}

// A borrowed payload is copied before it waits.
func TestWaitingOwns(t *testing.T) {
	b := newBench(t)
	payload := []byte("payload")
	p := b.pool.Get(0)
	p.Borrow(payload)
	b.nic.Output(p, b.nic.Neighbour(peerIP), header.EtherTypeIPv4)
	b.run(time.Millisecond)
	copy(payload, "changed")
	b.answer(peerIP, peerMAC)
	b.expect(0, "waiting packets have their own bytes", `1ms: to 02:00:00:00:00:02 "payload"`)
}

func TestNoAnswer(t *testing.T) {
	b := newBench(t)
	b.output(peerIP, "one")
	b.expect(2999*time.Millisecond, "three requests are sent, a second apart",
		"0s: "+broadcastRequest, "1s: "+broadcastRequest, "2s: "+broadcastRequest)
	b.state(Incomplete, "the third request still has time")
	b.output(peerIP, "two")
	b.expect(time.Millisecond, "giving up is silent")
	if want := []string{"one", "two"}; !slices.Equal(b.returned, want) {
		t.Fatalf("%q came back, should be %q in order", b.returned, want)
	}
	b.state(Failed, "three requests had no answer")

	b.output(peerIP, "three")
	if len(b.returned) != 2 {
		t.Error("a packet came back within Output; it should be posted")
	}
	b.expect(time.Second, "within a second of giving up nobody asks again")
	if len(b.returned) != 3 || b.returned[2] != "three" {
		t.Errorf("%q came back, the third should be returned at once while held down", b.returned)
	}

	b.output(peerIP, "four")
	b.expect(0, "after the hold-down a packet asks again", "4s: "+broadcastRequest)
	b.answer(peerIP, peerMAC)
	b.expect(0, "the answer came", `4s: to 02:00:00:00:00:02 "four"`)
	if s := b.nic.Stats(); s.OutUnresolved != 3 || s.ARP.Failures != 1 {
		t.Errorf("OutUnresolved %d, Failures %d; should be 3 and 1", s.OutUnresolved, s.ARP.Failures)
	}
	b.noLeak()
}

func TestLateAnswerAfterFailure(t *testing.T) {
	b := newBench(t)
	b.output(peerIP, "lost")
	b.run(3 * time.Second)
	b.answer(peerIP, peerMAC)
	b.output(peerIP, "found")
	b.expect(0, "the neighbour has shown that it is there", `3s: to 02:00:00:00:00:02 "found"`)
}

// Only IPv4 packets are given back; others are released.
func TestUnresolvedOtherType(t *testing.T) {
	b := newBench(t)
	b.nic.Output(b.pool.From([]byte("x")), b.nic.Neighbour(peerIP), 0x1234)
	b.run(time.Minute)
	if len(b.returned) != 0 {
		t.Errorf("%q came back, but it is not an IPv4 packet", b.returned)
	}
	b.noLeak()
}

func TestWaitingCap(t *testing.T) {
	b := newBench(t)
	for i := range MaxWaiting + 2 {
		b.output(peerIP, fmt.Sprint(i))
	}
	b.run(time.Minute)
	if len(b.returned) != MaxWaiting || b.returned[0] != "2" {
		t.Errorf("%d packets waited, the first was %q; should be %d, the oldest two dropped", len(b.returned), b.returned[0], MaxWaiting)
	}
	if s := b.nic.Stats(); s.OutWaitDropped != 2 {
		t.Errorf("OutWaitDropped is %d, should be 2", s.OutWaitDropped)
	}
	b.noLeak()
}

func TestAgeing(t *testing.T) {
	b := newBench(t)
	b.answerRequest()
	b.run(ReachableTime - 1)
	b.output(peerIP, "fresh")
	b.expect(0, "within a minute the answer is believed", `59.999999999s: to 02:00:00:00:00:02 "fresh"`)
	b.run(1)
	b.state(Stale, "a minute has passed without a word")
	b.expect(time.Hour, "a neighbour nobody sends to is not asked")
	b.output(peerIP, "stale")
	b.output(peerIP, "again")
	b.expect(0, "a stale neighbour is asked in person, while packets go on",
		"1h1m0s: "+unicastRequest, `1h1m0s: to 02:00:00:00:00:02 "stale"`, `1h1m0s: to 02:00:00:00:00:02 "again"`)
	b.state(Probe, "asked")
	b.answer(peerIP, peerMAC)
	b.state(Reachable, "it has answered")
	b.expect(time.Hour, "all is well")
}

func TestNeighbourGone(t *testing.T) {
	b := newBench(t)
	b.answerRequest()
	b.run(ReachableTime)
	b.output(peerIP, "x")
	b.expect(2*time.Second+1, "the poll is repeated",
		"1m0s: "+unicastRequest, `1m0s: to 02:00:00:00:00:02 "x"`, "1m1s: "+unicastRequest, "1m2s: "+unicastRequest)
	b.run(time.Second - 2)
	b.output(peerIP, "y")
	b.expect(1, "then everybody is asked: the station may have another MAC", `1m2.999999999s: to 02:00:00:00:00:02 "y"`, "1m3s: "+broadcastRequest)
	b.output(peerIP, "z")
	b.expect(3*time.Second, "and nobody answers", "1m4s: "+broadcastRequest, "1m5s: "+broadcastRequest)
	if !slices.Equal(b.returned, []string{"z"}) {
		t.Errorf("%q came back, should be z: it waited", b.returned)
	}
	b.expect(time.Hour, "an idle network has no events")
	b.noLeak()
}

func TestNewMACWhileProbing(t *testing.T) {
	b := newBench(t)
	b.answerRequest()
	b.run(ReachableTime)
	b.output(peerIP, "x")
	b.run(3 * time.Second)
	b.output(peerIP, "y")
	b.run(0)
	b.answer(peerIP, header.MAC{2, 0, 0, 0, 0, 9})
	b.expect(0, "the broadcast found the station at its new address", `1m3s: to 02:00:00:00:00:09 "y"`)
}

func TestDoubt(t *testing.T) {
	b := newBench(t)
	b.answerRequest()
	b.nic.Neighbour(peerIP).Doubt()
	b.output(peerIP, "x")
	b.expect(0, "a doubted neighbour is asked at once", "0s: "+unicastRequest, `0s: to 02:00:00:00:00:02 "x"`)
}

func TestAnswersRequests(t *testing.T) {
	b := newBench(t)
	request := header.ARP{Operation: header.ARPRequest, SenderMAC: peerMAC, SenderIP: peerIP, TargetIP: nicIP}
	b.injectARP(header.BroadcastMAC, request)
	b.expect(0, "it is our address", "0s: to 02:00:00:00:00:02 10.0.0.1 is at 02:00:00:00:00:01")
	b.output(peerIP, "x")
	b.expect(0, "who asks for us is learned (RFC 826)", `0s: to 02:00:00:00:00:02 "x"`)

	request.TargetIP = thirdIP
	b.injectARP(header.BroadcastMAC, request)
	b.expect(0, "it is another's address")

	b.nic.AddAddress(thirdIP)
	b.nic.AddAddress(thirdIP)
	b.injectARP(header.BroadcastMAC, request)
	b.expect(0, "it is ours now", "0s: to 02:00:00:00:00:02 10.0.0.3 is at 02:00:00:00:00:01")
	b.nic.RemoveAddress(thirdIP)
	b.injectARP(header.BroadcastMAC, request)
	b.expect(0, "it is ours no more")
	b.noLeak()
}

func TestMerge(t *testing.T) {
	newMAC := header.MAC{2, 0, 0, 0, 0, 9}
	gratuitous := header.ARP{Operation: header.ARPRequest, SenderMAC: newMAC, SenderIP: peerIP, TargetIP: peerIP}
	b := newBench(t)
	b.injectARP(header.BroadcastMAC, gratuitous)
	if n := len(b.nic.Neighbours()); n != 0 {
		t.Fatalf("%d entries: what is not for us should make none", n)
	}
	b.answerRequest()
	b.run(50 * time.Second)
	b.injectARP(header.BroadcastMAC, gratuitous)
	b.run(20 * time.Second)
	b.output(peerIP, "x")
	b.expect(0, "gratuitous ARP changes an entry and refreshes it (RFC 1122, 2.3.2.1)", `1m10s: to 02:00:00:00:00:09 "x"`)
}

func TestProbeIsAnsweredNotLearned(t *testing.T) {
	b := newBench(t)
	b.injectARP(header.BroadcastMAC, header.ARP{Operation: header.ARPRequest, SenderMAC: peerMAC,
		SenderIP: netip.IPv4Unspecified(), TargetIP: nicIP})
	b.expect(0, "a station that probes our address must hear that it is taken (RFC 5227)",
		"0s: to 02:00:00:00:00:02 10.0.0.1 is at 02:00:00:00:00:01")
	if n := len(b.nic.Neighbours()); n != 0 {
		t.Errorf("%d entries, 0.0.0.0 should not be learned", n)
	}
}

func TestConflict(t *testing.T) {
	b := newBench(t)
	for _, op := range []uint16{header.ARPRequest, header.ARPReply} {
		b.injectARP(header.BroadcastMAC, header.ARP{Operation: op, SenderMAC: peerMAC, SenderIP: nicIP, TargetIP: nicIP})
	}
	b.expect(time.Minute, "a claim of our address is counted and ignored")
	if got := b.nic.Stats().ARP.InConflicts; got != 2 || len(b.nic.Neighbours()) != 0 {
		t.Errorf("InConflicts is %d with %d entries, should be 2 and none", got, len(b.nic.Neighbours()))
	}
	b.injectARP(header.BroadcastMAC, header.ARP{Operation: header.ARPRequest, SenderMAC: nicMAC, SenderIP: nicIP, TargetIP: peerIP})
	if got := b.nic.Stats().ARP.InConflicts; got != 2 {
		t.Error("our own request come back is not a conflict")
	}
}

func TestImpossibleSenders(t *testing.T) {
	b := newBench(t)
	ask := func(mac header.MAC, ip string) header.ARP {
		return header.ARP{Operation: header.ARPRequest, SenderMAC: mac, SenderIP: netip.MustParseAddr(ip), TargetIP: nicIP}
	}
	for _, ip := range []string{"224.0.0.1", "255.255.255.255", "240.0.0.1", "127.0.0.1", "0.0.0.1"} {
		b.injectARP(header.BroadcastMAC, ask(peerMAC, ip))
	}
	if got := b.nic.Stats().ARP.InIgnored; got != 5 {
		t.Errorf("InIgnored is %d, should be 5", got)
	}
	// A sender that is not the frame's source.
	payload := make([]byte, header.ARPLen)
	arp := ask(header.MAC{2, 0, 0, 0, 0, 9}, "10.0.0.9")
	arp.Put(payload)
	b.inject(nicMAC, peerMAC, header.EtherTypeARP, payload)
	// An operation that nobody knows.
	arp = ask(peerMAC, "10.0.0.2")
	arp.Operation = 3
	b.injectARP(nicMAC, arp)
	if s := b.nic.Stats().ARP; s.InForged != 1 || s.InMalformed != 1 {
		t.Errorf("InForged %d, InMalformed %d; should be 1 and 1", s.InForged, s.InMalformed)
	}
	b.expect(time.Minute, "none of them is answered")
	if n := len(b.nic.Neighbours()); n != 0 {
		t.Errorf("%d entries, none of them should be learned", n)
	}
	b.noLeak()
}

func TestSourceOfRequest(t *testing.T) {
	b := newBench(t)
	b.nic.AddAddress(netip.MustParseAddr("192.168.7.1"))
	b.output(netip.MustParseAddr("192.168.7.9"), "x")
	b.expect(0, "a NIC on two subnets asks as a member of the right one",
		"0s: to ff:ff:ff:ff:ff:ff who has 192.168.7.9 tell 192.168.7.1")
	b.nic.RemoveAddress(netip.MustParseAddr("192.168.7.1"))
	b.nic.RemoveAddress(nicIP)
	b.output(peerIP, "x")
	b.expect(0, "without an address it probes", "0s: to ff:ff:ff:ff:ff:ff who has 10.0.0.2 tell 0.0.0.0")
}

func address(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}) }

func TestCacheCap(t *testing.T) {
	b := newBench(t)
	b.answerRequest()
	peer := b.nic.Neighbour(peerIP)
	for i := range 3 * MaxNeighbours {
		b.output(address(i), "sweep")
		b.nic.Output(b.pool.From([]byte("x")), peer, header.EtherTypeIPv4)
	}
	if n := len(b.nic.Neighbours()); n != MaxNeighbours {
		t.Errorf("the cache has %d entries, its cap is %d", n, MaxNeighbours)
	}
	if peer.Dead() || !peer.Resolved() {
		t.Error("a sweep over addresses that never answer should not push out a neighbour in use")
	}
	if s := b.nic.Stats(); s.ARP.Evicted != 2*MaxNeighbours+1 {
		t.Errorf("Evicted is %d, should be %d", s.ARP.Evicted, 2*MaxNeighbours+1)
	}
	b.run(time.Minute)
	b.noLeak()
}

// When all entries are in use, the hand of the clock still finds one.
func TestCacheFullOfUsed(t *testing.T) {
	b := newBench(t)
	for i := range MaxNeighbours + 1 {
		b.output(address(i), "x")
		b.answer(address(i), peerMAC)
		b.output(address(i), "used")
	}
	b.run(0)
	if n := len(b.nic.Neighbours()); n != MaxNeighbours || b.nic.Stats().ARP.Evicted != 1 {
		t.Errorf("%d entries, %d evicted; should be %d and 1", n, b.nic.Stats().ARP.Evicted, MaxNeighbours)
	}
	if got := b.nic.Neighbours()[0].Addr; got != address(1) {
		t.Errorf("the first entry is %v, should be %v: of those in use the oldest goes", got, address(1))
	}
}

// Packets may be sent through a pointer to an entry that was evicted.
func TestDeadNeighbour(t *testing.T) {
	b := newBench(t)
	b.answerRequest()
	old := b.nic.Neighbour(peerIP)
	for i := range 2*MaxNeighbours + 1 {
		b.nic.Neighbour(address(i))
	}
	if old.Dead() {
		t.Fatal("the entry should be there: others that never answered go first")
	}
	for i := range 2*MaxNeighbours + 1 {
		b.nic.Neighbour(address(i))
		b.answer(address(i), peerMAC)
	}
	if !old.Dead() || old.Resolved() {
		t.Fatal("the entry should have been evicted: nobody used it for two rounds of others that answered")
	}
	b.run(0)
	b.nic.Output(b.pool.From([]byte("x")), old, header.EtherTypeIPv4)
	b.expect(0, "the address is looked up again", "0s: "+broadcastRequest)
	b.answer(peerIP, peerMAC)
	b.expect(0, "and found", `0s: to 02:00:00:00:00:02 "x"`)
	b.nic.Output(b.pool.From([]byte("y")), old, header.EtherTypeIPv4)
	b.expect(0, "the dead entry leads to the new one", `0s: to 02:00:00:00:00:02 "y"`)
	b.noLeak()
}

func TestNeighbours(t *testing.T) {
	b := newBench(t)
	b.output(thirdIP, "x")
	b.run(time.Second)
	b.answerRequest()
	want := []NeighbourInfo{
		{Addr: peerIP, MAC: peerMAC, State: Reachable, Confirmed: b.loop.Now()},
		{Addr: thirdIP, State: Incomplete, Waiting: 1},
	}
	if got := b.nic.Neighbours(); !slices.Equal(got, want) {
		t.Errorf("the cache shows\n%v, should show\n%v", got, want)
	}
}
