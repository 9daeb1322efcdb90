package host_test

import (
	"errors"
	"io/fs"
	"net/netip"
	"strings"
	"testing"

	"septet/event"
	"septet/host"
	"septet/packet"
)

// TestFiles: a host's files say what it knows, and what is put in their place counts.
func TestFiles(t *testing.T) {
	l := event.NewVirtual(1)
	defer l.Close()
	h := host.New(l, new(packet.Pool), "pc1")
	all := host.NewHosts()
	all.Add("www", netip.MustParseAddr("10.0.1.9"))
	all.Add("PC1", netip.MustParseAddr("10.0.1.3"))
	h.Hosts.Share(all)
	read := func(name string) string {
		b, err := h.ReadFile(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		return string(b)
	}
	if got, want := read("/etc/hosts"), "127.0.0.1\tlocalhost\n127.0.1.1\tpc1\n10.0.1.9\twww\n"; got != want {
		t.Errorf("/etc/hosts is\n%swant what the host knows, then what the lab knows of others\n%s", got, want)
	}
	if got := read("/etc/hostname"); got != "pc1\n" {
		t.Errorf("/etc/hostname is %q", got)
	}
	for word, want := range map[string]string{
		"LOCALHOST": "127.0.0.1\tlocalhost\n", "10.0.1.9": "10.0.1.9\twww\n", "::ffff:10.0.1.9": "10.0.1.9\twww\n",
		"pc1": "127.0.1.1\tpc1\n", "10.0.1.3": "", "nobody": "", "": read("/etc/hosts"),
	} {
		if got, err := h.HostsWith(word); err != nil || string(got) != want {
			t.Errorf("the lines with %q are %q, %v; want those of the file: %q", word, got, err, want)
		}
	}
	for file, line := range map[string]string{"/etc/services": "http\t\t80/tcp", "/etc/protocols": "tcp\t\t6\tTCP"} {
		if !strings.Contains(read(file), line) {
			t.Errorf("%s has no %q", file, line)
		}
	}
	if _, err := h.ReadFile("/etc/resolv.conf"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a host to which nobody gave nameservers has a resolv.conf: %v", err)
	}
	if err := h.WriteFile("/etc/hosts", []byte("10.0.9.9 other\n")); err != nil {
		t.Fatal(err)
	}
	if got, err := h.Lookup("other"); err != nil || got[0].String() != "10.0.9.9" {
		t.Errorf("what was written into /etc/hosts is %v, %v", got, err)
	}
	if got, err := h.Lookup("localhost"); err == nil {
		t.Errorf("localhost is %v, but /etc/hosts was written without it", got)
	}
	for _, bad := range []string{"", "etc/hosts", "/etc/../hosts", "/etc/"} {
		if err := h.WriteFile(bad, nil); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("a file called %q was written: %v", bad, err)
		}
	}
	for n := range 300 {
		h.WriteFile("/tmp/"+strings.Repeat("x", n+1), nil)
	}
	if err := h.WriteFile("/tmp/more", nil); err == nil {
		t.Error("there is no end to the files that a host takes")
	}
}
