package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"septet/header"
	"septet/inspect"
)

// binary is the command under test, built once.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "septet")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "septet")
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		panic(fmt.Sprintf("go build: %v\n%s", err, out))
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

const firstLab = "../../labs/first.yaml"

// patience bounds every command of these tests.
const patience = time.Minute

// septet runs the command to its end.
func septet(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("septet %v: %v", args, err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// expect says what must be in a text, and complains with the text if it is not.
func expect(t *testing.T, what, text string, wanted ...string) {
	t.Helper()
	for _, w := range wanted {
		if !strings.Contains(text, w) {
			t.Errorf("%s should have %q; it is:\n%s", what, w, text)
		}
	}
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestVirtualRunShowsHandshakesAndCloses(t *testing.T) {
	out, errs, code := septet(t, "run", firstLab, "--virtual")
	if code != exitOK {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	expect(t, "the run", out, "pc1 pings www (10.0.2.80): 3 sent, 3 received",
		`received "hello over TCP\n"`, `received "hello over UDP\n"`, "pc1 gets http://www/: 200 OK",
		"SYN-SENT", "SYN, ACK seq 0 ack 1", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "LAST-ACK",
		"2 TCP connections", "three-way handshake", "four-way close")
	if strings.Contains(out, "\x1b") {
		t.Error("there are colours, though the output is not a terminal")
	}
}

func TestSameSeedGivesTheSameCapture(t *testing.T) {
	capture := func(lab string, seed int) []byte {
		path := filepath.Join(t.TempDir(), "out.pcapng")
		if _, errs, code := septet(t, "run", lab, "--virtual", "-q", "--seed", fmt.Sprint(seed), "--capture", path); code != exitOK {
			t.Fatalf("exit code %d: %s", code, errs)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	labs, err := filepath.Glob("../../labs/*.yaml")
	if err != nil || len(labs) < 2 {
		t.Fatalf("there should be labs: %v, %v", labs, err)
	}
	for _, lab := range labs {
		if !bytes.Equal(capture(lab, 3), capture(lab, 3)) {
			t.Errorf("%s: two runs with seed 3 differ", lab)
		}
		if bytes.Equal(capture(lab, 3), capture(lab, 4)) {
			t.Errorf("%s: seeds 3 and 4 give the same packets", lab)
		}
	}
}

func TestExitCodes(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	const network = "hosts:\n  a: {address: 10.0.0.1/24}\n  b: {address: 10.0.0.2/24}\nlinks:\n  - a - b\n"
	refused := write(t, "refused.yaml", network+"script:\n  - {host: a, connect: {to: b:9, send: x}}\n")
	mistaken := write(t, "mistaken.yaml", "hosts:\n  a: {address: 10.0.0.1/24}\nlinks:\n  - a - c\n")
	inUse := write(t, "inuse.yaml", network+fmt.Sprintf("publish:\n  - {listen: %v, to: b:7, from: a}\n", taken.Addr()))
	for _, c := range []struct {
		why  string
		args []string
		code int
		says []string
	}{
		{"a step that fails", []string{"run", refused, "--virtual"}, exitFailed, []string{"refused.yaml:7", "connection refused"}},
		{"a lab file with a mistake", []string{"run", mistaken}, exitMistakes, []string{"mistaken.yaml:4:9", `"c"`}},
		{"check, the same", []string{"check", mistaken}, exitMistakes, []string{"mistaken.yaml:4:9"}},
		{"a published port in use", []string{"run", inUse}, exitPort,
			[]string{taken.Addr().String(), "inuse.yaml:7", "--no-publish"}},
		{"a file that is not there", []string{"run", "nowhere.yaml"}, exitUsage, []string{"nowhere.yaml"}},
		{"no file", []string{"run"}, exitUsage, []string{"arg"}},
		{"an unknown command", []string{"fly"}, exitUsage, []string{"fly"}},
		{"a capture that is none", []string{"explain", firstLab}, exitFailed, []string{"first.yaml"}},
	} {
		_, errs, code := septet(t, c.args...)
		if code != c.code {
			t.Errorf("%s: exit code %d, should be %d; it said: %s", c.why, code, c.code, errs)
		}
		expect(t, c.why, errs, c.says...)
	}
	if out, errs, code := septet(t, "check", firstLab); code != exitOK || !strings.Contains(out, "no mistakes") {
		t.Errorf("check of the first lab: exit code %d, %s%s", code, out, errs)
	}
}

// TestExplainChecks judges captures of the labs, and one in which a byte of a
// segment that is sent again has been changed.
func TestExplainChecks(t *testing.T) {
	for _, lab := range []string{firstLab, "../../labs/lossy.yaml"} {
		path := filepath.Join(t.TempDir(), "out.pcapng")
		if _, errs, code := septet(t, "run", lab, "--virtual", "-q", "--capture", path); code != exitOK {
			t.Fatal(errs)
		}
		out, errs, code := septet(t, "explain", "--check", path)
		if code != exitOK {
			t.Errorf("%s keeps all rules: exit code %d, %s", lab, code, errs)
		}
		expect(t, "explain --check of "+lab, out, "connections, ", "segments: nothing wrong")
	}

	path := filepath.Join(t.TempDir(), "bad.pcapng")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w, err := inspect.NewCaptureWriter(f, []inspect.Interface{{Name: "wire", LinkType: inspect.LinkRaw}})
	if err != nil {
		t.Fatal(err)
	}
	for i, frame := range [][]byte{
		segment(clientEnd, serverEnd, header.TCP{Flags: header.SYN}, ""),
		segment(serverEnd, clientEnd, header.TCP{Flags: header.SYN | header.ACK, Ack: 1}, ""),
		segment(clientEnd, serverEnd, header.TCP{Flags: header.ACK, Seq: 1, Ack: 1}, "hello"),
		segment(clientEnd, serverEnd, header.TCP{Flags: header.ACK, Seq: 1, Ack: 1}, "hellO"),
	} {
		at := inspect.Epoch.Add(time.Duration(i) * time.Second)
		if err := w.Write(inspect.Frame{Time: at, Data: frame}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	out, _, code := septet(t, "explain", "--check", path)
	if code != exitFailed {
		t.Errorf("a byte that is sent again is another: exit code %d, should be %d", code, exitFailed)
	}
	expect(t, "explain --check", out, "packet 4, violation", "same-bytes: byte 5 is sent again", "RFC 9293, 3.4",
		"checked 1 connection, 4 segments: 1 violation")
}

var (
	clientEnd = netip.MustParseAddrPort("10.0.0.1:1000")
	serverEnd = netip.MustParseAddrPort("10.0.0.2:80")
)

// segment makes an IPv4 packet with a TCP segment.
func segment(src, dst netip.AddrPort, h header.TCP, data string) []byte {
	h.SrcPort, h.DstPort, h.Window = src.Port(), dst.Port(), 1000
	b := make([]byte, header.TCPLen, header.TCPLen+len(data))
	h.Put(b)
	b = append(b, data...)
	sum := ^header.Checksum(b, header.PseudoSum(src.Addr(), dst.Addr(), header.ProtocolTCP, len(b)))
	b[16], b[17] = byte(sum>>8), byte(sum)
	ip := header.IPv4{
		TotalLength: header.IPv4Len + len(b), TTL: 64, Protocol: header.ProtocolTCP, Src: src.Addr(), Dst: dst.Addr(),
	}
	p := make([]byte, header.IPv4Len)
	ip.Put(p)
	return append(p, b...)
}

func TestExplain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.pcapng")
	if _, errs, code := septet(t, "run", firstLab, "--virtual", "-q", "--capture", path); code != exitOK {
		t.Fatal(errs)
	}
	out, _, code := septet(t, "explain", path)
	if code != exitOK {
		t.Errorf("explain: exit code %d", code)
	}
	expect(t, "explain", out, "SYN seq 0", "FIN-WAIT-1", "2 TCP connections", "1 UDP conversation")
	out, _, _ = septet(t, "explain", "--layers", path)
	expect(t, "explain --layers", out, "Ethernet", "IPv4", "TCP", "Transport", "Network", "time to live")
	out, _, _ = septet(t, "explain", "--bytes", path)
	expect(t, "explain --bytes", out, "02 00 0a 00 01 0a")

	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	cut := write(t, "cut.pcapng", string(whole[:len(whole)-50]))
	out, errs, code := septet(t, "explain", cut)
	if code != exitFailed {
		t.Errorf("explain of a file that is cut: exit code %d, should be %d", code, exitFailed)
	}
	expect(t, "what was read", out, "2 TCP connections")
	expect(t, "the complaint", errs, "cut.pcapng", "ends in the middle")
}

// tool finds a program of the real world. A test that needs it is skipped where
// it is missing, but not in CI, which sets SEPTET_REAL_PEERS.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("SEPTET_REAL_PEERS") != "" {
		t.Fatalf("%s is not installed, though SEPTET_REAL_PEERS is set", name)
	}
	t.Skipf("%s is not installed", name)
	return ""
}

func command(t *testing.T, stdin, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	if stdin != "" {
		cmd.Stdin = strings.NewReader(stdin)
	}
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// freePort returns a port of the real machine that nobody has now.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestFirstLabWithRealClients is the first light: curl and telnet reach the
// services of a lab, and tshark judges what crossed its wires.
func TestFirstLabWithRealClients(t *testing.T) {
	curl, telnet, tshark := tool(t, "curl"), tool(t, "telnet"), tool(t, "tshark")
	source, err := os.ReadFile(firstLab)
	if err != nil {
		t.Fatal(err)
	}
	echo, web := freePort(t), freePort(t)
	lab := write(t, "first.yaml", strings.NewReplacer("127.0.0.1:8888", echo, "127.0.0.1:8080", web).Replace(string(source)))
	capture := filepath.Join(t.TempDir(), "out.pcapng")

	run := exec.Command(binary, "run", lab, "--capture", capture, "--for", "8s")
	var out bytes.Buffer
	run.Stdout, run.Stderr = &out, &out
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	page := command(t, "", curl, "--silent", "--show-error", "--retry", "20", "--retry-connrefused",
		"--retry-delay", "0", "--retry-max-time", "20", "http://"+web+"/")
	expect(t, "the page", page, "<h1>First light</h1>", "This page came through a router")
	host, port, _ := net.SplitHostPort(echo)
	if got := telnetSays(t, telnet, host, port, "are you there?\r\n"); !strings.Contains(got, "are you there?") {
		t.Errorf("telnet got %q, should be its own line", got)
	}
	if err := run.Wait(); err != nil {
		t.Fatalf("septet run: %v\n%s", err, out.String())
	}
	expect(t, "the run", out.String(), "published: tcp "+echo, "4 TCP connections", "three-way handshake", "four-way close")
	judge(t, tshark, capture, 4)
}

// telnetSays types a line into telnet and returns what comes back before it is
// closed.
func telnetSays(t *testing.T, telnet, host, port, line string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, telnet, host, port)
	keyboard, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	screen, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(keyboard, line)
	var got strings.Builder
	buf := make([]byte, 1024)
	for !strings.Contains(got.String(), strings.TrimSpace(line)) {
		n, err := screen.Read(buf)
		got.Write(buf[:n])
		if err != nil {
			break
		}
	}
	keyboard.Close()
	_ = cmd.Wait() // telnet says 1 when its input ends
	return got.String()
}

// judge has tshark look at a capture: nothing malformed, every checksum right,
// each connection opened and closed in full, and as many as explain shows.
func judge(t *testing.T, tshark, capture string, connections int) {
	t.Helper()
	fields := func(filter string) string {
		return command(t, "", tshark, "-r", capture, "-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE",
			"-o", "udp.check_checksum:TRUE", "-Y", filter)
	}
	if bad := fields("_ws.malformed || ip.checksum.status == 0 || tcp.checksum.status == 0 || udp.checksum.status == 0 || icmp.checksum.status == 0"); bad != "" {
		t.Errorf("tshark finds packets malformed or with a bad checksum:\n%s", bad)
	}
	for stream := range connections {
		for what, filter := range map[string]string{
			"SYN": "tcp.flags.syn == 1 && tcp.flags.ack == 0", "SYN, ACK": "tcp.flags.syn == 1 && tcp.flags.ack == 1",
			"FIN of the client": "tcp.flags.fin == 1 && tcp.dstport < 10000", "FIN of the server": "tcp.flags.fin == 1 && tcp.srcport < 10000",
		} {
			if fields(fmt.Sprintf("tcp.stream == %d && %s", stream, filter)) == "" {
				t.Errorf("tshark sees no %s in connection %d", what, stream)
			}
		}
	}
	if n := tsharkCount(t, tshark, capture); n != connections {
		t.Errorf("tshark counts %d TCP connections, should be %d", n, connections)
	}
	agree(t, tshark, capture)
}

// tsharkCount counts TCP connections.
func tsharkCount(t *testing.T, tshark, capture string) int {
	t.Helper()
	return strings.Count(command(t, "", tshark, "-r", capture, "-q", "-z", "conv,tcp"), "<->")
}

var explainCount = regexp.MustCompile(`(\d+) TCP connection`)

// agree checks that explain shows as many connections as tshark counts.
func agree(t *testing.T, tshark, capture string) {
	t.Helper()
	out, errs, code := septet(t, "explain", "-q", capture)
	if code != exitOK {
		t.Errorf("explain %s: exit code %d: %s", capture, code, errs)
	}
	ours := "0"
	if m := explainCount.FindStringSubmatch(out); m != nil {
		ours = m[1]
	}
	if theirs := fmt.Sprint(tsharkCount(t, tshark, capture)); ours != theirs {
		t.Errorf("explain shows %s TCP connections, tshark %s", ours, theirs)
	}
}

// TestExplainAgreesOnRealLoopback takes a capture of connections of this
// machine's own kernel.
func TestExplainAgreesOnRealLoopback(t *testing.T) {
	tshark := tool(t, "tshark")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	capture, stop := captureLoopback(t, "tcp port "+port)
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				buf := make([]byte, 100)
				n, _ := c.Read(buf)
				c.Write(buf[:n])
				c.Close()
			}()
		}
	}()
	for range 5 {
		c, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(c, "hello")
		buf := make([]byte, 100)
		c.Read(buf)
		c.Close()
	}
	waitForCapture(t, tshark, capture, 5)
	stop()
	if n := tsharkCount(t, tshark, capture); n != 5 {
		t.Errorf("tshark counts %d connections in the capture, there were 5", n)
	}
	agree(t, tshark, capture)
}

// waitForCapture waits until tcpdump has written what crossed the loopback: it
// gets its packets from the kernel a little later.
func waitForCapture(t *testing.T, tshark, capture string, connections int) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		out, _ := exec.Command(tshark, "-r", capture, "-Y", "tcp.flags.fin == 1").Output()
		if strings.Count(string(out), "\n") >= 2*connections {
			return
		}
	}
	t.Error("tcpdump has not written all connections")
}

// Both families in one lab: tshark finds nothing malformed, explain nothing wrong.
func TestDualStackLabIsInOrder(t *testing.T) {
	const dualLab = "../../labs/dualstack.yaml"
	capture := filepath.Join(t.TempDir(), "out.pcapng")
	out, errs, code := septet(t, "run", dualLab, "--virtual", "--capture", capture)
	if code != exitOK {
		t.Fatalf("exit code %d: %s%s", code, out, errs)
	}
	expect(t, "the table", out, "2001:db8:1::10/64", "10.0.1.1, 2001:db8:1::1", "2001:db8:1:0:1f:29ff:fe35:a157/64 (auto)")
	expect(t, "the run", out, "4 TCP connections", "guest gets http://www/: 200 OK", "ND who has 2001:db8:1::1? tell 2001:db8:1::10")
	if out, errs, code := septet(t, "explain", "--check", capture); code != exitOK || !strings.Contains(out, ": nothing wrong") {
		t.Errorf("explain --check: exit code %d\n%s%s", code, out, errs)
	}
	tshark := tool(t, "tshark")
	judge(t, tshark, capture, 4)
	if bad := command(t, "", tshark, "-r", capture, "-Y", "icmpv6.checksum.status == 0 || _ws.expert.severity == error"); bad != "" {
		t.Errorf("tshark finds errors or bad checksums:\n%s", bad)
	}
}
