package kernel

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestMain lets more tests run at once than there are processors: they wait most of the
// time.
func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == fmt.Sprint(runtime.GOMAXPROCS(0)) {
		_ = f.Value.Set("6")
	}
	m.Run()
}

// missing ends a test that the machine cannot run: a skip, but where everything is
// meant to be there a failure.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("SEPTET_REAL_PEERS") != "" {
		t.Fatalf("%s, though SEPTET_REAL_PEERS is set", what)
	}
	t.Skip(what)
}

// tool returns the path of a program that the test needs.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		missing(t, name+" is not installed")
	}
	return path
}

// namespace is a network of the kernel's own.
type namespace struct {
	t    *testing.T
	file string // by which it is entered
	mss  int    // of the kernel's TCP sockets that are opened from now on; zero: by the MTU
}

// newNamespace makes a namespace with nothing in it but "lo". A process of ours holds
// it and ends with us, even if we are killed: its input ends then.
func newNamespace(t *testing.T) *namespace {
	t.Helper()
	if os.Geteuid() != 0 {
		missing(t, "a network namespace needs root")
	}
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		missing(t, "there is no /dev/net/tun")
	}
	tool(t, "ip")
	holder := exec.Command("cat")
	holder.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	input, err := holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		missing(t, fmt.Sprintf("no network namespace can be made: %v", err))
	}
	t.Cleanup(func() {
		input.Close()
		_ = holder.Wait()
	})
	n := &namespace{t: t, file: fmt.Sprintf("/proc/%d/ns/net", holder.Process.Pid)}
	// What a test gives an address to has it at once. The larger of the two counts.
	n.set("net/ipv6/conf/all/accept_dad", "0")
	n.set("net/ipv6/conf/default/accept_dad", "0")
	n.set("net/ipv6/conf/default/accept_ra", "0")
	n.ip("link set lo up")
	return n
}

// within calls f on a thread that is in the namespace. Sockets and processes that it
// begins belong there. f ends without t.Fatal.
func (n *namespace) within(f func() error) error {
	there, err := os.Open(n.file)
	if err != nil {
		return err
	}
	defer there.Close()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- err
			return
		}
		done <- f()
	}()
	return <-done
}

// set changes what is under /proc/sys.
func (n *namespace) set(name, value string) {
	n.t.Helper()
	err := n.within(func() error {
		return os.WriteFile(filepath.Join("/proc/sys", name), []byte(value), 0)
	})
	if err != nil {
		n.t.Fatalf("%s: %v", name, err)
	}
}

// How long anything here may take, and a program that has much to read.
const (
	patience = 20 * time.Second
	reading  = 2 * time.Minute
)

// try runs a program in the namespace, and returns what it has said.
func (n *namespace) try(program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), reading)
	defer cancel()
	c := exec.CommandContext(ctx, program, args...)
	var out strings.Builder
	c.Stdout, c.Stderr = &out, &out
	if err := n.within(c.Start); err != nil {
		return "", err
	}
	err := c.Wait()
	return out.String(), err
}

// run is try for what must succeed.
func (n *namespace) run(program string, args ...string) string {
	n.t.Helper()
	out, err := n.try(program, args...)
	if err != nil {
		n.t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
	return out
}

// ip runs ip(8) with the words of a line, and returns what it has said.
func (n *namespace) ip(line string) string {
	n.t.Helper()
	return n.run("ip", strings.Fields(line)...)
}

// daemon starts a program in the namespace, and ends it with the test.
func (n *namespace) daemon(program string, args ...string) {
	n.t.Helper()
	c := exec.Command(program, args...)
	var says strings.Builder
	c.Stdout, c.Stderr = &says, &says
	if err := n.within(c.Start); err != nil {
		n.t.Fatalf("%s: %v", program, err)
	}
	n.t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
		if n.t.Failed() {
			n.t.Logf("%s said:\n%s", program, &says)
		}
	})
}

// eventually waits until something is so. The kernel does what it does in its own time
// and tells nobody: all that is left is to look again.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %v it is still not so: %s", patience, what)
		}
	}
}
