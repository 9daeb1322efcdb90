package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestDriver builds the library and a C program that loads it as packetdrill does,
// and has that play its scenarios: testdata/driver has what is expected.
func TestDriver(t *testing.T) {
	gcc := requireC(t)
	dir := t.TempDir()
	library, driver := filepath.Join(dir, "libseptet.so"), filepath.Join(dir, "driver")
	run(t, "go", "build", "-buildmode=c-shared", "-o", library, ".")
	sources, err := filepath.Glob("testdata/driver/*.c")
	if err != nil || len(sources) == 0 {
		t.Fatalf("no sources of the driver: %v", err)
	}
	run(t, gcc, append([]string{"-Wall", "-Wextra", "-Werror", "-O1", "-pthread", "-o", driver}, append(sources, "-ldl")...)...)

	for _, scenario := range strings.Fields(run(t, driver, "--list")) {
		t.Run(scenario, func(t *testing.T) { run(t, driver, library, scenario) })
	}
	t.Run("in one process", func(t *testing.T) { run(t, driver, library) })
	t.Run("bad flags", func(t *testing.T) { refusesBadFlags(t, driver, library) })
}

// refusesBadFlags: init cannot return an error, so the library says what is wrong
// and ends the process.
func refusesBadFlags(t *testing.T, driver, library string) {
	out, err := exec.Command(driver, library, "--flags=mtu=67").CombinedOutput()
	if err == nil || !strings.Contains(string(out), `"mtu=67": expected a number from 68 to 65535`) {
		t.Errorf("an MTU of 67 should be refused with what is wrong, not with: %v\n%s", err, out)
	}
}

// requireC returns the C compiler, or skips the test.
func requireC(t *testing.T) string {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the library is for Linux")
	}
	if out, err := exec.Command("go", "env", "CGO_ENABLED").Output(); err != nil || strings.TrimSpace(string(out)) != "1" {
		t.Skip("cgo is not enabled: the library cannot be built")
	}
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("gcc is not installed: neither the library nor its driver can be built")
	}
	return gcc
}

// run returns what a command prints. It must succeed, and not take for ever.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	c := exec.Command(name, args...)
	var out, complaint strings.Builder
	c.Stdout, c.Stderr = &out, &complaint
	c.Env = append(os.Environ(), "CGO_ENABLED=1")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	timeout := time.AfterFunc(2*time.Minute, func() { _ = c.Process.Kill() })
	defer timeout.Stop()
	if err := c.Wait(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", filepath.Base(name), strings.Join(args, " "), err, out.String(), complaint.String())
	}
	return out.String()
}
