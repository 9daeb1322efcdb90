package tcp

import (
	"flag"
	"fmt"
	"hash/maphash"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

var largeModel = flag.Bool("model", false, "explore the exhaustive model with the larger budgets")

// node is a state that was reached, by which choice from which other.
type node struct {
	parent int32
	choice choice
}

// explorer goes through all states of a program, breadth first, so that the way to
// what is wrong is the shortest. A state is not kept: it is brought about again by
// the choices that led there.
type explorer struct {
	program *program
	budget  budget
	nodes   []node
	seen    map[uint64]int32
	back    [][2]int32 // edges, from and to
	ends    []int32
	seed    maphash.Seed
	summary summary
	steps   int
	deepest int
}

// explore returns the first state that breaks a rule, and which ones; -1 if all is
// well.
func (x *explorer) explore() (bad int32, broken []string) {
	x.seen, x.seed = map[uint64]int32{}, maphash.MakeSeed()
	x.summary.plans = map[reflect.Type][]int{}
	w := newWorld(x.program, x.budget)
	x.reach(w, node{parent: -1})
	var choices []choice
	for at := int32(0); int(at) < len(x.nodes); at++ {
		w = x.replay(at)
		choices = w.choices(choices)
		if len(choices) == 0 {
			x.ends = append(x.ends, at)
			if w.checkEnd(); len(w.broken) > 0 {
				return at, w.broken
			}
		}
		for i, ch := range choices {
			if i > 0 {
				w = x.replay(at)
			}
			w.do(ch)
			x.steps++
			w.check()
			to := x.reach(w, node{at, ch})
			x.back = append(x.back, [2]int32{at, to})
			if len(w.broken) > 0 {
				x.nodes = append(x.nodes, node{at, ch})
				return int32(len(x.nodes) - 1), w.broken
			}
		}
	}
	if at := x.endless(); at >= 0 {
		return at, []string{"from here no end can be reached"}
	}
	return -1, nil
}

// reach returns the number of w's state, a new one if it has not been seen.
func (x *explorer) reach(w *world, n node) int32 {
	w.summarize(&x.summary)
	sum := maphash.Bytes(x.seed, x.summary.b)
	at, ok := x.seen[sum]
	if !ok {
		at = int32(len(x.nodes))
		x.seen[sum] = at
		x.nodes = append(x.nodes, n)
	}
	return at
}

func (x *explorer) path(at int32) (way []choice) {
	for ; x.nodes[at].parent >= 0; at = x.nodes[at].parent {
		way = append(way, x.nodes[at].choice)
	}
	for i, j := 0, len(way)-1; i < j; i, j = i+1, j-1 {
		way[i], way[j] = way[j], way[i]
	}
	return way
}

func (x *explorer) replay(at int32) *world {
	way := x.path(at)
	x.deepest = max(x.deepest, len(way))
	w := newWorld(x.program, x.budget)
	for _, ch := range way {
		w.do(ch)
	}
	return w
}

// endless returns a state from which no end can be reached, -1 if there is none.
func (x *explorer) endless() int32 {
	into := make([][]int32, len(x.nodes))
	for _, e := range x.back {
		into[e[1]] = append(into[e[1]], e[0])
	}
	good := make([]bool, len(x.nodes))
	todo := append([]int32{}, x.ends...)
	for _, at := range todo {
		good[at] = true
	}
	for len(todo) > 0 {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, from := range into[at] {
			if !good[from] {
				good[from] = true
				todo = append(todo, from)
			}
		}
	}
	for at, ok := range good {
		if !ok {
			return int32(at)
		}
	}
	return -1
}

// ladder tells how a state came about.
func (x *explorer) ladder(at int32) string {
	var b strings.Builder
	w := newWorld(x.program, x.budget)
	for i, ch := range x.path(at) {
		fmt.Fprintf(&b, "%3d +%v %s\n", i+1, w.loop.Now().Sub(modelEpoch), w.describe(ch))
		w.do(ch)
		for _, h := range w.hosts {
			if h.conn != nil {
				fmt.Fprintf(&b, "      %s %v una %d nxt %d max %d wnd %d, rcv %d, cwnd %d, next timer %v\n", h, h.conn.state,
					h.conn.sndUna.Sub(h.conn.iss), h.conn.sndNxt.Sub(h.conn.iss), h.conn.sndMax.Sub(h.conn.iss), h.conn.sndWnd,
					h.conn.rcvNxt.Sub(h.conn.irs), h.conn.win.Cwnd, h.conn.Deadline().Sub(w.loop.Now()))
			}
		}
	}
	return b.String()
}

// TestModel explores every program completely.
func TestModel(t *testing.T) {
	//rfc:9293 3.3.2 rule both ends end in agreed states, with everything delivered or an error
	//rfc:9293 MUST-10
	//rfc:9293 MUST-12
	//rfc:9293 MUST-36
	//rfc:9293 SHLD-14
	var total atomic.Int64
	for _, p := range programs {
		t.Run(p.name, func(t *testing.T) {
			if strings.HasPrefix(p.name, "data") || strings.HasPrefix(p.name, "zero") || strings.HasPrefix(p.name, "simultaneous") {
				if testing.Short() {
					t.Skip("explored without -short: it takes seconds, and minutes with the race detector")
				}
			}
			t.Parallel()
			x := &explorer{program: &p, budget: p.budget}
			if *largeModel {
				x.budget = p.large
			}
			start := time.Now()
			if bad, broken := x.explore(); bad >= 0 {
				t.Fatalf("%s\n(%d states)\nafter\n%s", strings.Join(broken, "\n"), len(x.nodes), x.ladder(bad))
			}
			total.Add(int64(len(x.nodes)))
			t.Logf("%d states, %d steps, %d ends, at most %d deep, %v", len(x.nodes), x.steps, len(x.ends), x.deepest, time.Since(start).Round(time.Millisecond))
		})
	}
	t.Cleanup(func() { t.Logf("%d states in all", total.Load()) })
}
