package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// What the lab with the bad line is there for: packets that do not arrive.
func TestLossesAreShown(t *testing.T) {
	for _, kind := range [][]string{{"--virtual"}, {"--no-publish", "--for", "3s"}} {
		path := "../../labs/lossy.yaml"
		if kind[0] != "--virtual" { // in real time a short one
			path = write(t, "down.yaml", "hosts:\n  a: {address: 10.0.0.1/24, mac: 02:00:00:00:00:01}\n  b: {address: 10.0.0.2/24}\nlinks:\n  - a - b\n"+
				"script:\n  - {host: a, ping: {to: b, count: 1}}\n  - {link: a - b, state: down}\n  - {host: a, timeout: 10ms, ping: {to: b, count: 1}}\n")
		}
		out, _, _ := septet(t, append([]string{"run", path}, kind...)...)
		var crossed []string
		for line := range strings.Lines(out) {
			if strings.Contains(line, "✗") {
				crossed = append(crossed, line)
			}
		}
		if len(crossed) == 0 {
			t.Fatalf("%v: no lost frame is shown:\n%s", kind, out)
		}
		expect(t, "the lost frames", strings.Join(crossed, ""), "ICMP echo request", "lost on ")
		expect(t, "the summary", out, "frames on the links", "lost  dropped")
	}
	out, _, _ := septet(t, "run", "../../labs/lossy.yaml", "--virtual", "--seed", "7")
	shown, counted := strings.Count(out, "lost on "), 0
	for line := range strings.Lines(out[strings.Index(out, "frames on the links"):]) {
		var name, from string
		var sent, lost int
		if n, _ := fmt.Sscanf(line, "  r1:line - %s %s %d %d", &name, &from, &sent, &lost); n == 4 {
			counted += lost
		}
	}
	if shown == 0 || shown != counted {
		t.Errorf("the ladder shows %d losses, the summary counts %d:\n%s", shown, counted, out)
	}
}

func TestQueueDropsAreShown(t *testing.T) {
	path := write(t, "queue.yaml", "hosts:\n  a: {address: 10.0.0.1/24}\n  b: {address: 10.0.0.2/24}\n"+
		"links:\n  - {link: a - b, from a: {rate: 100kbit, queue: 1514}}\nscript:\n  - {host: a, ping: {to: b, count: 1}}\n"+
		"  - {at: 1s, host: a, ping: {to: b, count: 1, size: 1400}}\n  - {at: 1s, host: a, timeout: 1s, ping: {to: b, count: 1, size: 1401}}\n")
	out, _, _ := septet(t, "run", path, "--virtual")
	expect(t, "the ladder", out, "len 1401", "✗ b", "dropped: queue full on a - b")
}

func TestClosedPortIsNotShownAsListening(t *testing.T) {
	out, _, _ := septet(t, "run", write(t, "closed.yaml", pair+"script:\n  - {host: a, connect: b:99}\n"), "--virtual")
	expect(t, "the ladder", out, "RST, ACK")
	if strings.Contains(out, "SYN-RECEIVED") {
		t.Errorf("nobody listens, so nobody is in SYN-RECEIVED:\n%s", out)
	}
}

func TestCutOffScriptsAndRoutes(t *testing.T) {
	path := write(t, "cut.yaml", pair+"script:\n  - {host: a, ping: {to: b, count: 1}}\n  - {sleep: 1h}\n")
	out, _, code := septet(t, "run", path, "--virtual", "--for", "5s")
	if code != exitOK {
		t.Errorf("exit code %d", code)
	}
	expect(t, "the end", out, "The script was cut off by --for 5s: 1 of 2 steps had ended.", "1 sent, 1 received, min/avg/max 0s/0s/0s")
	out, _, _ = septet(t, "run", path, "--virtual", "--for", "2h")
	if strings.Contains(out, "cut off") {
		t.Errorf("the script has ended by itself:\n%s", out)
	}
	out, _, _ = septet(t, "run", "../../labs/lossy.yaml", "--virtual", "--for", "1ms")
	expect(t, "the table", out, "route on r1: 192.168.2.0/24 via 10.0.0.2")
}

// A run that cannot begin names all ports, and leaves the last capture alone.
func TestAllPortsInUseAreNamedAndTheCaptureKept(t *testing.T) {
	text := pair + "publish:\n"
	var taken []string
	for i := range 2 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		taken = append(taken, l.Addr().String())
		text += fmt.Sprintf("  - {listen: %v, to: b:%d, from: a}\n", l.Addr(), 7+i)
	}
	capture := write(t, "old.pcapng", "the last one")
	_, errs, code := septet(t, "run", write(t, "inuse.yaml", text), "--capture", capture)
	if code != exitPort {
		t.Errorf("exit code %d, should be %d", code, exitPort)
	}
	expect(t, "the complaint", errs, append(taken, "inuse.yaml:7", "inuse.yaml:8")...)
	if b, _ := os.ReadFile(capture); string(b) != "the last one" {
		t.Errorf("the capture of the run before is %q now", b)
	}
}

func TestOutputThatCannotBeWrittenIsAFailure(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("there is no /dev/full on " + runtime.GOOS)
	}
	defer full.Close()
	capture := filepath.Join(t.TempDir(), "out.pcapng")
	if _, errs, code := septet(t, "run", firstLab, "--virtual", "-q", "--capture", capture); code != exitOK {
		t.Fatal(errs)
	}
	for _, args := range [][]string{{"run", firstLab, "--virtual"}, {"run", firstLab, "--virtual", "-q"}, {"check", firstLab}, {"explain", capture}, {"explain", "-q", capture}, {"explain", "--layers", capture}} {
		cmd := exec.Command(binary, args...)
		cmd.Stdout = full
		_ = cmd.Run()
		if code := cmd.ProcessState.ExitCode(); code != exitFailed {
			t.Errorf("%v to a disk that is full: exit code %d, should be %d", args, code, exitFailed)
		}
	}
}
