package network_test

import (
	"testing"
	"time"

	"septet/event"
	"septet/header"
	"septet/network"
	"septet/packet"
)

// FuzzDiscovery gives a host that heeds routers any message of neighbour discovery, and
// lets an hour pass: nothing panics, and no table grows beyond its cap.
func FuzzDiscovery(f *testing.F) {
	for _, m := range discoveries(addr("fe80::ff:fe00:1")) {
		f.Add(m.bytes()[header.IPv6Len:], false)
		f.Add(m.bytes()[header.IPv6Len:], true)
	}
	f.Fuzz(func(t *testing.T, b []byte, toGroup bool) {
		if len(b) > 1200 {
			return
		}
		lab := &bench{t: t, loop: event.NewVirtual(1), pool: new(packet.Pool)}
		host := lab.host()
		i, s := lab.join6(host)
		check(t, i.Autoconfigure(network.Autoconf{Temporary: true}))
		lab.run(10 * time.Second)
		s.advertise(router, advertised, header.NDOptions{})
		dst := i.Addresses()[0].Addr.WithZone("").String()
		if toGroup {
			dst = "ff02::1"
		}
		for range 2 {
			s.send(nd(router, dst, 255, append([]byte(nil), b...)))
		}
		if n := len(i.Addresses()); n > network.MaxAddresses {
			t.Errorf("%d addresses, the cap is %d", n, network.MaxAddresses)
		}
		if n := len(host.Routes()); n > 16+16+8 {
			t.Errorf("%d routes, the caps are 16, 16 and 8", n)
		}
		lab.run(time.Hour)
		host.Close()
		i.NIC().Close()
		s.nic.Close()
		if n := lab.pool.Live(); n != 0 {
			t.Errorf("%d packets have no end", n)
		}
	})
}
