package differential

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"septet/event"
	"septet/header"
	"septet/host"
	"septet/packet"
	"septet/physical"
	"septet/physical/tapdevice"
	"septet/socket"
	"septet/transport/tcp"
)

// On the wire the script is program and peer at once: it calls a socket of the host, it
// sends that host frames of its own making, and it writes down each frame that the host
// sends, and when. The kernel has the peer at the other end of a TAP device, a lab host at
// the other end of a wire.
//
//	program on the host .1 ---------------- .2 the peer      192.0.2.0/24
//	                   ::1                  ::2               2001:db8::/64
//
// A script runs over IPv4 and over IPv6, unless it is of IPv4 alone.

// leastWire is how many situations there are on the wire at least.
const leastWire = 380

var slowWire = flag.Bool("wire.slow", false, "also the situations on the wire that wait longer than five seconds")

// encounter is one run of a script with its peer on the wire.
type encounter struct {
	*situation
	*peer
}

// wireScript is a situation on the wire as it stands in a table.
type wireScript struct {
	name string
	run  func(e *encounter)
	slow bool // it waits longer than five seconds
	four bool // it is of IPv4 alone
}

var wireAreas = []struct {
	name    string
	scripts []wireScript
}{
	{"opening", wireOpenings},
	{"closing", wireClosings},
	{"resets", wireResets},
	{"sending", wireSendings},
	{"receiving", wireReceivings},
	{"timers", wireTimers},
	{"datagrams", wireDatagrams},
	{"internet", wireInternet},
}

// atOnceOnWire is how many situations run at once: nearly all they do is wait.
const atOnceOnWire = 12

func TestOnTheWire(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("it needs a namespace and a TAP device, and those need root")
	}
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		t.Skip("there is no /dev/net/tun")
	}
	j := &wireJudge{deviations: readDeviations(t), turns: make(chan struct{}, atOnceOnWire)}
	count := 0
	t.Run("situations", func(t *testing.T) {
		for _, a := range wireAreas {
			for _, sc := range a.scripts {
				for _, f := range addresses[:2] {
					if f.name == ipv6 && (sc.four || a.name == "internet") {
						continue
					}
					count++
					t.Run(a.name+"/"+sc.name+"/"+f.name, func(t *testing.T) {
						if sc.slow && !*slowWire {
							t.Skip("it is slow: -wire.slow")
						}
						t.Parallel()
						j.turns <- struct{}{}
						defer func() { <-j.turns }()
						j.compare(t, "wire/"+a.name+"/"+sc.name, f, sc)
					})
				}
			}
		}
	})
	t.Logf("%d situations on the wire; %d differ as listed", count, j.differ.Load())
	if run := flag.Lookup("test.run").Value.String(); run == "" || run == "^TestOnTheWire$" {
		if count < leastWire {
			t.Errorf("there are %d situations, and there were %d already", count, leastWire)
		}
		for _, d := range j.deviations.unused(onWire) {
			t.Errorf("%s lists a difference that there is not: remove %q", deviationsFile, d)
		}
	}
}

type wireJudge struct {
	deviations *deviations
	turns      chan struct{}
	again      sync.Mutex
	differ     atomic.Int32
}

// compare plays a script to the lab and to the kernel.
func (j *wireJudge) compare(t *testing.T, name string, f family, sc wireScript) {
	if f.name == ipv6 {
		name += " over IPv6"
	}
	got := onLabWire(t, f, sc)
	want := onKernelWire(t, f, sc)
	for range 20 { // a busy machine? Ask again, and nobody else meanwhile
		if j.deviations.explain(name, got, want) {
			break
		}
		j.again.Lock()
		want = onKernelWire(t, f, sc)
		j.again.Unlock()
	}
	if *showWire {
		t.Logf("here\n  %s", strings.Join(got, "\n  "))
	}
	got, want = aligned(got, want)
	if j.deviations.judge(t, name, got, want) {
		j.differ.Add(1)
	}
}

var showWire = flag.Bool("wire.show", false, "print what the lab sends in each situation on the wire")

// aligned puts "nothing" where one of two texts has a line that the other has not, so that
// the lines after it stand beside each other again.
func aligned(a, b []string) (x, y []string) {
	// common[i][j] is how much a[i:] and b[j:] have in common at most. What the script does
	// counts more than any number of frames.
	weight := func(line string) int {
		if strings.HasPrefix(line, "<") {
			return 1
		}
		return 1000
	}
	common := make([][]int, len(a)+1)
	for i := range common {
		common[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			common[i][j] = max(common[i+1][j], common[i][j+1])
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + weight(a[i])
			}
		}
	}
	for i, j := 0, 0; i < len(a) || j < len(b); {
		switch {
		case i < len(a) && j < len(b) && (a[i] == b[j] || common[i+1][j+1] == common[i][j] && a[i][0] == b[j][0]):
			x, y = append(x, a[i]), append(y, b[j])
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && common[i+1][j] == common[i][j]:
			x, y = append(x, a[i]), append(y, "nothing")
			i++
		default:
			x, y = append(x, "nothing"), append(y, b[j])
			j++
		}
	}
	return x, y
}

// onLabWire plays a script on a lab host in virtual time.
func onLabWire(t *testing.T, f family, sc wireScript) []string {
	l, pool := event.NewVirtual(1), &packet.Pool{SingleFrames: true}
	l.Lock()
	w := physical.NewWire(l, pool, 1500, physical.Impairment{}, physical.Impairment{}) // Unjudged: the peer is meant to break rules
	l.Unlock()
	h := host.New(l, pool, "here")
	linux := tcp.LinuxExact()
	linux.WindowScale = windowScale(t)
	l.Lock()
	h.TCP = tcp.New(h.Network, &linux)
	h.Sockets = socket.NewStack(h.Network, h.TCP, h.UDP, h)
	l.Unlock()
	attach(t, l, h, w.A(), "192.0.2.1/24", "2001:db8::1/64")
	defer l.Close()
	defer h.Close()
	return meet(newPeer(l, pool, w.B(), f), &world{
		here: h.Process(), patience: soon,
		wait: func() error { return l.Run(event.Time(time.Hour)) },
	}, f, sc)
}

// windowScale is what the kernel offers: it follows from the largest window that it may
// have, and that is the machine's own affair.
func windowScale(t *testing.T) (scale uint8) {
	text, err := os.ReadFile("/proc/sys/net/core/rmem_max")
	if err != nil {
		t.Fatal(err)
	}
	largest, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	for space := max(largest, 6<<20); space > 65535 && scale < header.MaxWindowScale; space >>= 1 {
		scale++
	}
	return scale
}

// onKernelWire plays a script on the kernel, in a namespace of its own.
func onKernelWire(t *testing.T, f family, sc wireScript) []string {
	t.Helper()
	l, pool := event.NewReal(1), new(packet.Pool)
	defer l.Close()
	k := new(kernelWorld)
	var device *tapdevice.Device
	err := begin(func(n *namespace) (err error) {
		k.here = n
		device, err = tapdevice.Open(l, pool, tapdevice.Config{Name: "eth0", Namespace: fmt.Sprintf("/proc/self/fd/%d", n.file.Fd())})
		if err != nil {
			return err
		}
		if err := sysctl("ipv4/tcp_rmem", "4096 131072 6291456"); err != nil { // Linux's own
			return err
		}
		return ip("link set lo up\nlink set eth0 up\naddress add 192.0.2.1/24 dev eth0\naddress add 2001:db8::1/64 dev eth0 nodad")
	})
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	defer k.here.file.Close()
	return meet(newPeer(l, pool, device, f), k.world(soon), f, sc)
}

// meet plays a script with its peer, whom the host knows by then.
func meet(p *peer, w *world, f family, sc wireScript) []string {
	return play(w, f, script{name: sc.name, run: func(s *situation) {
		e := &encounter{situation: s, peer: p}
		if !p.introduce() {
			s.note("the host does not say where it is")
			return
		}
		sc.run(e)
	}})
}

// note writes down what a call answers. What the host sends is measured from here.
func (e *encounter) note(call string, results ...any) {
	e.situation.note(call, results...)
	e.begun()
}

// soon is how long the host may take for what it does at once.
const soon = 25 * time.Millisecond

// delivery is how long the kernel may take until it has a frame.
const delivery = 3 * time.Millisecond

// settle writes down what the host sends at once.
func (e *encounter) settle() { e.within(soon) }

// within writes down what the host sends in the next d.
func (e *encounter) within(d time.Duration) {
	_ = e.loop.Sleep(d)
	e.log = append(e.log, e.take()...)
}

// skip waits until the host has sent something, and forgets it.
func (e *encounter) skip() {
	for range 1000 {
		if len(e.take()) > 0 {
			return
		}
		_ = e.loop.Sleep(time.Millisecond)
	}
	e.note("the host should have sent something")
}

// quiet forgets what the host sends at once.
func (e *encounter) quiet() {
	_ = e.loop.Sleep(soon)
	e.take()
}

// says writes down what the peer sends.
func (e *encounter) says(line string, frame []byte) {
	e.log = append(e.log, "> "+line)
	e.transmit(frame)
	_ = e.loop.Sleep(delivery)
}

// when names the time that has passed. The timers of hosts are far enough from each other
// that the machine's being busy does not make one look like another.
func when(d time.Duration) string {
	for _, b := range []struct {
		below time.Duration
		name  string
	}{
		{32 * time.Millisecond, "at once"}, {100 * time.Millisecond, "40 ms"}, {300 * time.Millisecond, "200 ms"},
		{600 * time.Millisecond, "400 ms"}, {1350 * time.Millisecond, "1 s"}, {2500 * time.Millisecond, "2 s"},
		{3500 * time.Millisecond, "3 s"}, {6 * time.Second, "4 s"}, {12 * time.Second, "8 s"}, {24 * time.Second, "16 s"},
	} {
		if d < b.below {
			return b.name
		}
	}
	return "later"
}
