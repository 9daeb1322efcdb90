package socket_test

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"septet/event"
	"septet/physical"
	. "septet/socket"
)

// ephemeral is how many ports there are for those who ask for none: 32768 to 60999.
const ephemeral = 60999 - 32768 + 1

// crowd is a client with as many connections to one address as there can be.
type crowd struct {
	t    *testing.T
	w    *world
	ln   net.Listener
	dial func() (net.Conn, error)
	open []net.Conn
}

func newCrowd(t *testing.T, address string) *crowd {
	w := newWorldUnjudged(t, event.NewVirtual(1), physical.Impairment{}) // Unjudged: too many
	server := w.bob
	if netip.MustParseAddrPort(address).Addr().IsLoopback() {
		server = w.alice
	}
	k := &crowd{t: t, w: w, ln: must[net.Listener](t)(server.Listen("tcp4", address))}
	k.dial = func() (net.Conn, error) { return w.alice.Dial("tcp4", address) }
	for range ephemeral {
		k.open = append(k.open, k.connect())
	}
	return k
}

func (k *crowd) connect() net.Conn {
	k.t.Helper()
	c, err := k.dial()
	if err != nil {
		k.t.Fatalf("connection %d of %d: %v", len(k.open)+1, ephemeral, err)
	}
	must[net.Conn](k.t)(k.ln.Accept())
	return c
}

// refused checks that there is no port for one more.
func (k *crowd) refused(when string) {
	k.t.Helper()
	if c, err := k.dial(); !errors.Is(err, syscall.EADDRNOTAVAIL) {
		k.t.Fatalf("one more %s: %v, %v; want EADDRNOTAVAIL, all ports are taken", when, c, err)
	}
}

// pass lets time go by.
func (k *crowd) pass(d time.Duration) {
	k.t.Helper()
	check(k.t, "sleep", k.w.loop.Sleep(d))
}

// finish closes one connection from both ends, the client first.
func (k *crowd) finish() {
	k.t.Helper()
	check(k.t, "close", k.open[0].Close())
	k.open = k.open[1:]
}

func TestAllPortsToOneDestination(t *testing.T) {
	needsIPv4(t, "its addresses")
	k := newCrowd(t, bobAddr+":80")
	k.refused("than there are ports")

	other := must[net.Listener](t)(k.w.bob.Listen("tcp4", ":81"))
	must[net.Conn](t)(k.w.alice.Dial("tcp4", bobAddr+":81"))
	must[net.Conn](t)(other.Accept())

	// A reset leaves nothing behind.
	check(t, "linger", k.open[0].(*TCPConn).SetLinger(0))
	k.finish()
	k.open = append(k.open, k.connect())
	k.refused("after the one that was free")
}

// TestTimeWaitKeepsThePort: Linux gives the ports of TIME-WAIT away before its end only
// between loopback addresses (net.ipv4.tcp_tw_reuse is 2), and there after a second.
func TestTimeWaitKeepsThePort(t *testing.T) {
	needsIPv4(t, "its addresses")
	for _, c := range []struct {
		name, address string
		kept          time.Duration
	}{{"to another host", bobAddr + ":80", time.Minute}, {"to itself", "127.0.0.1:80", time.Second}} {
		t.Run(c.name, func(t *testing.T) {
			k := newCrowd(t, c.address)
			var server net.Conn
			// The last connection is one whose two ends are known.
			check(t, "linger", k.open[0].(*TCPConn).SetLinger(0))
			k.finish()
			client := must[net.Conn](t)(k.dial())
			server = must[net.Conn](t)(k.ln.Accept())
			check(t, "the client's close", client.Close())
			check(t, "the server's close", server.Close())
			k.refused("with the port in TIME-WAIT")
			k.pass(c.kept - 100*time.Millisecond)
			k.refused("shortly before TIME-WAIT gives way")
			k.pass(200 * time.Millisecond)
			k.connect()
			k.refused("after that")
		})
	}
}

func TestAllDatagramPorts(t *testing.T) {
	needsIPv4(t, "its addresses")
	w := newWorldUnjudged(t, event.NewVirtual(1), physical.Impairment{}) // Unjudged: nothing is sent
	any := netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
	newSocket := func() *Socket { return must[*Socket](t)(w.alice.Socket(AF_INET, SOCK_DGRAM, 0)) }
	var last *Socket
	for range ephemeral {
		last = newSocket()
		check(t, "bind", last.Bind(any))
	}
	to := netip.AddrPortFrom(ip(bobAddr), 9)
	late := newSocket()
	if err := late.Bind(any); err != syscall.EADDRINUSE {
		t.Errorf("bind to port 0 with all ports taken: %v, want EADDRINUSE", err)
	}
	if _, err := late.SendTo([]byte("x"), 0, to); err != syscall.EAGAIN {
		t.Errorf("a send with all ports taken: %v, want EAGAIN", err)
	}
	if err := late.Connect(to); err != syscall.EAGAIN {
		t.Errorf("a connect with all ports taken: %v, want EAGAIN", err)
	}
	check(t, "close", last.Close())
	check(t, "connect when a port is free again", late.Connect(to))
}
