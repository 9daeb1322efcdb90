package differential

import (
	"fmt"

	"septet/header"
	. "septet/socket"
)

// What a reset does depends on where it is in the window (RFC 5961, section 3.2).
var wireResets = func() (list []wireScript) {
	states := []struct {
		name  string
		begin func(e *encounter) (*flow, int) // and what the host expects next
	}{
		{"ESTABLISHED", func(e *encounter) (*flow, int) { _, f := e.served(); return f, 1 }},
		{"FIN-WAIT-1", func(e *encounter) (*flow, int) { d, f := e.served(); e.close(d); e.settle(); return f, 1 }},
		{"FIN-WAIT-2", func(e *encounter) (*flow, int) {
			d, f := e.served()
			e.shutdown(d, SHUT_WR)
			e.settle()
			f.send(seg{flags: "A", seq: 1, ack: 2})
			return f, 1
		}},
		{"CLOSE-WAIT", func(e *encounter) (*flow, int) {
			_, f := e.served()
			f.send(seg{flags: "FA", seq: 1, ack: 1})
			e.settle()
			return f, 2
		}},
		{"LAST-ACK", func(e *encounter) (*flow, int) {
			d, f := e.served()
			f.send(seg{flags: "FA", seq: 1, ack: 1})
			e.settle()
			e.close(d)
			e.settle()
			return f, 2
		}},
		{"CLOSING", func(e *encounter) (*flow, int) {
			d, f := e.served()
			e.close(d)
			e.settle()
			f.send(seg{flags: "FA", seq: 1, ack: 1})
			e.settle()
			return f, 2
		}},
		{"TIME-WAIT", func(e *encounter) (*flow, int) { return e.timeWait(mss1460), 2 }},
	}
	kinds := []struct {
		name string
		s    seg
	}{
		{"exact", seg{flags: "R"}}, {"in the window", seg{flags: "R", seq: 10}}, {"before the window", seg{flags: "R", seq: -10}},
		{"beyond the window", seg{flags: "R", seq: 1 << 22}}, {"SYN in the window", seg{flags: "S", seq: 10, opts: mss1460}},
		{"ACK of what was not sent", seg{flags: "A", ack: 5000}}, {"very old ACK", seg{flags: "A", ack: -70000}},
		{"no ACK at all", seg{data: "x"}},
	}
	for _, st := range states {
		for _, k := range kinds {
			list = append(list, wireScript{name: fmt.Sprintf("%s, %s", st.name, k.name), run: func(e *encounter) {
				f, next := st.begin(e)
				s := k.s
				s.seq += next
				f.known = f.known && st.name != "TIME-WAIT" // a SYN begins anew there
				f.send(s)
				e.settle()
				f.send(seg{flags: "A", seq: next, ack: 1}) // is it still there?
				e.settle()
				f.send(seg{flags: "A", seq: next - 1, ack: 1, change: func(h *header.IPv4) { h.TTL = 9 }})
				e.settle()
			}})
		}
	}
	return list
}()
