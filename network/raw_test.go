package network_test

import (
	"bytes"
	"syscall"
	"testing"
	"time"

	"septet/header"
	"septet/network"
	"septet/packet"
)

func TestRaw(t *testing.T) {
	b := newBench(t)
	one, two := b.host(), b.host()
	b.cable(one, "10.0.0.1/24", two, "10.0.0.2/24", 1500)
	var heard [][]byte
	hear := func(p *packet.Packet, d *network.Datagram) {
		heard = append(heard, bytes.Clone(p.Bytes()))
		if p.Len() < d.HeaderLen || p.Len() != int(p.Head()[2])<<8|int(p.Head()[3]) {
			t.Errorf("a raw socket was given %d bytes, not the whole datagram", p.Len())
		}
		p.Release()
	}
	listener, err := two.OpenRaw(experimental, hear)
	check(t, err)
	also, err := two.OpenRaw(header.ProtocolICMP, hear)
	check(t, err)
	sender, err := one.OpenRaw(experimental, func(p *packet.Packet, _ *network.Datagram) { p.Release() })
	check(t, err)
	var errs sink
	one.Handle(experimental, &errs)

	sender.TTL = 3
	check(t, sender.Send(b.pool.From([]byte("payload")), addr("10.0.0.2"), false))
	b.run(time.Second)
	if len(heard) != 1 || len(heard[0]) != 27 || heard[0][8] != 3 || string(heard[0][20:]) != "payload" {
		t.Fatalf("heard %x, want the datagram with its header and a TTL of 3", heard)
	}
	// Our own header: what Linux's raw(7) says is filled in, is.
	own := ip(header.IPv4{Dst: addr("10.0.0.2"), Src: addr("0.0.0.0"), Protocol: experimental, TTL: 99}, []byte("own"))
	own[2], own[3], own[10], own[11] = 0, 0, 0, 0
	check(t, sender.Send(b.pool.From(own), addr("10.0.0.2"), true))
	b.run(time.Second)
	if len(heard) != 2 {
		t.Fatal("a packet with its own header did not arrive")
	}
	h, _, err := header.ParseIPv4(heard[1])
	if err != nil || h.Src != addr("10.0.0.1") || h.ID == 0 || h.TotalLength != 23 || h.TTL != 99 {
		t.Errorf("the header arrived as %+v, %v", h, err)
	}
	if len(errs.errors) != 0 {
		t.Error("protocol unreachable, though a raw socket listens")
	}
	// A raw socket hears pings, and they are answered all the same.
	replies := 0
	e, err := one.OpenEcho(func(network.EchoReply) { replies++ })
	check(t, err)
	check(t, e.Send(addr("10.0.0.2"), 1, nil, 0))
	b.run(time.Second)
	if len(heard) != 3 || replies != 1 {
		t.Errorf("a raw ICMP socket heard %d packets and %d pings were answered, want 1 each", len(heard)-2, replies)
	}
	// With the last raw socket closed the protocol is unreachable.
	listener.Close()
	also.Close()
	check(t, sender.Send(b.pool.From(nil), addr("10.0.0.2"), false))
	check(t, sender.Send(b.pool.From(pattern(8)), addr("10.0.0.2"), false))
	b.run(time.Second)
	if len(heard) != 3 || len(errs.errors) != 1 || errs.errors[0].Errno != syscall.ENOPROTOOPT {
		t.Errorf("after Close %d more packets, errors %+v; want none, and one with 8 bytes to quote", len(heard)-3, errs.errors)
	}
}

func TestRawSendErrors(t *testing.T) {
	b := newBench(t)
	l := b.host()
	b.attach(l, "10.0.0.1/24", "10.0.0.2", 1500)
	r, err := l.OpenRaw(experimental, func(p *packet.Packet, _ *network.Datagram) { p.Release() })
	check(t, err)
	for _, c := range []struct {
		name string
		b    []byte
		dst  string
		want error
	}{
		{"no header", pattern(10), "10.0.0.2", syscall.EINVAL},
		{"header longer than the packet", append([]byte{0x4f}, make([]byte, 30)...), "10.0.0.2", syscall.EINVAL},
		{"longer than the MTU", append([]byte{0x45}, make([]byte, 1500)...), "10.0.0.2", syscall.EMSGSIZE},
		{"no route", append([]byte{0x45}, make([]byte, 30)...), "192.0.2.1", syscall.ENETUNREACH},
	} {
		if err := r.Send(b.pool.From(c.b), addr(c.dst), true); err != c.want {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	r.Close()
	if err := r.Send(b.pool.From(nil), addr("10.0.0.2"), false); err != syscall.EBADF {
		t.Errorf("after Close: %v, want EBADF", err)
	}
}

// A raw socket that is closed while a datagram is given to others hears no more.
func TestRawCloseInside(t *testing.T) {
	b := newBench(t)
	l := b.host()
	var second *network.Raw
	first := 0
	_, err := l.OpenRaw(experimental, func(p *packet.Packet, _ *network.Datagram) {
		first++
		second.Close()
		p.Release()
	})
	check(t, err)
	second, err = l.OpenRaw(experimental, func(p *packet.Packet, _ *network.Datagram) {
		t.Error("a closed raw socket was given a datagram")
		p.Release()
	})
	check(t, err)
	for range 2 {
		check(t, output(l, "127.0.0.1", nil, network.Send{}))
		b.run(0)
	}
	if first != 2 {
		t.Errorf("the open one heard %d of 2 datagrams", first)
	}
}
