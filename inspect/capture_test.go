package inspect

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"septet/header"
)

func readAll(t testing.TB, path string) []Frame {
	t.Helper()
	c, err := OpenCapture(path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	frames, err := rest(c)
	if err != io.EOF {
		t.Fatal(err)
	}
	return frames
}

func rest(c *Capture) (frames []Frame, err error) {
	for {
		f, err := c.Next()
		if err != nil {
			return frames, err
		}
		f.Data = bytes.Clone(f.Data)
		frames = append(frames, f)
	}
}

func write(t testing.TB, frames []Frame, interfaces ...Interface) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := NewCaptureWriter(&b, interfaces)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range frames {
		if err := w.Write(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

var wires = []Interface{{Name: "pc1-s1", LinkType: LinkEthernet}, {Name: "tunnel", LinkType: LinkRaw}}

func someFrames() []Frame {
	at := Epoch.Add(1234567891 * time.Nanosecond)
	return []Frame{
		{Time: at, Interface: 0, LinkType: LinkEthernet, Data: udpFrame(pc1Port, wwwPort, "one")},
		{Time: at.Add(1), Interface: 1, LinkType: LinkRaw, Data: udpFrame(pc1Port, wwwPort, "three")[14:]},
		{Time: at.Add(2), Interface: 0, LinkType: LinkEthernet, Length: 1500, Data: udpFrame(pc1Port, wwwPort, "cut")[:44]},
	}
}

func TestCaptureIsReadAsWritten(t *testing.T) {
	frames := someFrames()
	file := write(t, frames, wires...)
	if again := write(t, frames, wires...); !bytes.Equal(file, again) {
		t.Error("the same frames must give the same bytes")
	}
	c, err := NewCapture(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	got, err := rest(c)
	if err != io.EOF || len(got) != len(frames) {
		t.Fatalf("%d frames and %v, want %d and EOF", len(got), err, len(frames))
	}
	for i, f := range frames {
		g := got[i]
		if !g.Time.Equal(f.Time) || g.Interface != f.Interface || g.LinkType != f.LinkType ||
			g.Length != max(f.Length, len(f.Data)) || !bytes.Equal(g.Data, f.Data) {
			t.Errorf("frame %d: %+v, want %+v", i+1, g, f)
		}
	}
	if c.InterfaceName(0) != "pc1-s1" || c.InterfaceName(1) != "tunnel" || c.InterfaceName(2) != "" {
		t.Errorf("interfaces %q and %q", c.InterfaceName(0), c.InterfaceName(1))
	}
	for _, host := range []string{"linux", "amd64", "darwin"} {
		if bytes.Contains(file, []byte(host)) {
			t.Errorf("the file names the machine: %s", host)
		}
	}
}

// Wherever a file is cut, what stands before the cut is read, and the error
// says that it is cut; between two packets nobody can know.
func TestTruncatedCaptures(t *testing.T) {
	pcap, err := os.ReadFile("testdata/loopback.pcap")
	if err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string][]byte{"pcap": pcap[:400], "pcapng": write(t, someFrames(), wires...)} {
		all, clean := -1, 0
		for n := len(file); n >= 0; n-- {
			c, err := NewCapture(bytes.NewReader(file[:n]))
			read := 0
			if err == nil {
				var frames []Frame
				frames, err = rest(c)
				read = len(frames)
			}
			if all < 0 {
				all = read
			}
			if read > all {
				t.Fatalf("%s cut to %d bytes: %d packets, the longer file had %d", name, n, read, all)
			}
			all = read
			switch {
			case err == io.EOF:
				clean++
			case !errors.Is(err, ErrCapture):
				t.Errorf("%s cut to %d bytes: %v is no ErrCapture", name, n, err)
			case n > 0 && !errors.Is(err, io.ErrUnexpectedEOF):
				t.Errorf("%s cut to %d bytes: %v, want an unexpected EOF", name, n, err)
			}
		}
		if clean == 0 || clean > 12 {
			t.Errorf("%s: %d of its lengths are taken for whole files", name, clean)
		}
	}
}

func TestErrorsSayWhatAndWhere(t *testing.T) {
	pcap, err := os.ReadFile("testdata/loopback.pcap")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	huge := bytes.Clone(pcap)
	copy(huge[24+8:], []byte{0xff, 0xff, 0xff, 0x7f}) // the first packet's length
	tests := []struct {
		name string
		file []byte
		want string
	}{
		{"empty", nil, "the file is empty"},
		{"text", []byte("this is not a capture file at all, it is text"), "neither as pcap nor as pcapng"},
		{"gzip", []byte{0x1f, 0x8b, 8, 0, 0, 0}, "gzip"},
		{"cut", pcap[:24+16+74+16+10], "ends in the middle of packet 2, which begins at or after byte 114"},
		{"damaged", huge, "packet 1, which begins at or after byte 24"},
	}
	for _, c := range tests {
		path := filepath.Join(dir, c.name)
		if err := os.WriteFile(path, c.file, 0o600); err != nil {
			t.Fatal(err)
		}
		capture, err := OpenCapture(path)
		if err == nil {
			_, err = rest(capture)
			capture.Close()
		}
		var e *CaptureError
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v; it must name the file and say %q", c.name, err, c.want)
		}
	}
	if _, err := OpenCapture(filepath.Join(dir, "absent")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

func track(frames []Frame) *Tracker {
	t := &Tracker{}
	for _, f := range frames {
		t.Feed(f)
	}
	return t
}

// The three files are of the same traffic: 3 echo connections, one refused
// connection, and two datagrams that go and come, on three link types.
func TestCapturesOfLinux(t *testing.T) {
	for _, path := range []string{"testdata/loopback.pcap", "testdata/any.pcap", "testdata/any1.pcap"} {
		tracker := track(readAll(t, path))
		all := tracker.Summaries()
		if len(all) != 4 || tracker.Counts().UDP != 2 {
			t.Errorf("%s: %d TCP and %d UDP conversations, tshark counts 4 and 2", path, len(all), tracker.Counts().UDP)
			continue
		}
		for i, want := range []string{
			"three-way handshake, four-way close in three segments, 127.0.0.1:36846 first",
			"three-way handshake, four-way close in three segments, 127.0.0.1:36860 first",
			"three-way handshake, reset by 127.0.0.1:36874",
			"refused, never open",
		} {
			if got := all[i].Opened.String() + ", " + all[i].ClosedText(); got != want {
				t.Errorf("%s, connection %d: %s, want %s", path, i+1, got, want)
			}
			if i < 3 && all[i].Bytes != [2]int64{6, 6} {
				t.Errorf("%s, connection %d: bytes %v, want 6 each way", path, i+1, all[i].Bytes)
			}
		}
	}
}

func conversations(t *testing.T, path, kind string) int {
	t.Helper()
	out, err := exec.Command("tshark", "-n", "-r", path, "-q", "-z", "conv,"+kind).Output()
	if err != nil {
		t.Fatalf("tshark: %v", err)
	}
	return strings.Count(string(out), "<->")
}

// TestTsharkCountsTheSame writes what a lab's capture is: every frame on three
// wires, ports used again, retransmissions, a refused connection.
func TestTsharkCountsTheSame(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("tshark is not on this machine:", err)
	}
	path := filepath.Join(t.TempDir(), "lab.pcapng")
	names := []Interface{{Name: "pc1-s1", LinkType: LinkEthernet}, {Name: "s1-r1", LinkType: LinkEthernet}, {Name: "r1-www", LinkType: LinkEthernet}}
	frames := labFrames()
	if err := os.WriteFile(path, write(t, frames, names...), 0o600); err != nil {
		t.Fatal(err)
	}
	files := []string{path, "testdata/loopback.pcap", "testdata/any.pcap", "testdata/any1.pcap"}
	for _, path := range files {
		n := track(readAll(t, path)).Counts()
		if tcp, udp := conversations(t, path, "tcp"), conversations(t, path, "udp"); n.TCP != tcp || n.UDP != udp {
			t.Errorf("%s: %d TCP and %d UDP conversations, tshark counts %d and %d", path, n.TCP, n.UDP, tcp, udp)
		}
	}
	out, err := exec.Command("tshark", "-n", "-r", path, "-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE",
		"-o", "ip.check_checksum:TRUE", "-Y", "_ws.malformed || tcp.checksum.status == 0 || udp.checksum.status == 0 || ip.checksum.status == 0").Output()
	if err != nil || len(out) > 0 {
		t.Errorf("tshark finds fault with our capture: %v\n%s", err, out)
	}
}

func labFrames() (frames []Frame) {
	at := Epoch
	cross := func(frame []byte) {
		for wire := range 3 {
			at = at.Add(time.Millisecond)
			frames = append(frames, Frame{Time: at, Interface: wire, LinkType: LinkEthernet, Data: hops(frame, wire)})
		}
	}
	for i := range 5 {
		src := netip.AddrPortFrom(pc1, uint16(50000+i/2)) // ports are used again
		isn := header.Seq(1000 * i)
		segment := func(flags header.TCPFlags, seq, ack int, payload string) {
			cross(tcpFrame(src, wwwPort, header.TCP{Flags: flags, Seq: isn.Add(seq), Ack: header.Seq(ack), Window: 1000}, payload))
		}
		segment(syn, 0, 0, "")
		segment(syn, 0, 0, "")
		if i == 4 {
			cross(tcpFrame(wwwPort, src, header.TCP{Flags: rst | ack, Ack: isn + 1}, ""))
			break
		}
		cross(tcpFrame(wwwPort, src, header.TCP{Flags: syn | ack, Seq: 77, Ack: isn + 1, Window: 1000}, ""))
		segment(ack, 1, 78, "")
		segment(psh|ack, 1, 78, "payload")
		segment(fin|ack, 8, 78, "")
		cross(tcpFrame(wwwPort, src, header.TCP{Flags: fin | ack, Seq: 78, Ack: isn + 9, Window: 1000}, ""))
		segment(ack, 9, 79, "")
		cross(udpFrame(src, netip.AddrPortFrom(www, 4000), "datagram"))
		cross(udpFrame(netip.AddrPortFrom(www, 4000), src, "answer"))
	}
	return frames
}

func FuzzCapture(f *testing.F) {
	if b, err := os.ReadFile("testdata/loopback.pcap"); err == nil {
		f.Add(b[:300])
	}
	f.Add(write(f, someFrames(), wires...))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := NewCapture(bytes.NewReader(b))
		if err == nil {
			_, err = rest(c)
		}
		if err != io.EOF && !errors.Is(err, ErrCapture) {
			t.Errorf("%v is neither EOF nor ErrCapture", err)
		}
	})
}
