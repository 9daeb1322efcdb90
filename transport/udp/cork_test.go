package udp_test

import (
	"net/netip"
	"strings"
	"syscall"
	"testing"
)

// TestPieces: udp(7), UDP_CORK: "all data output on this socket is accumulated into a
// single datagram". What becomes longer than a datagram can be is dropped whole.
func TestPieces(t *testing.T) {
	p := newPair(t)
	server, other := p.bind(p.b, "0.0.0.0:53"), p.bind(p.b, "0.0.0.0:54")
	client := p.a.Open(every())
	check(t, client.Hold([]byte("one "), addr("10.0.0.2:53"), nil))
	check(t, client.Append([]byte("datagram"), !*overIPv6))
	p.run()
	if got := receive(server); got != "" {
		t.Fatalf("received %q before the datagram was pushed, want nothing", got)
	}
	check(t, client.Push())
	p.send(client, "next", "10.0.0.2:54")
	if got := receive(server); got != "one datagram" {
		t.Errorf("received %q, want the pieces as one datagram", got)
	}
	if got := receive(other); got != "next" {
		t.Errorf("received %q at the other port, want what was sent there afterwards", got)
	}

	check(t, client.Hold([]byte("x"), addr("10.0.0.2:53"), nil))
	if err := client.Append([]byte(strings.Repeat("x", 1<<16)), !*overIPv6); err != syscall.EMSGSIZE {
		t.Errorf("a piece too much: %v, want EMSGSIZE", err)
	}
	if client.Holding() {
		t.Error("something is held still, want all of what is too long dropped")
	}
	if err := client.Hold([]byte("x"), netip.AddrPort{}, nil); err != syscall.EDESTADDRREQ || client.Holding() {
		t.Errorf("a first piece to nobody: %v, want EDESTADDRREQ and nothing held", err)
	}
}
