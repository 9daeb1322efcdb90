package socket_test

import (
	"bytes"
	"net"
	"syscall"
	"testing"
	"time"

	"septet/physical"
	. "septet/socket"
)

// takenPair is a connection in real time whose receiver, with SO_RCVBUF set to fixed
// unless that is zero, has read the first ten of the n bytes that were sent. It returns
// all of them; the receiver's calls do not block.
func takenPair(t *testing.T, n, fixed int) (w *world, alice, bob *Socket, sent []byte) {
	t.Helper()
	w = realWorld(t, physical.Impairment{})
	c1, c2, stop, err := w.tcpPipe()
	check(t, "open a connection", err)
	t.Cleanup(stop)
	alice, bob = c1.(*TCPConn).Socket(), c2.(*TCPConn).Socket()
	check(t, "do not block", bob.SetNonblock(true))
	if fixed > 0 {
		check(t, "SO_RCVBUF", bob.SetSockOpt(SOL_SOCKET, SO_RCVBUF, fixed))
	}
	sent = counted(0, n)
	must[int](t)(alice.Send(sent, 0))
	wantText(t, bob, 10, 0, sent[:10])
	return w, alice, bob, sent
}

// counted is text whose bytes tell where they stand.
func counted(from, to int) []byte {
	b := make([]byte, 0, to-from)
	for i := from; i < to; i++ {
		b = append(b, byte(i%251))
	}
	return b
}

func wantText(t *testing.T, s *Socket, room, flags int, want []byte) {
	t.Helper()
	b := make([]byte, room)
	if n, err := s.Recv(b, flags); !bytes.Equal(b[:n], want) || err != nil {
		t.Fatalf("received %d bytes, %v, %v; should be %d bytes of what was sent, in order", n, b[:min(n, 8)], err, len(want))
	}
}

// TestTextInOrder: what was taken along is read before what came later, in one call with
// it where there is room, and can be peeked at, skipped and polled for.
func TestTextInOrder(t *testing.T) {
	_, alice, bob, _ := takenPair(t, 1000, 0)
	more := counted(1000, 2000)
	must[int](t)(alice.Send(more, 0))
	all := counted(0, 2000)
	wantText(t, bob, 1500, MSG_PEEK, all[10:1510])
	wantText(t, bob, 90, 0, all[10:100])
	if n, err := bob.Recv(make([]byte, 20), MSG_PEEK|MSG_TRUNC); n != 20 || err != nil {
		t.Errorf("%d bytes may be skipped, %v, should be the 20 asked for", n, err)
	}
	if n, err := bob.Recv(make([]byte, 1200), MSG_TRUNC); n != 1200 || err != nil {
		t.Errorf("skipped %d bytes, %v, should be 1200: there are as many", n, err)
	}
	for at := 1300; at < 2000; at += 100 {
		if r := bob.Readiness(); r&POLLIN == 0 {
			t.Fatalf("after %d of 2000 bytes the socket is ready for %v, should be for POLLIN", at, r)
		}
		wantText(t, bob, 100, 0, all[at:at+100])
	}
	if r := bob.Readiness(); r&POLLIN != 0 {
		t.Errorf("the socket is ready for %v, should not be for POLLIN: all has been read", r)
	}
	if n, err := bob.Recv(make([]byte, 10), 0); err != syscall.EAGAIN {
		t.Errorf("received %d bytes, %v, should be EAGAIN: all has been read", n, err)
	}
}

// TestTextBeforeTheEnd: MSG_WAITALL has what was taken along and what comes later, and
// the end of the stream comes after all of it.
func TestTextBeforeTheEnd(t *testing.T) {
	_, alice, bob, _ := takenPair(t, 1000, 0)
	check(t, "block", bob.SetNonblock(false))
	all := counted(0, 1400)
	sent := make(chan error)
	go func() {
		_, err := alice.Send(all[1000:], 0)
		alice.Shutdown(SHUT_WR)
		sent <- err
	}()
	wantText(t, bob, 1300, MSG_WAITALL, all[10:1310])
	check(t, "send", <-sent)
	wantText(t, bob, 30, 0, all[1310:1340])
	wantText(t, bob, 300, 0, all[1340:])
	if n, err := bob.Recv(make([]byte, 10), 0); n != 0 || err != nil {
		t.Errorf("received %d bytes, %v, should be the end of the stream", n, err)
	}
}

// TestTextWithoutTheTurn: who reads what was taken along does not wait for the turn.
func TestTextWithoutTheTurn(t *testing.T) {
	w, _, bob, sent := takenPair(t, 1000, 0)
	b := make([]byte, 100)
	read := make(chan error)
	w.loop.Lock()
	defer w.loop.Unlock()
	go func() {
		_, err := bob.Recv(b, 0)
		read <- err
	}()
	select {
	case err := <-read:
		if check(t, "receive", err); !bytes.Equal(b, sent[10:110]) {
			t.Errorf("received %v ..., should be %v ...", b[:8], sent[10:18])
		}
	case <-time.After(10 * time.Second):
		t.Error("a read of what was taken along waits for the turn, should need none")
	}
}

// TestDeadlineBeforeTakenText: a read fails after its deadline even if it could go on,
// and the text is still there when the deadline is gone.
func TestDeadlineBeforeTakenText(t *testing.T) {
	w := realWorld(t, physical.Impairment{})
	c1, c2, stop, err := w.tcpPipe()
	check(t, "open a connection", err)
	defer stop()
	b := make([]byte, 10)
	must[int](t)(c1.Write(counted(0, 100)))
	must[int](t)(c2.Read(b))
	check(t, "a deadline that has passed", c2.SetReadDeadline(time.Unix(1, 0)))
	if n, err := c2.Read(b); err == nil || !err.(net.Error).Timeout() {
		t.Errorf("read %d bytes, %v, should time out: the deadline has passed", n, err)
	}
	check(t, "no deadline", c2.SetReadDeadline(time.Time{}))
	for at := 10; at < 100; at += 10 {
		if n, err := c2.Read(b); !bytes.Equal(b[:n], counted(at, at+10)) {
			t.Fatalf("after %d bytes read %v, %v, should be the next ten", at, b[:n], err)
		}
	}
}

// TestTakenTextIsUnread: to the peer, to TCP_INFO and to sockatmark what was taken along
// has not been read yet, and nobody gets it after Close.
func TestTakenTextIsUnread(t *testing.T) {
	_, alice, bob, sent := takenPair(t, 100, 0)
	if i, err := bob.TCPInfo(); i.Unread != 90 {
		t.Errorf("TCP_INFO has %d bytes unread, %v, should be 90", i.Unread, err)
	}
	must[int](t)(alice.Send([]byte("!"), MSG_OOB))
	if at, err := bob.AtMark(); at || err != nil {
		t.Errorf("at the mark %v, %v; should not be: 90 bytes come before it", at, err)
	}
	wantText(t, bob, 50, 0, sent[10:60])
	wantText(t, bob, 50, 0, sent[60:]) // up to the mark, not across it
	if at, err := bob.AtMark(); !at || err != nil {
		t.Errorf("at the mark %v, %v; should be: all before it has been read", at, err)
	}
	must[int](t)(bob.Recv(make([]byte, 1), MSG_OOB))

	_, alice, bob, _ = takenPair(t, 100, 0)
	check(t, "close", bob.Close())
	if n, err := bob.Recv(make([]byte, 10), 0); err != syscall.EBADF {
		t.Errorf("received %d bytes, %v after Close, should be EBADF", n, err)
	}
	// RFC 2525, section 2.17: a close with unread data is a reset.
	if n, err := alice.Recv(make([]byte, 10), 0); err != syscall.ECONNRESET {
		t.Errorf("the peer received %d bytes, %v, should be ECONNRESET: 90 bytes were lost", n, err)
	}
}

// TestTakenTextGivesRoom: what was taken along makes room for as much, unless the user
// has said how long the buffer is.
func TestTakenTextGivesRoom(t *testing.T) {
	const sent = 30_000
	for _, fixed := range []int{0, 64 << 10} {
		_, _, bob, _ := takenPair(t, sent, fixed)
		i, err := bob.TCPInfo()
		check(t, "TCP_INFO", err)
		room := i.RecvBuffer - (sent - 10)
		if all := i.RecvWindow > room; all != (fixed == 0) {
			t.Errorf("SO_RCVBUF %d (0: not set): of %d bytes the window is %d, more than the %d that the unread ones leave: %v, should be %v",
				fixed, i.RecvBuffer, i.RecvWindow, room, all, fixed == 0)
		}
	}
}

// TestNoAllocationPerTakenText: reading in small pieces allocates nothing.
func TestNoAllocationPerTakenText(t *testing.T) {
	_, alice, bob, _ := takenPair(t, 1000, 0)
	b := make([]byte, 2000)
	must[int](t)(bob.Recv(b, 0))
	some := func() {
		must[int](t)(alice.Send(b, 0))
		for range 20 {
			must[int](t)(bob.Recv(b[:100], 0))
		}
	}
	some()
	if n := testing.AllocsPerRun(100, some); n > 0 {
		t.Errorf("%v allocations for 2000 bytes read in twenty pieces, should be none", n)
	}
}
