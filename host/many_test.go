package host_test

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"septet/event"
	"septet/host"
	"septet/packet"
	"septet/physical"
)

// pairs makes n pairs of hosts, each on a wire of its own. Unjudged: no TCP crosses
// it, and the judge would take memory.
func pairs(tb testing.TB, l *event.Loop, n int) (hosts []*host.Host) {
	tb.Helper()
	pool := &packet.Pool{}
	for range n {
		l.Lock()
		wire := physical.NewWire(l, pool, 1500, physical.Impairment{}, physical.Impairment{})
		l.Unlock()
		for i, port := range []physical.Port{wire.A(), wire.B()} {
			h := host.New(l, pool, fmt.Sprintf("h%d", len(hosts)))
			hosts = append(hosts, h)
			prefix := netip.PrefixFrom(pairAddrs[i], 24)
			if _, err := h.Attach("eth0", port, prefix); err != nil {
				tb.Fatal(err)
			}
		}
	}
	return hosts
}

// pairAddrs are the addresses of the two hosts of every pair.
var pairAddrs = [2]netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")}

func liveHeap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestBareHostIsSmall: a lab of ten thousand hosts must fit into any test, so a
// host with one card and half a wire may take 4 KiB as long as it does nothing.
func TestBareHostIsSmall(t *testing.T) {
	const most, count = 4096, 1000
	l := event.NewVirtual(1)
	defer l.Close()
	before := liveHeap()
	hosts := pairs(t, l, count/2)
	each := (liveHeap() - before) / count
	t.Logf("%d bytes a host", each)
	if each > most {
		t.Errorf("a bare host takes %d bytes, at most %d are allowed", each, most)
	}
	runtime.KeepAlive(hosts)
}

// TestTenThousandHosts has every one of ten thousand hosts ping another, all at
// once, and looks at the memory that it took.
func TestTenThousandHosts(t *testing.T) {
	const count, most = 10_000, 256 << 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	l := event.NewVirtual(1)
	hosts := pairs(t, l, count/2)
	built := time.Since(began)
	answers := 0
	for i, h := range hosts {
		peer := pairAddrs[1-i%2]
		l.Go(h.Name(), func() {
			stats, err := h.Ping(peer, host.PingOptions{Count: 1}, nil)
			if err != nil {
				t.Errorf("%s: %v", h.Name(), err)
			}
			answers += stats.Received
		})
	}
	if err := l.Run(event.Never); err != nil {
		t.Fatal(err)
	}
	if answers != count {
		t.Errorf("%d of %d pings were answered, on bare wires all must be", answers, count)
	}
	for _, h := range hosts {
		h.Close()
	}
	l.Close()
	runtime.ReadMemStats(&after)
	t.Logf("built in %v, all done in %v, %d MiB", built, time.Since(began), (after.Sys-before.Sys)>>20)
	if used := after.Sys - before.Sys; used > most {
		t.Errorf("%d MiB were taken from the system, at most %d are allowed", used>>20, most>>20)
	}
}

// TestHostsOfAnySize: a table answers the same, few names in it or many.
func TestHostsOfAnySize(t *testing.T) {
	table := host.NewHosts()
	for n := range 40 {
		name, addr := fmt.Sprintf("Host%d", n), netip.AddrFrom4([4]byte{10, 0, 0, byte(n)})
		table.Add(name, addr)
		table.Add(name, addr) // once more changes nothing
		table.Add("all", addr)
		if got := len(table.Addrs("ALL.")); got != n+1 {
			t.Fatalf("with %d hosts \"all\" has %d addresses, want one of each", n+1, got)
		}
		for k := range n + 1 {
			if got := table.Addrs(fmt.Sprintf("host%d", k)); len(got) != 1 || got[0].As4()[3] != byte(k) {
				t.Fatalf("with %d hosts the addresses of host %d are %v", n+1, k, got)
			}
		}
		if n%2 == 1 {
			table.Remove("all")
			for k := range n + 1 {
				table.Add("all", netip.AddrFrom4([4]byte{10, 0, 0, byte(k)}))
			}
		}
	}
}
