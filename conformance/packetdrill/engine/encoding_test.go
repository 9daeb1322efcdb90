package engine

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"septet/socket"
	"septet/transport/tcp"
)

func TestParseFlags(t *testing.T) {
	c, err := ParseFlags("local=10.1.2.3/8,gateway=10.0.0.1 mtu=1520\tpersonality=rfc wscale=8 seed=7")
	if err != nil {
		t.Fatal(err)
	}
	if c.Local != netip.MustParsePrefix("10.1.2.3/8") || c.Gateway != netip.MustParseAddr("10.0.0.1") ||
		c.MTU != 1520 || c.Personality.Name != "rfc" || c.Personality.WindowScale != 8 || c.Seed != 7 {
		t.Errorf("flags not taken over: %+v", c)
	}
	for flags, complaint := range map[string]string{
		"mtu=67":          "from 68 to 65535",
		"mtu=many":        "from 68 to 65535",
		"wscale=15":       "from 0 to 14",
		"tso=perhaps":     "on or off",
		"rmem=1":          "from 4096",
		"local=10.0.0.1":  "no '/'",
		"local=fd00::1":   "no '/'",
		"gateway=::1":     "two families",
		"personality=bsd": "linux or rfc",
		"lokal=1.2.3.4/8": "there are local",
		"seed":            "invalid syntax",
	} {
		if _, err := ParseFlags(flags); err == nil || !strings.Contains(err.Error(), complaint) || !strings.Contains(err.Error(), flags) {
			t.Errorf("%q should be refused with itself and %q, not with: %v", flags, complaint, err)
		}
	}
}

func TestNewRefusesWhatNoHostCanHave(t *testing.T) {
	for _, flags := range []string{"local=192.168.0.0/16", "gateway=8.8.8.8", "gateway=192.168.0.1"} {
		c, err := ParseFlags(flags)
		if err != nil {
			t.Fatal(err)
		}
		if e, err := New(c, counter{}); err == nil {
			e.Free()
			t.Errorf("%s: the network or a router elsewhere cannot be the host's own", flags)
		}
	}
}

// TestSockaddr has the layout of <netinet/in.h>, written by hand.
func TestSockaddr(t *testing.T) {
	family4 := binary.NativeEndian.AppendUint16(nil, socket.AF_INET)
	family6 := binary.NativeEndian.AppendUint16(nil, socket.AF_INET6)
	v4 := append(family4, 0x1f, 0x90, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0)
	v6 := append(family6, 0x1f, 0x90, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1, 0, 0, 0, 0)
	for a, raw := range map[string][]byte{"192.0.2.1:8080": v4, "[::ffff:192.0.2.1]:8080": v6} {
		want := netip.MustParseAddrPort(a)
		if got := Sockaddr(want); !bytes.Equal(got, raw) {
			t.Errorf("%s is % x, it should be % x", a, got, raw)
		}
		if _, got, err := ParseSockaddr(raw); got != want || err != nil {
			t.Errorf("% x was read as %v, %v; it is %s", raw, got, err, a)
		}
	}
	for _, bad := range []struct {
		raw  []byte
		want syscall.Errno
	}{
		{nil, syscall.EINVAL}, {v4[:15], syscall.EINVAL}, {v6[:23], syscall.EINVAL},
		{binary.NativeEndian.AppendUint16(nil, 1), syscall.EAFNOSUPPORT},
	} {
		if _, _, err := ParseSockaddr(bad.raw); err != bad.want {
			t.Errorf("% x: %v, it should be %v", bad.raw, err, bad.want)
		}
	}
	if Sockaddr(netip.AddrPort{}) != nil {
		t.Error("no address is no bytes")
	}
}

func TestLinuxInfo(t *testing.T) {
	i := tcp.Info{
		State: tcp.LastAck, Phase: tcp.PhaseRecovery, Timestamps: true, SACK: true,
		SendScale: 7, ReceiveScale: 8, SendMSS: 1448, Cwnd: 14480, Ssthresh: 7240,
		Outstanding: 2, RTO: 200 * time.Millisecond, RTT: 1500 * time.Nanosecond, SinceSent: 5 * time.Second,
	}
	l := linuxInfo(i)
	if l.State != 9 || l.CAState != 3 || l.Options != 3 || l.Scales != 0x87 {
		t.Errorf("LAST-ACK is 9, recovery 3, timestamps and SACK 1|2, the scales 7 and 8<<4: %+v", l)
	}
	if l.SndCwnd != 10 || l.SndSsthresh != 5 || l.Unacked != 2 {
		t.Errorf("windows count full segments: %+v", l)
	}
	if l.RTO != 200000 || l.RTT != 1 || l.LastDataSent != 5000 {
		t.Errorf("times are microseconds, those since something milliseconds: %+v", l)
	}
	if l := linuxInfo(tcp.Info{State: tcp.Listen, Waiting: 2, Backlog: 5}); l.State != 10 || l.Unacked != 2 || l.Sacked != 5 {
		t.Errorf("a listener's queue and backlog stand in unacked and sacked: %+v", l)
	}
	if b := encodeInfo(i); len(b) != int(unsafe.Sizeof(TCPInfo{})) || b[0] != 9 {
		t.Errorf("the encoding has %d bytes, the struct %d", len(b), unsafe.Sizeof(TCPInfo{}))
	}
	// As Linux 6.18 has it for a socket that was never connected.
	fresh := linuxInfo(tcp.Info{State: tcp.Closed})
	if fresh.State != 7 || fresh.RTO != 1e6 || fresh.SndMSS != 536 || fresh.SndCwnd != 10 ||
		fresh.SndSsthresh != 0x7fffffff || fresh.MinRTT != 0xffffffff || fresh.Reordering != 3 || fresh.ATO != 0 {
		t.Errorf("a fresh socket: %+v", fresh)
	}
	if l := linuxInfo(tcp.Info{SendMSS: 1, SlowStart: true}); l.SndSsthresh != 0x7fffffff {
		t.Errorf("without a loss the threshold is infinite, not %d", l.SndSsthresh)
	}
}

func TestScatterAndGather(t *testing.T) {
	joined := gather([][]byte{[]byte("ab"), nil, []byte("cde")})
	if string(joined) != "abcde" {
		t.Errorf("gathered %q", joined)
	}
	a, b := make([]byte, 1), make([]byte, 3)
	scatter([][]byte{a, b}, []byte("xyz"))
	if string(a) != "x" || string(b) != "yz\x00" {
		t.Errorf("scattered %q and %q", a, b)
	}
}

func FuzzSockaddr(f *testing.F) {
	f.Add(Sockaddr(netip.MustParseAddrPort("192.0.2.1:8080")))
	f.Add(Sockaddr(netip.MustParseAddrPort("[::1]:1")))
	f.Add([]byte{2})
	f.Fuzz(func(t *testing.T, raw []byte) {
		family, a, err := ParseSockaddr(raw)
		if err != nil || family == socket.AF_UNSPEC {
			return
		}
		if _, again, err := ParseSockaddr(Sockaddr(a)); err != nil || again != a {
			t.Errorf("%v became %v, %v", a, again, err)
		}
	})
}
