package host_test

import (
	"fmt"
	"net/netip"
	"testing"

	"septet/event"
	"septet/host"
	"septet/packet"
)

// BenchmarkLookup looks for the last of the names that a lab's hosts share.
func BenchmarkLookup(b *testing.B) {
	for _, count := range []int{5, 10_000} {
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			l := event.NewVirtual(1)
			defer l.Close()
			h := host.New(l, new(packet.Pool), "pc1")
			all := host.NewHosts()
			for n := range count {
				all.Add(fmt.Sprintf("h%d", n), netip.AddrFrom4([4]byte{10, 1, byte(n >> 8), byte(n)}))
			}
			h.Hosts.Share(all)
			last := fmt.Sprintf("h%d", count-1)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := h.Lookup(last); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
