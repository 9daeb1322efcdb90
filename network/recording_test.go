package network_test

import (
	"bytes"
	"testing"
	"time"

	"septet/header"
)

// An echo reply brings back who has entered himself on both ways (RFC 1122, section
// 3.2.2.6), and no other option: here the request's no-op and router alert.
func TestEchoReplyRecorded(t *testing.T) {
	b := newBench(t)
	p := b.attach(b.host(), "10.0.1.1/24", "10.0.1.2", 1500)
	ask := func(options ...byte) []byte {
		t.Helper()
		h := header.IPv4{Src: addr("10.0.1.2"), Dst: addr("10.0.1.1"), Protocol: header.ProtocolICMP, Options: options}
		p.send("10.0.1.1", ip(h, icmp(header.ICMPEchoRequest, 0, 1<<16|1, []byte("hello"))))
		b.run(time.Second)
		g, _, data := wantICMP(t, p.take(), header.ICMPEchoReply, 0)
		if string(data) != "hello" {
			t.Errorf("the reply brings %q, must bring what was asked", data)
		}
		return g.Options
	}
	me := []byte{10, 0, 1, 1}
	for _, c := range []struct {
		what      string
		ask, want []byte
	}{
		{"a route with room for two more", []byte{1, 7, 15, 8, 9, 9, 9, 9, 0, 0, 0, 0, 0, 0, 0, 0, 148, 4, 0, 0},
			append(append(append([]byte{7, 15, 16, 9, 9, 9, 9}, me...), me...), 0)},
		{"a route with room for one", []byte{7, 7, 4, 0, 0, 0, 0, 0}, append(append([]byte{7, 7, 8}, me...), 0)},
		{"a route without room", []byte{7, 7, 8, 9, 9, 9, 9, 0}, []byte{7, 7, 8, 9, 9, 9, 9, 0}},
		{"times without room: counted once", []byte{68, 8, 9, 0x20, 1, 2, 3, 4}, []byte{68, 8, 9, 0x30, 1, 2, 3, 4}},
		{"times asked of somebody else", []byte{68, 12, 5, 3, 9, 9, 9, 9, 0, 0, 0, 0}, []byte{68, 12, 5, 3, 9, 9, 9, 9, 0, 0, 0, 0}},
	} {
		if got := ask(c.ask...); !bytes.Equal(got, c.want) {
			t.Errorf("%s: the reply has the options % x, must have % x", c.what, got, c.want)
		}
	}
	// RFC 791: the highest bit says that the time is not one since midnight.
	got := ask(68, 12, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0)
	if !bytes.HasPrefix(got, append([]byte{68, 12, 13, 1}, me...)) || got[8] != 0x80 {
		t.Errorf("asked for address and time the reply has % x", got)
	}
}

// A router enters the address that the packet leaves by (RFC 791, section 3.1), and the
// header is right all the same.
func TestForwardRecorded(t *testing.T) {
	b := newBench(t)
	router := b.router()
	in := b.attach(router, "10.0.1.1/24", "10.0.1.2", 1500)
	out := b.attach(router, "10.0.2.1/24", "10.0.2.2", 1500)
	for _, c := range []struct{ ask, want []byte }{
		{[]byte{7, 11, 8, 9, 9, 9, 9, 0, 0, 0, 0, 0}, []byte{7, 11, 12, 9, 9, 9, 9, 10, 0, 2, 1, 0}},
		{[]byte{68, 12, 5, 3, 10, 0, 1, 1, 0, 0, 0, 0}, []byte{68, 12, 13, 3, 10, 0, 1, 1, 0x80}},
		{[]byte{68, 4, 5, 0xe0}, []byte{68, 4, 5, 0xf0}},
	} {
		h := header.IPv4{Src: addr("10.0.1.2"), Dst: addr("10.0.2.2"), Protocol: experimental, Options: c.ask}
		in.send("10.0.1.1", ip(h, []byte("on its way")))
		b.run(time.Second)
		got := out.take()
		if len(got) != 1 {
			t.Fatalf("with the options % x %d packets were forwarded, want it", c.ask, len(got))
		}
		g, payload, err := header.ParseIPv4(got[0])
		check(t, err)
		if !bytes.HasPrefix(g.Options, c.want) || string(payload) != "on its way" {
			t.Errorf("% x was forwarded as % x with %q, must be % x", c.ask, g.Options, payload, c.want)
		}
	}
}

// Which octet of a recording option is wrong is told (RFC 792: the pointer "identifies the
// octet where an error was detected").
func TestRecordingBad(t *testing.T) {
	for _, c := range []struct {
		what    string
		options []byte
		pointer uint32
	}{
		{"a route without a pointer", []byte{7, 2, 0, 0}, 21},
		{"a pointer into the option's head", []byte{7, 7, 3, 0, 0, 0, 0, 0}, 22},
		{"a pointer behind which no address fits", []byte{1, 7, 7, 5, 0, 0, 0, 0}, 23},
		{"times without flags", []byte{68, 3, 5, 0}, 21},
		{"no room for address and time", []byte{68, 8, 5, 1, 0, 0, 0, 0}, 22},
		{"too many without room", []byte{68, 4, 5, 0xf0}, 23},
	} {
		b := newBench(t)
		l := b.host()
		p := b.attach(l, "10.0.0.1/24", "10.0.0.2", 1500)
		h := header.IPv4{Src: addr("10.0.0.2"), Dst: addr("10.0.0.1"), Protocol: experimental, Options: c.options}
		p.send("10.0.0.1", ip(h, []byte("bad")))
		if _, m, _ := wantICMP(t, p.take(), header.ICMPParameterProblem, 0); m.Rest>>24 != c.pointer {
			t.Errorf("%s: the pointer is %d, want %d", c.what, m.Rest>>24, c.pointer)
		}
	}
}
