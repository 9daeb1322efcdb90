package engine

import (
	"syscall"
	"testing"
	"time"

	"septet/header"
	"septet/socket"
)

const pollIn = uint32(socket.POLLIN)

func (b *bench) epoll(fd int, events Events) int {
	b.Helper()
	ep := must(b.EpollCreate(1))(b)
	b.ok(b.EpollCtl(ep, EpollAdd, fd, EpollEvent{events, 42}))
	return ep
}

// wantEvents looks without waiting.
func (b *bench) wantEvents(ep int, why string, want ...Events) {
	b.Helper()
	got := must(b.EpollWait(ep, 8, 0))(b)
	if len(got) != len(want) {
		b.Fatalf("%s: %d events should be there, got %v", why, len(want), got)
	}
	for i := range want {
		if got[i] != (EpollEvent{want[i], 42}) {
			b.Fatalf("%s: %#x should be there, got %v", why, want[i], got)
		}
	}
}

func TestEpollTellsEdgesOnce(t *testing.T) {
	b := newBench(t)
	fd := b.established()
	ep := b.epoll(fd, pollIn|epollEdge)
	b.wantEvents(ep, "nothing has arrived")
	b.send(header.ACK|header.PSH, "one")
	b.wantEvents(ep, "data has arrived", pollIn)
	b.wantEvents(ep, "no more has arrived since")
	b.send(header.ACK|header.PSH, "two")
	b.wantEvents(ep, "more has arrived, though the first was not read", pollIn)
	b.send(header.ACK|header.PSH, "three")
	must(b.Receive(fd, [][]byte{make([]byte, 100)}, 0))(b)
	b.wantEvents(ep, "it was read before anybody asked")
	b.ok(b.EpollCtl(ep, EpollModify, fd, EpollEvent{pollIn | uint32(socket.POLLOUT) | epollEdge, 42}))
	b.wantEvents(ep, "a change of interest tells again what is ready", uint32(socket.POLLOUT))
}

func TestEpollOneShot(t *testing.T) {
	b := newBench(t)
	fd := b.established()
	ep := b.epoll(fd, pollIn|epollOneShot)
	b.send(header.ACK|header.PSH, "x")
	b.wantEvents(ep, "the first time", pollIn)
	b.wantEvents(ep, "once is once")
	b.ok(b.EpollCtl(ep, EpollModify, fd, EpollEvent{pollIn | epollOneShot, 42}))
	b.wantEvents(ep, "armed again", pollIn)
}

func TestEpollForgetsWhatIsClosed(t *testing.T) {
	b := newBench(t)
	fd := b.established()
	ep := b.epoll(fd, pollIn)
	b.send(header.ACK|header.PSH, "x")
	b.ok(b.Close(fd))
	b.wantEvents(ep, "its only descriptor was closed")
	b.wantErrno("a control of a closed descriptor", b.EpollCtl(ep, EpollDelete, fd, EpollEvent{}), syscall.EBADF)
}

func TestEpollWatchesAListener(t *testing.T) {
	b := newBench(t)
	l := b.listen()
	ep := b.epoll(l, pollIn|epollEdge)
	b.handshake()
	b.wantEvents(ep, "a connection waits", pollIn)
	if n := must(b.Poll([]PollFD{{FD: ep, Events: uint16(pollIn)}}, 0))(b); n != 0 {
		t.Error("an epoll without events is not readable")
	}
}

func TestPollIsWokenByAPacketOfTheFuture(t *testing.T) {
	b := newBench(t)
	fd := b.established()
	side := b.engine.Side()
	type answer struct {
		n       int
		revents uint16
		at      int64
	}
	done := make(chan answer, 1)
	go func() {
		fds := []PollFD{{FD: -1, Revents: 9}, {FD: fd, Events: uint16(pollIn)}}
		n, _ := side.Poll(fds, -1)
		done <- answer{n, fds[1].Revents, side.GetTimeOfDay()}
	}()
	for b.waitingPolls() == 0 {
		time.Sleep(time.Millisecond)
	}
	b.Sleep(3 * time.Second)
	at := b.GetTimeOfDay()
	b.send(header.ACK|header.PSH, "x")
	b.Sleep(3 * time.Second)
	if a := <-done; a.n != 1 || uint32(a.revents) != pollIn || a.at < at || a.at > at+10 {
		t.Errorf("poll should find the data when it comes, %d: %+v", at, a)
	}
}

func TestReadinessFollowsTcpPoll(t *testing.T) {
	b := newBench(t)
	all := uint16(pollIn|pollRdNorm|pollWrNorm) | uint16(socket.POLLOUT|socket.POLLRDHUP)
	look := func(fd int) socket.Readiness {
		fds := []PollFD{{FD: fd, Events: all}}
		must(b.Poll(fds, 0))(b)
		return socket.Readiness(fds[0].Revents) &^ socket.Readiness(pollRdNorm|pollWrNorm)
	}
	want := func(what string, got, want socket.Readiness) {
		t.Helper()
		if got != want {
			t.Errorf("%s is ready for %#x, it should be for %#x", what, got, want)
		}
	}
	fresh := must(b.Socket(socket.AF_INET, socket.SOCK_STREAM|socket.SOCK_NONBLOCK, 0))(b)
	want("a socket that never was connected", look(fresh), socket.POLLOUT|socket.POLLHUP)
	b.wantErrno("connect", b.Connect(fresh, Sockaddr(remoteAddr)), syscall.EINPROGRESS)
	want("one that is being connected", look(fresh), 0)
	b.ok(b.Close(fresh))
	b.next()

	fd := b.established()
	want("a new connection", look(fd), socket.POLLOUT)
	b.send(header.FIN|header.ACK, "")
	want("one whose peer has finished", look(fd), socket.POLLIN|socket.POLLOUT|socket.POLLRDHUP)
	b.ok(b.Shutdown(fd, socket.SHUT_WR))
	want("one that has finished both ways", look(fd), socket.POLLIN|socket.POLLOUT|socket.POLLRDHUP|socket.POLLHUP)
}
