package name_test

import (
	"encoding/binary"
	"testing"

	"septet/socket"
	"septet/socket/name"
)

// TestTexts has the forms of inet(3) and inet_pton(3), for machines where
// TestAsTheCLibrary does not run.
func TestTexts(t *testing.T) {
	for text, want := range map[string]string{
		"226.000.000.037": "226.0.0.31", // the example of inet(3)
		"192.0x00.0x002a": "192.0.0.42",
		"127.1":           "127.0.0.1",
		"0x7f.1":          "127.0.0.1",
		"0177.0.0.1":      "127.0.0.1",
		"1.2.3.4 junk":    "1.2.3.4",
		"1.2.3.4junk":     "", "08.1": "", "256.1": "", "1.2.3.4.5": "", "": "", " 1.2.3.4": "",
	} {
		a, err := name.InetAton(text)
		got := name.InetNtoa(a)
		if err != nil {
			got = ""
		}
		if got != want {
			t.Errorf("inet_aton(%q) is %q, should be %q", text, got, want)
		}
	}
	for text, want := range map[string]string{
		"::ffff:1.2.3.4": "::ffff:1.2.3.4", "::1.2.3.4": "::1.2.3.4", "2001:DB8:0:0:1::1": "2001:db8::1:0:0:1",
		"1::": "1::", "::": "::", "fe80::1%lo": "", "127.1": "", "1:2:3:4:5:6:7:8:9": "",
	} {
		got := ""
		if b, err := name.InetPton(socket.AF_INET6, text); err == nil {
			got, _ = name.InetNtop(socket.AF_INET6, b)
		}
		if got != want {
			t.Errorf("inet_pton(%q) is %q, should be %q", text, got, want)
		}
	}
	if _, err := name.InetPton(socket.AF_UNSPEC, "::"); err == nil {
		t.Error("inet_pton takes any family, should say EAFNOSUPPORT")
	}
	if name.InetAddr("no") != name.INADDR_NONE || name.Ntohl(name.InetAddr("127.1")) != 0x7f000001 {
		t.Error("inet_addr should give an address in network byte order, or INADDR_NONE")
	}
	var b [4]byte
	binary.NativeEndian.PutUint32(b[:], name.Htonl(0x01020304))
	if b != [4]byte{1, 2, 3, 4} || name.Ntohs(name.Htons(0x1234)) != 0x1234 {
		t.Errorf("htonl puts %v into memory, should put the most significant byte first", b)
	}
}
