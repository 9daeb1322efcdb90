package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

const pair = "hosts:\n  a: {address: 10.0.0.1/24}\n  b: {address: 10.0.0.2/24}\nlinks:\n  - a - b\n"

// What has failed before the end counts, also if --for cuts the script off.
func TestFailureCountsThoughTheScriptIsCutOff(t *testing.T) {
	path := write(t, "cut.yaml", pair+"script:\n  - {host: a, connect: b:9}\n  - {sleep: 1h}\n")
	for _, kind := range [][]string{{"--virtual"}, {"--no-publish"}} {
		_, errs, code := septet(t, append([]string{"run", path, "-q", "--for", "200ms"}, kind...)...)
		if code != exitFailed {
			t.Errorf("%v: a step failed before --for ended the lab: exit code %d, should be %d", kind, code, exitFailed)
		}
		expect(t, "the complaint", errs, "cut.yaml:7", "connection refused")
	}
}

// Ctrl-C ends a lab in virtual time too, and its capture is complete.
func TestInterruptInVirtualTime(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no program can press Ctrl-C in another there")
	}
	capture := filepath.Join(t.TempDir(), "out.pcapng")
	path := write(t, "long.yaml", pair+"script:\n  - {host: a, ping: {to: b, count: 1000000}}\n")
	cmd := exec.Command(binary, "run", path, "--virtual", "--capture", capture)
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer kill.Stop()
	for until := time.Now().Add(patience); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		if info, err := os.Stat(capture); err == nil && info.Size() > 0 {
			break // it runs
		}
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("a lab that Ctrl-C ends has not failed: %v", err)
	}
	if text, errs, code := septet(t, "explain", "-q", capture); code != exitOK {
		t.Errorf("the capture should be complete: exit code %d, %s%s", code, text, errs)
	}
}

// What the script says about packets stands below them, also in real time.
func TestReportsFollowTheirPackets(t *testing.T) {
	path := write(t, "order.yaml", pair+"script:\n  - {host: a, connect: b:9}\n")
	out, _, _ := septet(t, "run", path)
	reset, said := strings.Index(out, "RST"), strings.Index(out, "a connects to b:9")
	if reset < 0 || said < reset {
		t.Errorf("the step's result should stand below the reset that is its cause:\n%s", out)
	}
}

func TestExplainReadsStandardInput(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.pcapng")
	if _, errs, code := septet(t, "run", firstLab, "--virtual", "-q", "--capture", path); code != exitOK {
		t.Fatal(errs)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "explain -", command(t, string(b), binary, "explain", "-q", "-"), "2 TCP connections", "1 UDP conversation")
}
