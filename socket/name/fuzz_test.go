package name

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"septet/socket"
)

// disk is a System of which there is nothing but files, all with the same bytes.
type disk struct {
	socket.System
	data []byte
}

func (d disk) ReadFile(string) ([]byte, error) { return d.data, nil }
func (d disk) Hostname() (string, error)       { return "pc1.example", nil }

func FuzzHosts(f *testing.F) {
	f.Add([]byte("127.0.0.1 localhost\n::1\tlocalhost ip6\r\n#\n10.0.0.1"), "localhost")
	f.Add([]byte("fe80::1%eth0 a\x00b \xff\n1.2.3.4 a#b"), "a")
	f.Add([]byte(strings.Repeat("10.0.0.1 www x\n", 300)), "x")
	f.Add([]byte("10.0.0.1 K"), "\u212a") // the Kelvin sign is a K to strings.EqualFold
	f.Fuzz(func(t *testing.T, file []byte, name string) {
		for _, family := range []int{socket.AF_UNSPEC, socket.AF_INET, socket.AF_INET6} {
			found := inHosts(file, name, family)
			if found == nil {
				continue
			}
			if len(found.addrs) == 0 || len(found.addrs) > maxAddrs || len(found.aliases) > maxFields {
				t.Fatalf("%q has %d addresses and %d aliases", name, len(found.addrs), len(found.aliases))
			}
			if family == socket.AF_UNSPEC && !strings.Contains(strings.ToLower(string(file)), strings.ToLower(name)) {
				t.Fatalf("%q was found where it is not", name)
			}
		}
	})
}

func FuzzTables(f *testing.F) {
	f.Add([]byte(Services), "http", 80)
	f.Add([]byte(Protocols), "tcp", 6)
	f.Add([]byte("a 70000/tcp\nb -1/tcp\nc 1/\nd /tcp\ne 0x50/tcp\n"), "e", -1)
	f.Fuzz(func(t *testing.T, file []byte, name string, number int) {
		sys := disk{data: file}
		if s, err := GetServByName(sys, name, ""); err == nil && (s.Port < 0 || s.Port > 65535 || s.Name != name && !slices.Contains(s.Aliases, name)) {
			t.Fatalf("%q is %+v", name, s)
		}
		if s, err := GetServByPort(sys, number, "tcp"); err == nil && (s.Port != number || s.Proto != "tcp") {
			t.Fatalf("%d is %+v", number, s)
		}
		if p, err := GetProtoByName(sys, name); err == nil && (p.Number < 0 || p.Name != name && !slices.Contains(p.Aliases, name)) {
			t.Fatalf("%q is %+v", name, p)
		}
		if p, err := GetProtoByNumber(sys, number); err == nil && p.Number != number {
			t.Fatalf("%d is %+v", number, p)
		}
	})
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte("nameserver 10.0.0.53\nsearch a b c\noptions ndots:2 timeout:9 attempts:3 rotate\n"), "www")
	f.Add([]byte("nameserver fe80::1%eth0\r\ndomain .\n;x\noptions ndots:99999999999999999999 timeout:-1 attempts:0\n"), "a.b.")
	f.Fuzz(func(t *testing.T, file []byte, name string) {
		c := configOf(disk{data: file})
		if n := len(c.Servers); n < 1 || n > maxServers || c.Ndots < 0 || c.Ndots > maxNdots || c.Attempts < 1 || c.Attempts > maxAttempts {
			t.Fatalf("%+v", c)
		}
		for n := range c.Servers {
			if c.patience(n) < 1e9 {
				t.Fatalf("server %d may take %v", n, c.patience(n))
			}
		}
		all, asIs := c.candidates(name)
		if len(all) == 0 || len(all) > maxSearch+1 || strings.TrimSuffix(all[asIs], ".") != strings.TrimSuffix(name, ".") {
			t.Fatalf("%q may be %q, as it is %d", name, all, asIs)
		}
	})
}

// FuzzAnswer: whatever a nameserver sends, no more is taken of it than there may be, and
// only names that a host may have.
func FuzzAnswer(f *testing.F) {
	name := dnsmessage.MustNewName("www.example.")
	header := dnsmessage.ResourceHeader{Name: name, Class: dnsmessage.ClassINET}
	for _, bodies := range [][]dnsmessage.ResourceBody{
		{&dnsmessage.AResource{A: [4]byte{10, 0, 0, 1}}, &dnsmessage.AAAAResource{}},
		{&dnsmessage.CNAMEResource{CNAME: name}},
		{&dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName("a.example.")}, &dnsmessage.PTRResource{PTR: dnsmessage.MustNewName("a b.")}},
		{&dnsmessage.TXTResource{TXT: []string{"x"}}},
	} {
		m := dnsmessage.Message{Header: dnsmessage.Header{ID: 7, Response: true},
			Questions: []dnsmessage.Question{{Name: name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}}}
		for _, b := range bodies {
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: b})
		}
		b, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, kind := range []dnsmessage.Type{dnsmessage.TypeA, dnsmessage.TypeAAAA, dnsmessage.TypePTR} {
			all := []question{{name: name, kind: kind}}
			q, _ := match(b, 7, all)
			if q == nil {
				q = &all[0]
				q.answer = b // what would be made of it if it matched
			}
			var got found
			if err := q.read(&got); err != nil {
				continue
			}
			if len(got.addrs) > maxAddrs || len(got.aliases) > maxChain {
				t.Fatalf("%d addresses, %d aliases", len(got.addrs), len(got.aliases))
			}
			for _, n := range append(got.aliases, got.name) {
				if !isHostName(n) {
					t.Fatalf("%q is no name of a host", n)
				}
			}
			for _, a := range got.addrs {
				if a.Is4() != (kind == dnsmessage.TypeA) {
					t.Fatalf("%v in an answer to %v", a, kind)
				}
			}
		}
	})
}

// FuzzInet: what netip takes as an address is one here too, and texts come back.
func FuzzInet(f *testing.F) {
	for _, s := range []string{"127.0.0.1", "0x7f.1", "0177.0.0.1 x", "::ffff:1.2.3.4", "::1.2.3.4", "fe80::1%eth0", "1.", "0x", "08"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if a, err := InetAton(s); err == nil {
			again, err := InetAton(InetNtoa(a))
			if err != nil || again != a {
				t.Fatalf("%q is %v, and its text %v, %v", s, a, again, err)
			}
		}
		a, err := netip.ParseAddr(s)
		if err != nil || a.Zone() != "" {
			return
		}
		family := socket.AF_INET6
		if a.Is4() {
			family = socket.AF_INET
		}
		b, err := InetPton(family, s)
		if err != nil || string(b) != string(a.AsSlice()) {
			t.Fatalf("%q is %v, %v", s, b, err)
		}
		shown, err := InetNtop(family, b)
		if again, err2 := InetPton(family, shown); err != nil || err2 != nil || string(again) != string(b) {
			t.Fatalf("%q is shown as %q, which is %v", s, shown, again)
		}
	})
}

// FuzzHints: no node, service or hint makes a panic, and each answer is as asked.
func FuzzHints(f *testing.F) {
	f.Add("127.1", "80", 0, 0, 1, 0)
	f.Add("fe80::1%", "http", 0x43e, 10, 0, 255)
	f.Add("*", "*", -1, -1, -1, -1)
	f.Fuzz(func(t *testing.T, node, service string, flags, family, kind, protocol int) {
		h := Hints{flags &^ AI_ADDRCONFIG, family, kind, protocol}
		ends, err := h.ends(disk{data: Services}, service)
		if err == nil && len(ends) == 0 {
			t.Fatalf("%+v %q: neither an answer nor an error", h, service)
		}
		for _, e := range ends {
			if kind != 0 && e.kind != kind || protocol != 0 && e.protocol != protocol {
				t.Fatalf("%+v answered by %+v", h, e)
			}
		}
		digitsAndDots(node)
	})
}
