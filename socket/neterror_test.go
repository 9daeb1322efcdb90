package socket_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"regexp"
	"syscall"
	"testing"
	"time"

	"septet/physical"
)

// netAPI is what package net and a host of ours both have.
type netAPI interface {
	Dial(network, address string) (net.Conn, error)
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
	Listen(network, address string) (net.Listener, error)
	ListenPacket(network, address string) (net.PacketConn, error)
}

type realNet struct{ net.Dialer }

func (*realNet) Listen(network, address string) (net.Listener, error) {
	return net.Listen(network, address)
}
func (*realNet) ListenPacket(network, address string) (net.PacketConn, error) {
	return net.ListenPacket(network, address)
}

// netErrors makes every error that it can and returns them under a name. All of
// it happens on 127.0.0.1.
func netErrors(t *testing.T, n netAPI) map[string]error {
	errs := make(map[string]error)
	dial := func(name, network, address string) {
		c, err := n.Dial(network, address)
		if err == nil {
			c.Close()
		}
		errs[name] = err
	}
	dial("refused", "tcp", "127.0.0.1:1")
	dial("refused tcp4", "tcp4", "127.0.0.1:1")
	dial("unknown network", "carrier pigeon", "127.0.0.1:1")
	dial("missing port", "tcp", "127.0.0.1")
	dial("bad port", "tcp", "127.0.0.1:99999")
	dial("unknown service", "tcp", "127.0.0.1:nosuchservice")
	dial("empty address", "tcp", "")
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	_, errs["cancelled"] = n.DialContext(cancelled, "tcp", "127.0.0.1:1")
	_, errs["listen elsewhere"] = n.Listen("tcp", "192.0.2.1:0")
	_, errs["listen on udp"] = n.Listen("udp", "127.0.0.1:0")
	_, errs["packets on tcp"] = n.ListenPacket("tcp", "127.0.0.1:0")

	ln, err := n.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, errs["listen twice"] = n.Listen("tcp", ln.Addr().String())
	c, err := n.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	p, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	past := time.Unix(1, 0)
	c.SetReadDeadline(past)
	_, errs["read deadline"] = c.Read(make([]byte, 1))
	c.SetReadDeadline(time.Time{})
	c.SetWriteDeadline(past)
	_, errs["write deadline"] = c.Write(make([]byte, 1))
	c.SetWriteDeadline(time.Time{})
	c.(interface{ CloseWrite() error }).CloseWrite()
	_, errs["end of stream"] = p.Read(make([]byte, 1))
	_, errs["write after CloseWrite"] = c.Write([]byte("x"))
	p.(interface{ SetLinger(int) error }).SetLinger(0)
	p.Close()
	_, errs["reset"] = c.Read(make([]byte, 1))
	c.Close()
	_, errs["read closed"] = c.Read(make([]byte, 1))
	_, errs["write closed"] = c.Write(make([]byte, 1))
	errs["close closed"] = c.Close()
	errs["deadline closed"] = c.SetDeadline(past)
	errs["CloseWrite closed"] = c.(interface{ CloseWrite() error }).CloseWrite()
	ln.(interface{ SetDeadline(time.Time) error }).SetDeadline(past)
	_, errs["accept deadline"] = ln.Accept()
	ln.Close()
	_, errs["accept closed"] = ln.Accept()
	errs["close listener twice"] = ln.Close()

	u, err := n.Dial("udp", "127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	u.Write([]byte("x"))
	_, errs["datagram refused"] = u.Read(make([]byte, 1))
	_, errs["WriteTo connected"] = u.(net.PacketConn).WriteTo([]byte("x"), &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9})
	u.Close()
	_, errs["read closed datagram"] = u.Read(make([]byte, 1))
	pc, err := n.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, errs["too long"] = pc.WriteTo(make([]byte, 70000), pc.LocalAddr())
	_, errs["Write unconnected"] = pc.(net.Conn).Write([]byte("x"))
	pc.SetDeadline(past)
	_, _, errs["datagram deadline"] = pc.ReadFrom(make([]byte, 1))
	pc.Close()
	_, _, errs["datagram closed"] = pc.ReadFrom(make([]byte, 1))
	return errs
}

var aPort = regexp.MustCompile(`127\.0\.0\.1:\d\d+`)

// TestErrorsLikeNet: what fails, fails with the words, the types and the causes
// of package net. The judge is package net itself, in the same situations.
func TestErrorsLikeNet(t *testing.T) {
	w := realWorld(t, physical.Impairment{})
	got, want := netErrors(t, w.alice), netErrors(t, &realNet{})
	causes := []error{
		io.EOF, net.ErrClosed, os.ErrDeadlineExceeded, context.Canceled, context.DeadlineExceeded,
		net.ErrWriteToConnected, syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EADDRINUSE,
		syscall.EADDRNOTAVAIL, syscall.EPIPE, syscall.EMSGSIZE, syscall.EDESTADDRREQ,
	}
	for name, wanted := range want {
		g := got[name]
		if wanted == nil || g == nil {
			t.Errorf("%s: got %v, package net has %v", name, g, wanted)
			continue
		}
		gs := aPort.ReplaceAllString(g.Error(), "127.0.0.1:PORT")
		ws := aPort.ReplaceAllString(wanted.Error(), "127.0.0.1:PORT")
		if gs != ws {
			t.Errorf("%s\n   got %s\n  want %s", name, gs, ws)
		}
		for _, cause := range causes {
			if errors.Is(g, cause) != errors.Is(wanted, cause) {
				t.Errorf("%s: errors.Is(%v, %v) is %v, for package net's it is not",
					name, g, cause, errors.Is(g, cause))
			}
		}
		var gn, wn net.Error
		if errors.As(g, &gn) != errors.As(wanted, &wn) || gn != nil && gn.Timeout() != wn.Timeout() {
			t.Errorf("%s: %v and package net's differ as a net.Error", name, g)
		}
		var gotOp, wantOp *net.OpError
		if errors.As(g, &gotOp) && errors.As(wanted, &wantOp) &&
			(gotOp.Op != wantOp.Op || gotOp.Net != wantOp.Net) {
			t.Errorf("%s: Op and Net are %q %q, package net's %q %q",
				name, gotOp.Op, gotOp.Net, wantOp.Op, wantOp.Net)
		}
	}
}
