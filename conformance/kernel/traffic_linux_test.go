package kernel

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"septet/host"
)

// party is who opens sockets: a host of ours, or the kernel in its namespace.
type party interface {
	Dial(network, address string) (net.Conn, error)
	Listen(network, address string) (net.Listener, error)
	ListenPacket(network, address string) (net.PacketConn, error)
}

var (
	_ party = (*host.Host)(nil)
	_ party = (*namespace)(nil)
)

// Dial connects a socket of the kernel's.
func (n *namespace) Dial(network, address string) (c net.Conn, err error) {
	err = n.within(func() error {
		c, err = (&net.Dialer{Timeout: patience, Control: n.limit}).Dial(network, address)
		return err
	})
	return c, err
}

// Listen makes a listener of the kernel's.
func (n *namespace) Listen(network, address string) (ln net.Listener, err error) {
	err = n.within(func() error {
		ln, err = (&net.ListenConfig{Control: n.limit}).Listen(context.Background(), network, address)
		return err
	})
	return ln, err
}

// limit gives a socket the MSS of the namespace, if it has one.
func (n *namespace) limit(network, _ string, raw syscall.RawConn) (err error) {
	if n.mss == 0 || !strings.HasPrefix(network, "tcp") {
		return nil
	}
	failed := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_TCP, unix.TCP_MAXSEG, n.mss)
	})
	return cmp.Or(failed, err)
}

// ListenPacket makes a UDP socket of the kernel's.
func (n *namespace) ListenPacket(network, address string) (c net.PacketConn, err error) {
	err = n.within(func() error {
		c, err = net.ListenPacket(network, address)
		return err
	})
	return c, err
}

// connect opens a connection from one to the other, whose address is at.
func connect(t *testing.T, from, to party, at netip.Addr) (client, server net.Conn) {
	t.Helper()
	ln, err := to.Listen("tcp", netip.AddrPortFrom(at, 0).String())
	if err != nil {
		t.Fatalf("listen on %v: %v", at, err)
	}
	defer ln.Close()
	accepted := make(chan error, 1)
	go func() {
		var err error
		server, err = ln.Accept()
		accepted <- err
	}()
	if client, err = from.Dial("tcp", ln.Addr().String()); err != nil {
		t.Fatalf("connect to %v: %v", at, err)
	}
	select {
	case err = <-accepted:
	case <-time.After(patience):
		err = fmt.Errorf("nothing came in %v", patience)
	}
	if err != nil {
		t.Fatalf("accept on %v: %v", at, err)
	}
	for _, c := range []net.Conn{client, server} {
		if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
	}
	return client, server
}

// noise returns n bytes that are different for each seed.
func noise(seed uint64, n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(seed)})
	_, _ = r.Read(b)
	return b
}

// exchange sends n bytes each way at once and ends both ways. Every byte must arrive.
func exchange(t *testing.T, a, b net.Conn, n int) {
	t.Helper()
	var all sync.WaitGroup
	fault := func(what string, err error) {
		if err != nil {
			t.Errorf("%v to %v: %s: %v", a.LocalAddr(), a.RemoteAddr(), what, err)
		}
	}
	send := func(c net.Conn, seed uint64) {
		_, err := c.Write(noise(seed, n))
		fault("send", err)
		fault("end", c.(interface{ CloseWrite() error }).CloseWrite())
	}
	receive := func(c net.Conn, seed uint64) {
		got, err := io.ReadAll(c)
		fault("receive", err)
		if want := noise(seed, n); !bytes.Equal(got, want) {
			at := 0
			for at < min(len(got), n) && got[at] == want[at] {
				at++
			}
			fault("receive", fmt.Errorf("%d bytes of %d arrived, good up to byte %d", len(got), n, at))
		}
	}
	all.Go(func() { send(a, 1) })
	all.Go(func() { send(b, 2) })
	all.Go(func() { receive(a, 2) })
	all.Go(func() { receive(b, 1) })
	all.Wait()
	fault("close", a.Close())
	fault("close", b.Close())
}
