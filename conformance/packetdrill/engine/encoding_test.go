package engine

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"septet/socket"
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
