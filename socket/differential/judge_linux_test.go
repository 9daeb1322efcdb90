package differential

import (
	"flag"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

// least is how many situations there are at least, counted once for each family.
const least = 3700

// areas are the tables of all situations, a file for each.
var areas = []struct {
	name    string
	scripts []script
}{
	{"calls", calls},
	{"families", families},
	{"groups", groups},
	{"streams", states},
	{"datagrams", datagramTable},
	{"binding", bindings},
	{"ending", endings},
	{"connecting", connecting},
	{"messages", messages},
	{"options", optionRows},
	{"sharing", sharings},
	{"poll", polls},
	{"poll states", pollStates},
	{"epoll", append(epolls, epollWakes...)},
	{"raw", raws},
	{"waking", waking},
	{"time-outs", timing},
	{"closing", closings},
	{"listening", listenings},
	{"arguments", arguments},
	{"names", names},
	{"corners", corners},
	{"MTU discovery", discovery},
	{"auxdata", auxdata},
	{"pings", pings},
}

// TestMain lets more situations run at once than there are processors: they wait most of
// the time.
func TestMain(m *testing.M) {
	flag.Parse()
	fuzzing := flag.Lookup("test.fuzz").Value.String() != ""
	if f := flag.Lookup("test.parallel"); !fuzzing && f.Value.String() == fmt.Sprint(runtime.GOMAXPROCS(0)) {
		_ = f.Value.Set(fmt.Sprint(atOnce))
	}
	m.Run()
}

const atOnce = 12

func TestLikeTheKernel(t *testing.T) {
	j := newJudge(t)
	t.Run("situations", func(t *testing.T) {
		for _, a := range areas {
			t.Run(a.name, func(t *testing.T) {
				for _, sc := range a.scripts {
					t.Run(sc.name, func(t *testing.T) { j.script(t, a.name+"/"+sc.name, sc) })
				}
			})
		}
	})
	t.Logf("%d situations, %d with their families; %d differ as listed", j.scripts, j.situations, j.differ.Load())
	if run := flag.Lookup("test.run").Value.String(); run == "" || run == "^TestLikeTheKernel$" {
		if j.situations < least {
			t.Errorf("there are %d situations, and there were %d already", j.situations, least)
		}
		for _, d := range j.deviations.unused(inCalls) {
			t.Errorf("%s lists a difference that there is not: remove %q", deviationsFile, d)
		}
	}
}

// judge has the worlds of the kernel and the list of what is meant to differ.
type judge struct {
	idle       chan *kernelWorld
	root, six  bool
	deviations *deviations

	scripts, situations int
	differ              atomic.Int32
}

func newJudge(t *testing.T) *judge {
	j := &judge{idle: make(chan *kernelWorld, atOnce), root: os.Geteuid() == 0, deviations: readDeviations(t)}
	for range atOnce {
		k := new(kernelWorld)
		if j.root {
			var err error
			if k, err = newKernelWorld(); err != nil {
				t.Logf("no namespaces, so the machine's own loopback serves: %v", err)
				j.root, k = false, new(kernelWorld)
			}
		}
		j.idle <- k
	}
	l, err := net.Listen("tcp", "[::1]:0")
	if j.six = err == nil; j.six {
		l.Close()
	}
	return j
}

func (j *judge) script(t *testing.T, name string, sc script) {
	var in []family
	for _, f := range addresses {
		if sc.in == nil || slices.Contains(sc.in, f.name) {
			in = append(in, f)
		}
	}
	j.scripts++
	j.situations += len(in)
	if !sc.alone {
		t.Parallel()
	}
	for _, f := range in {
		t.Run(f.name, func(t *testing.T) {
			switch {
			case (sc.wire || sc.lonely) && !j.root, sc.user && os.Geteuid() == 0 && !j.root:
				t.Skip("it needs namespaces, and those need root")
			case !j.root && !j.six && f.name != ipv4:
				t.Skip("the machine has no IPv6")
			}
			if !sc.alone {
				t.Parallel()
			}
			j.compare(t, name, f, sc)
		})
	}
}

// patiences are how long the kernel is given to settle. It mostly needs no time at all; if
// it seems to differ the machine may be busy, and it is asked again, slowly.
var patiences = []time.Duration{
	5 * time.Millisecond, 40 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond, 800 * time.Millisecond,
}

// compare plays a script to the lab and to the kernel.
func (j *judge) compare(t *testing.T, name string, f family, sc script) {
	k := <-j.idle
	defer func() { j.idle <- k }()
	lab, kernel := labWorld, func() *kernelWorld { return k }
	if sc.lonely {
		lab, kernel = lonelyLab, func() *kernelWorld { return lonelyKernel(t) } // a new one each time, for it remembers
	}
	got := play(lab(t), f, sc)
	var want []string
	for _, patience := range patiences {
		want = play(kernel().world(patience), f, sc)
		if j.asListed(name+"/"+f.name, got, want) {
			break
		}
	}
	if j.deviations.judge(t, name+"/"+f.name, got, want) {
		j.differ.Add(1)
	}
}

// asListed reports whether two runs differ in nothing but what is listed.
func (j *judge) asListed(name string, got, want []string) bool {
	for i := range max(len(got), len(want)) {
		here, linux := line(got, i), line(want, i)
		if here != linux && !j.deviations.has(name, linux, here) {
			return false
		}
	}
	return true
}

func line(log []string, i int) string {
	if i < len(log) {
		return log[i]
	}
	return "nothing"
}
