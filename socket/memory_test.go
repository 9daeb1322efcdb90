package socket_test

import (
	"flag"
	"fmt"
	"net"
	"runtime"
	"runtime/debug"
	"testing"

	"septet/event"
	"septet/physical"
)

var million = flag.Bool("million", false, "open a million connections at once")

func liveHeap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// open opens n connections to one listener and appends both ends of each.
func (w *world) open(t *testing.T, ends []net.Conn, n int, address string) []net.Conn {
	t.Helper()
	ln := must[net.Listener](t)(w.bob.Listen("tcp", address))
	for range n {
		c := must[net.Conn](t)(w.alice.Dial("tcp", bobAddr+address))
		ends = append(ends, c, must[net.Conn](t)(ln.Accept()))
	}
	return ends
}

// talk sends a few bytes each way.
func talk(t *testing.T, client, server net.Conn) {
	t.Helper()
	b := make([]byte, 16)
	must[int](t)(client.Write([]byte("question")))
	n := must[int](t)(server.Read(b))
	must[int](t)(server.Write(b[:n]))
	must[int](t)(client.Read(b))
}

// TestIdleConnectionIsSmall holds what a connection at rest takes, both ends with
// their sockets: before anything was said on it, and after. Unjudged: the judge
// would take memory for each.
func TestIdleConnectionIsSmall(t *testing.T) {
	if testing.Short() {
		notUnderRace(t)
	}
	const most, mostTalked, count = 2048, 3072, 10_000
	w := newWorldUnjudged(t, event.NewVirtual(1), physical.Impairment{})
	ends := make([]net.Conn, 0, 2*count)
	before := liveHeap()
	ends = w.open(t, ends, count, ":80")
	fresh := (liveHeap() - before) / count
	for i := 0; i < len(ends); i += 2 {
		talk(t, ends[i], ends[i+1])
	}
	check(t, "run", w.loop.Run(w.loop.Now().Add(1e9))) // the last delayed ACKs
	talked := (liveHeap() - before) / count
	t.Logf("%d bytes a connection, %d once it has carried data", fresh, talked)
	if fresh > most {
		t.Errorf("a connection takes %d bytes, at most %d are allowed", fresh, most)
	}
	if talked > mostTalked {
		t.Errorf("a connection that has carried data takes %d bytes, at most %d are allowed", talked, mostTalked)
	}
	runtime.KeepAlive(ends)
	w.shutDown(t)
}

// TestMillionConnections needs 2 GiB, so it runs with -million only. Unjudged: the
// judge would take memory for each.
func TestMillionConnections(t *testing.T) {
	if !*million {
		t.Skip("needs 2 GiB: -million")
	}
	const ports, each, most = 40, 25_000, 2560 << 20
	// Garbage is collected before it makes up half of the heap, as it would by
	// default: the live data is what the test is about.
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(2400 << 20))
	w := newWorldUnjudged(t, event.NewVirtual(1), physical.Impairment{})
	var ends []net.Conn
	for i := range ports {
		ends = w.open(t, ends, each, fmt.Sprintf(":%d", 1000+i))
	}
	if n := w.alice.TCP.Count(); n != ports*each {
		t.Fatalf("alice has %d connections, want %d", n, ports*each)
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	taken := m.Sys - m.HeapReleased
	t.Logf("%d MiB taken from the system", taken>>20)
	if taken > most {
		t.Errorf("%d MiB are taken from the system, at most %d are allowed", taken>>20, most>>20)
	}
	for _, i := range []int{0, len(ends)/2 - len(ends)/2%2, len(ends) - 2} {
		talk(t, ends[i], ends[i+1])
	}
	runtime.KeepAlive(ends)
}
