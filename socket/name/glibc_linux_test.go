package name_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The judge is the C library: the same calls on a lab host and, over the kernel, in
// namespaces that have the same files, addresses and nameserver.

// inside names the folder of the child that runs in the namespaces.
const inside = "SEPTET_NAMES_INSIDE"

func TestAsTheCLibrary(t *testing.T) {
	theirs := askCLibrary(t)
	for n := range suites {
		s := &suites[n]
		t.Run(s.name, func(t *testing.T) {
			station := newStation(t, s.hostname, s.families)
			station.files(t, s.files)
			station.serve(t)
			station.run(t, func() { compare(t, station, s, theirs[n]) })
		})
	}
}

func compare(t *testing.T, station *station, s *suite, theirs []string) {
	calls := s.lines()
	if len(theirs) != len(calls) {
		t.Errorf("the C library answered %d of %d calls", len(theirs), len(calls))
		return
	}
	for i, call := range calls {
		got, known := play(station.sys, call), deviations[strings.ReplaceAll(call, "\t", "|")]
		if known != "" && got == theirs[i] {
			t.Errorf("%q is as in C: it is a deviation no more", call)
		}
		if known == "" && got != theirs[i] {
			t.Errorf("%q\n is     %s\n in C   %s", strings.ReplaceAll(call, "\t", " "), got, theirs[i])
		}
	}
	t.Logf("%d calls", len(calls))
}

// deviations are the calls that do not answer as in C, and why.
var deviations = map[string]string{
	"ghbn|":                       "an empty name finds a line of /etc/hosts that has no name; that is no host",
	"gai|mixed.example||0|10|1|0": "the order is RFC 6724's; glibc 2.36 has a table from before it, in which Teredo and unique local addresses go before 6to4",
	"gai|echo.example||0|0|1|0":   "glibc takes its own query, sent back, for an answer without records",
	"gai|short.example||0|0|1|0":  "glibc gives a server up that sends less than a header; RFC 5452, section 9.1, has us wait for the answer",
}

// askCLibrary returns a line for each call of each suite.
func askCLibrary(t *testing.T) [][]string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, for namespaces with files and addresses of their own")
	}
	for _, tool := range []string{"gcc", "mount", "ip"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("needs ", tool, ": ", err)
		}
	}
	dir := t.TempDir()
	if out, err := exec.Command("gcc", "-o", filepath.Join(dir, "glibc"), "testdata/glibc.c").CombinedOutput(); err != nil {
		t.Skipf("testdata/glibc.c does not compile here: %v\n%s", err, out)
	}
	child := exec.Command("/proc/self/exe", "-test.run=^TestInside$", "-test.v")
	child.Env = append(os.Environ(), inside+"="+dir)
	child.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWUTS}
	if out, err := child.CombinedOutput(); err != nil {
		if len(out) == 0 {
			t.Skip("no namespaces here: ", err)
		}
		t.Fatalf("in the namespaces: %v\n%s", err, out)
	}
	all := make([][]string, len(suites))
	for n := range suites {
		b, err := os.ReadFile(filepath.Join(dir, fmt.Sprint(n)))
		check(t, err)
		all[n] = strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	}
	return all
}

// TestInside is the child's part of TestAsTheCLibrary.
func TestInside(t *testing.T) {
	dir := os.Getenv(inside)
	if dir == "" {
		t.Skip("runs in the namespaces of TestAsTheCLibrary only")
	}
	tool := func(line string) {
		t.Helper()
		if out, err := exec.Command("sh", "-c", line).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
	}
	tool("mount --make-rprivate /")
	tool("ip link set lo up && ip link add e1 index 3 type veth peer name eth0 index 2 && sysctl -qw net.ipv6.conf.eth0.accept_dad=0 && ip link set e1 addrgenmode none && ip link set eth0 up && ip link set e1 up")
	tool("ip addr add 10.9.0.2/24 dev eth0 && ip addr add 2001:db8:9::2/64 dev eth0 nodad")
	tool("ip route add default via 10.9.0.1 && ip -6 route add default via 2001:db8:9::1")
	c, err := net.ListenPacket("udp4", "127.0.0.1:53")
	check(t, err)
	l, err := net.Listen("tcp4", "127.0.0.1:53")
	check(t, err)
	go servePackets(c)
	go serveStreams(l)
	for n := range suites {
		s := &suites[n]
		if !strings.Contains(s.families, "4") {
			tool("ip -4 addr flush dev eth0")
		}
		switch {
		case !strings.Contains(s.families, "6"):
			tool("ip -6 addr flush dev eth0")
		case s.families == "6":
			tool("ip addr add 2001:db8:9::2/64 dev eth0 nodad && ip -6 route replace default via 2001:db8:9::1")
		}
		check(t, syscall.Sethostname([]byte(s.hostname)))
		files := map[string]string{"/etc/nsswitch.conf": "hosts: files dns\nservices: files\nprotocols: files\n",
			"/etc/host.conf": "multi on\n", "/etc/gai.conf": "\n"}
		for name, data := range s.files {
			files[name] = data
		}
		for name, data := range files {
			own := filepath.Join(dir, "files"+strings.ReplaceAll(name, "/", "-"))
			if _, err := os.Stat(own); err != nil { // mounted once, changed for each suite
				check(t, os.WriteFile(own, nil, 0o644))
				tool("touch " + name + "; mount --bind " + own + " " + name)
			}
			check(t, os.WriteFile(own, []byte(data), 0o644))
		}
		glibc := exec.Command(filepath.Join(dir, "glibc"))
		glibc.Stdin = strings.NewReader(strings.Join(s.lines(), "\n") + "\n")
		out, err := glibc.Output()
		check(t, err)
		check(t, os.WriteFile(filepath.Join(dir, fmt.Sprint(n)), out, 0o644))
	}
}
