package differential

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"septet/event"
	"septet/host"
	"septet/inspect/check"
	"septet/inspect/check/checktest"
	"septet/packet"
	"septet/physical"
	"septet/socket"
	"septet/socket/machine"
)

// world is what a situation happens on.
type world struct {
	here, there socket.System // the two machines
	user        socket.System // here, without privileges
	patience    time.Duration // after which everything under way has arrived
	slack       time.Duration // by which a time-out may be late
	// wait returns when all programs have ended, or says which have not.
	wait func() error
}

// labWorld is two hosts of a lab in virtual time, made for one situation.
func labWorld(t *testing.T) *world {
	l := event.NewVirtual(1)
	pool := new(packet.Pool)
	l.Lock()
	wire := physical.NewWire(l, pool, 1500, physical.Impairment{}, physical.Impairment{})
	l.Unlock()
	checktest.Wire(t, l, wire, check.Limits{})
	here := attach(t, l, host.New(l, pool, "here"), wire.A(), "192.0.2.1/24", "2001:db8::1/64")
	there := attach(t, l, host.New(l, pool, "there"), wire.B(), "192.0.2.2/24", "2001:db8::2/64")
	letPing(here.Sockets)
	letPing(there.Sockets)
	t.Cleanup(func() {
		here.Close()
		there.Close()
		l.Close()
	})
	return &world{
		here: here.Process(), user: here.Sockets.NewProcess(false), there: there.Process(),
		patience: 100 * time.Millisecond, slack: time.Millisecond, wait: ends(l),
	}
}

// lonelyLab is one host of a lab, whose cable leads nowhere, with 10.0.0.1/24 and
// fd00::1/64 on eth0. Unjudged: its programs send what no host may send.
func lonelyLab(t *testing.T) *world {
	l := event.NewVirtual(1)
	pool := new(packet.Pool)
	l.Lock()
	wire := physical.NewWire(l, pool, 1500, physical.Impairment{}, physical.Impairment{})
	l.Unlock()
	here := attach(t, l, host.New(l, pool, "here"), wire.A(), "10.0.0.1/24", "fd00::1/64")
	t.Cleanup(func() {
		here.Close()
		l.Close()
	})
	return &world{here: here.Process(), patience: 100 * time.Millisecond, slack: time.Millisecond, wait: ends(l)}
}

func attach(t *testing.T, l *event.Loop, h *host.Host, port physical.Port, four, six string) *host.Host {
	i, err := h.Attach("eth0", port, netip.MustParsePrefix(four))
	if err != nil {
		t.Fatal(err)
	}
	l.Lock()
	defer l.Unlock()
	if err := i.AddAddress(netip.MustParsePrefix(six)); err != nil {
		t.Fatal(err)
	}
	return h
}

// ends runs the programs of a lab to their end.
func ends(l *event.Loop) func() error {
	return func() error {
		err := l.Run(event.Time(time.Hour))
		if blocked := (*event.BlockedError)(nil); errors.As(err, &blocked) {
			return fmt.Errorf("blocked for ever: %s", strings.Join(blocked.Tasks, ", "))
		}
		return err
	}
}

// kernelWorld is two namespaces of the kernel's, or its loopback alone. It serves many
// situations, one at a time.
type kernelWorld struct {
	here, there *namespace // nil without root
}

// hour is how long a situation may take on the kernel. On a busy machine its small buffers
// drop what comes too fast, and after seven timeouts in a row half a minute has passed.
const hour = 2 * time.Minute

func (k *kernelWorld) world(patience time.Duration) *world {
	running := new(sync.WaitGroup) // the world's: who hung in one run must not hold up the next
	return &world{
		here:     program{socket.System(machine.New()), running, k.here, false},
		user:     program{machine.New(), running, k.here, true},
		there:    program{machine.New(), running, k.there, false},
		patience: patience, slack: 100 * patience,
		wait: func() error {
			done := make(chan struct{})
			go func() {
				running.Wait()
				close(done)
			}()
			select {
			case <-done:
				return nil
			case <-time.After(hour):
				return errors.New("blocked for ever")
			}
		},
	}
}

// program is the machine as a program in a namespace sees it.
type program struct {
	socket.System
	running *sync.WaitGroup
	in      *namespace
	user    bool
}

// Go starts a program on a thread of its own, which is in the namespace.
func (p program) Go(_ string, task func()) {
	p.running.Go(func() { p.enter(task) })
}

// GetIfAddrs is the machine's, of the namespace of the caller's thread.
func (p program) GetIfAddrs() ([]netip.Prefix, error) {
	return p.System.(interface {
		GetIfAddrs() ([]netip.Prefix, error)
	}).GetIfAddrs()
}

// Socket makes a socket in the namespace, wherever the caller is.
func (p program) Socket(domain, kind, protocol int) (d socket.Descriptor, err error) {
	if p.in == nil || p.in.inhabited() {
		return p.System.Socket(domain, kind, protocol)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.enter(func() { d, err = p.System.Socket(domain, kind, protocol) })
	}()
	<-done
	return d, err
}

// enter calls f on the caller's thread, which ends with the goroutine.
func (p program) enter(f func()) {
	runtime.LockOSThread()
	if p.in != nil {
		if err := unix.Setns(int(p.in.file.Fd()), unix.CLONE_NEWNET); err != nil {
			panic(err)
		}
	}
	if p.user && os.Geteuid() == 0 {
		dropPrivileges()
	}
	f()
}

// dropPrivileges takes every capability from this thread. Its user remains root, which
// the kernel's network does not ask for.
func dropPrivileges() {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	if err := unix.Capset(&header, &none[0]); err != nil {
		panic(err)
	}
}

// namespace is a network of the kernel's own. It goes when nobody holds its file and no
// socket is left in it.
type namespace struct {
	file  *os.File
	inode uint64
	tid   int
}

const ownNamespace = "/proc/thread-self/ns/net"

// inhabited reports whether the caller's thread is in the namespace.
func (n *namespace) inhabited() bool {
	var st unix.Stat_t
	return unix.Stat(ownNamespace, &st) == nil && st.Ino == n.inode
}

// begin makes a namespace and calls f on a thread in it.
func begin(f func(n *namespace) error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		done <- func() error {
			if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
				return err
			}
			file, err := os.Open(ownNamespace)
			if err != nil {
				return err
			}
			var st unix.Stat_t
			if err := unix.Fstat(int(file.Fd()), &st); err != nil {
				return err
			}
			// What gets an address has it at once.
			for _, name := range []string{"ipv6/conf/all/accept_dad", "ipv6/conf/default/accept_dad", "ipv6/conf/default/accept_ra"} {
				if err := sysctl(name, "0"); err != nil {
					return err
				}
			}
			return f(&namespace{file: file, inode: st.Ino, tid: unix.Gettid()})
		}()
	}()
	return <-done
}

// newKernelWorld makes the two machines and their cable.
func newKernelWorld() (*kernelWorld, error) {
	k := new(kernelWorld)
	err := begin(func(n *namespace) error {
		k.here = n
		return errors.Join(sysctl("ipv4/ping_group_range", allGroups), begin(func(n *namespace) error {
			k.there = n
			return nested(k.here, fmt.Sprintf("link add eth0 type veth peer name eth0 netns %d", n.tid),
				[]string{"192.0.2.1/24", "2001:db8::1/64"}, []string{"192.0.2.2/24", "2001:db8::2/64"})
		}))
	})
	if err != nil {
		return nil, err
	}
	return k, nil
}

// lonelyKernel makes a machine whose cable leads nowhere, see lonelyLab. It tells
// nobody of itself: there is no link-local address, and no router is asked for.
func lonelyKernel(t *testing.T) *kernelWorld {
	k := new(kernelWorld)
	err := begin(func(n *namespace) error {
		k.here = n
		err := ip("link set lo up\nlink add eth0 index 2 type veth peer name far index 3")
		for _, s := range []string{"eth0/addr_gen_mode", "far/disable_ipv6"} {
			err = errors.Join(err, sysctl("ipv6/conf/"+s, "1"))
		}
		err = errors.Join(err, sysctl("ipv6/conf/eth0/router_solicitations", "0"),
			ip("address add 10.0.0.1/24 dev eth0\naddress add fd00::1/64 dev eth0\nlink set eth0 up\nlink set far up"))
		time.Sleep(100 * time.Millisecond) // until the link is up
		return err
	})
	if err != nil {
		t.Fatalf("no machine of the kernel's, though the others could be made: %v", err)
	}
	return k
}

// nested makes the cable from the first machine, and sets both up.
func nested(first *namespace, cable string, here, there []string) error {
	up := func(prefixes []string) string {
		lines := []string{"link set lo up", "link set eth0 up"}
		for _, p := range prefixes {
			lines = append(lines, "address add "+p+" dev eth0")
		}
		return strings.Join(lines, "\n")
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		if err := unix.Setns(int(first.file.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- err
			return
		}
		done <- ip(cable + "\n" + up(here))
	}()
	if err := <-done; err != nil {
		return err
	}
	return ip(up(there))
}

// sysctl changes what is under /proc/sys/net, in the namespace of the caller's thread.
func sysctl(name, value string) error {
	return os.WriteFile("/proc/sys/net/"+name, []byte(value), 0)
}

// ip gives ip(8) some lines, in the namespace of the caller's thread.
func ip(lines string) error {
	c := exec.Command("ip", "-batch", "-")
	c.Stdin = strings.NewReader(lines + "\n")
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("ip: %w: %s", err, out)
	}
	return nil
}
