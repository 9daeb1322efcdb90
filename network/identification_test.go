package network_test

import (
	"testing"

	"septet/header"
	"septet/network"
)

// RFC 6864, section 4.2: of the datagrams that may be cut no two of one source,
// destination and protocol have the same identification, until all 65,536 were used;
// whatever is sent meanwhile to others, by another protocol, or uncut.
func TestIdentification(t *testing.T) {
	b := newBench(t)
	l := b.host()
	p := b.attach(l, "10.0.0.1/16", "10.0.0.2", 1500)
	p.nic.AddAddress(addr("10.0.0.3"))
	type kind struct {
		dst      string
		protocol header.Protocol
	}
	seen := make(map[kind]map[uint16]bool)
	atomic := make(map[uint16]bool)
	first := kind{"10.0.0.2", experimental}
	send := func(k kind, o network.Send) {
		o.Protocol = k.protocol
		check(t, output(l, k.dst, nil, o))
		b.run(0)
		for _, got := range p.take() {
			h, _, err := header.ParseIPv4(got)
			check(t, err)
			if h.DontFragment {
				atomic[h.ID] = true
				continue
			}
			if seen[k] == nil {
				seen[k] = make(map[uint16]bool)
			}
			if seen[k][h.ID] {
				t.Fatalf("%v has the identification %d twice within %d datagrams", k, h.ID, len(seen[k]))
			}
			seen[k][h.ID] = true
		}
	}
	for n := range 1 << 16 {
		send(first, network.Send{})
		send(first, network.Send{DontFragment: true})
		if n%100 == 0 {
			send(kind{"10.0.0.2", experimental + 1}, network.Send{})
			send(kind{"10.0.0.3", experimental}, network.Send{})
		}
	}
	if n := len(seen[first]); n != 1<<16 {
		t.Errorf("%d identifications in 65,536 datagrams that may be cut, want each once", n)
	}
	// Section 4.1 asks nothing of atomic ones; the running number is for who reads.
	if n := len(atomic); n != 1<<16 {
		t.Errorf("%d identifications in 65,536 atomic datagrams, want each once", n)
	}
}
