package sockets

import (
	"flag"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// least is how many situations there are at least, counted once for each family.
const least = 2500

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
	{"corners", corners},
}

// TestMain lets more situations run at once than there are processors: they wait most of
// the time.
func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == fmt.Sprint(runtime.GOMAXPROCS(0)) {
		_ = f.Value.Set(fmt.Sprint(atOnce))
	}
	m.Run()
}

const atOnce = 6

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
		for _, d := range j.deviations.unused() {
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
	j.scripts++
	for _, f := range addresses {
		if sc.in != nil && !slices.Contains(sc.in, f.name) {
			continue
		}
		j.situations++
		t.Run(f.name, func(t *testing.T) {
			switch {
			case sc.wire && !j.root, sc.user && os.Geteuid() == 0 && !j.root:
				t.Skip("it needs namespaces, and those need root")
			case !j.root && !j.six && f.name != ipv4:
				t.Skip("the machine has no IPv6")
			}
			t.Parallel()
			k := <-j.idle
			defer func() { j.idle <- k }()
			j.compare(t, name, f, sc, k)
		})
	}
}

// compare plays a script to the lab and to the kernel.
func (j *judge) compare(t *testing.T, name string, f family, sc script, k *kernelWorld) {
	got := play(labWorld(t), f, sc)
	want := play(k.world(20*time.Millisecond), f, sc)
	if !slices.Equal(got, want) { // a busy machine? Ask once more, slowly
		want = play(k.world(200*time.Millisecond), f, sc)
	}
	t.Logf("DEBUG\n%s\n---\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	listed := false
	for i := range max(len(got), len(want)) {
		here, linux := line(got, i), line(want, i)
		if here == linux {
			continue
		}
		if j.deviations.has(name+"/"+f.name, linux, here) {
			listed = true
			continue
		}
		t.Errorf("line %d differs from Linux\n  here  %s\n  Linux %s\n| `%s/%s` | `%s` | `%s` |  |\nafter\n  %s",
			i+1, here, linux, name, f.name, cell(linux), cell(here), strings.Join(want[:min(i, len(want))], "\n  "))
	}
	if listed {
		j.differ.Add(1)
	}
}

func line(log []string, i int) string {
	if i < len(log) {
		return log[i]
	}
	return "nothing"
}
