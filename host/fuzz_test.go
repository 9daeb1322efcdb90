package host_test

import (
	"testing"
	"time"

	"septet/network"
)

// FuzzFrames gives a host, a router or a host in a VLAN any two frames, as they are and
// with their checksums made right, and lets an hour pass: nothing panics, no table grows
// beyond its cap, and every packet has an end.
func FuzzFrames(f *testing.F) {
	roles := []string{"host", "router", "tagged"}
	for i, role := range roles {
		g := newTarget(f, role)
		for _, k := range badKinds(g) {
			f.Add(k.frame, k.frame, uint8(i))
		}
		g.close()
	}
	f.Fuzz(func(t *testing.T, first, second []byte, role uint8) {
		g := newTarget(t, roles[int(role)%len(roles)])
		for _, frame := range [][]byte{first, mend(first, false), second, mend(second, true)} {
			g.loop.Lock()
			g.cable.Transmit(g.pool.From(frame))
			g.loop.Unlock()
			_ = g.loop.Run(g.loop.Now().Add(time.Second))
		}
		if n := len(g.eth0.Addresses()); n > network.MaxAddresses+1 {
			t.Errorf("%d addresses, the cap is %d", n, network.MaxAddresses+1)
		}
		if n := g.host.TCP.Count(); n > 2 {
			t.Errorf("%d connections of two frames", n)
		}
		if n := len(g.eth0.NIC().Neighbours()); n > 3+2*4 {
			t.Errorf("%d neighbours of two frames, which name four stations each at most", n)
		}
		_ = g.loop.Run(g.loop.Now().Add(time.Hour))
		g.close()
		if n := g.pool.Live(); n != 0 {
			t.Errorf("%d packets have no end", n)
		}
	})
}
