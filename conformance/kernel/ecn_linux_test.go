package kernel

import (
	"testing"

	"septet/header"
	"septet/transport/tcp"
)

// A router's mark makes each end slow down, and tell the other that it has: ours on the
// kernel's word, and the kernel on ours (RFC 3168, section 6.1).
func TestECN(t *testing.T) {
	l, c, ours := neighbours(t, 1500)
	about := tcp.LinuxPersonality
	about.ECN = true
	speak(ours, &about)
	l.set("net/ipv4/tcp_ecn", "1")
	marked := [2]int{}
	every := func(n int, count *int) func([]byte) {
		seen := 0
		return func(frame []byte) {
			if seen++; seen%n == 0 && congest(frame) {
				*count++
			}
		}
	}
	l.loop.Lock()
	c.toKernel, c.toUs = every(50, &marked[0]), every(50, &marked[1])
	l.loop.Unlock()
	for _, f := range families {
		before := len(c.seen())
		client, server := connect(t, ours, l, f.theirs)
		exchange(t, client, server, 1<<20)
		said := make(map[string]map[header.TCPFlags]int)
		for _, frame := range c.seen()[before:] {
			s, ok := segmentOf(frame)
			if !ok || s.Flags.Has(header.SYN) {
				continue
			}
			if said[s.src] == nil {
				said[s.src] = make(map[header.TCPFlags]int)
			}
			for _, flag := range []header.TCPFlags{header.ECE, header.CWR} {
				if s.Flags.Has(flag) {
					said[s.src][flag]++
				}
			}
		}
		for who, a := range map[string]string{"we": f.ours.String(), "the kernel": f.theirs.String()} {
			if said[a][header.ECE] == 0 {
				t.Errorf("%s: %s should have echoed the router's marks", f.name, who)
			}
			if said[a][header.CWR] == 0 {
				t.Errorf("%s: %s should have said that the window is reduced", f.name, who)
			}
		}
	}
	l.loop.Lock()
	defer l.loop.Unlock()
	if marked[0] == 0 || marked[1] == 0 {
		t.Errorf("%v packets were marked, there should be some each way", marked)
	}
	if s := ours.TCP.Stats(); s.ECNReductions == 0 || s.CEReceived == 0 {
		t.Errorf("%d reductions for the kernel's echoes and %d marks received, there should be some", s.ECNReductions, s.CEReceived)
	}
}
