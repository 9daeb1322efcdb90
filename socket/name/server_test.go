package name_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// A nameserver for the tests, over any PacketConn and Listener: a lab's or the kernel's.

// zone is what it knows: "name type value" a line. Types that are no records say how it
// answers: rcodes, silence, tricks.
const zone = `
www.example. A 10.1.0.1
www.example. A 10.1.0.2
www.example. AAAA 2001:db8:1::1
v4.example. A 10.1.0.4
ns.example. A 10.0.0.53
v6.example. AAAA 2001:db8:1::6
alias.example. CNAME www.example.
chain.example. CNAME alias.example.
loop.example. CNAME loop.example.
dangling.example. CNAME nowhere.example.
nodata.example. NONE -
fail.example. RCODE 2
refused.example. RCODE 5
notimp.example. RCODE 4
formerr.example. RCODE 1
silent.example. SILENT -
forged.example. FORGED -
forged.example. A 10.1.0.7
short.example. SHORT -
echo.example. ECHO -
echo.example. A 10.1.0.15
short.example. A 10.1.0.14
half.example. A 10.1.0.8
half.example. FAIL6 -
badname.example. CNAME bad$name.example.
bad$name.example. A 10.1.0.9
toroot.example. CNAME .
. A 10.1.0.19
19.0.1.10.in-addr.arpa. PTR .
under_score.example. A 10.1.0.10
mail.corp.lab. A 10.2.0.1
www.corp.lab. A 10.2.0.2
a.b.corp.lab. A 10.2.0.3
whole. A 10.2.0.4
many.example. MANY 60
ula.example. AAAA 2001:db8:1::7
ula.example. A 10.1.0.11
private.example. AAAA fd00::1
private.example. A 10.1.0.16
sixtofour.example. AAAA 2002:a01:10::1
sixtofour.example. A 10.1.0.17
teredo.example. AAAA 2001::1
teredo.example. A 10.1.0.18
mixed.example. AAAA 2001::1
mixed.example. AAAA 2002:a01:10::1
mixed.example. AAAA fd00::1
mixed.example. AAAA 2001:db8:2::1
mixed.example. AAAA 2001:db8:9::3
local.example. AAAA fe80::77
local.example. A 10.1.0.12
mapped.example. AAAA ::ffff:10.1.0.13
pc2.corp.lab. A 10.9.0.77
1.0.1.10.in-addr.arpa. PTR www.example.
77.0.9.10.in-addr.arpa. PTR pc2.corp.lab.
14.0.1.10.in-addr.arpa. PTR bad$name.example.
14.0.1.10.in-addr.arpa. PTR good.example.
15.0.1.10.in-addr.arpa. PTR good.example.
15.0.1.10.in-addr.arpa. PTR bad$name.example.
4.0.1.10.in-addr.arpa. PTR v4.example.
4.0.1.10.in-addr.arpa. PTR four.example.
8.0.1.10.in-addr.arpa. RCODE 2
9.0.1.10.in-addr.arpa. PTR bad$name.example.
10.0.1.10.in-addr.arpa. NONE -
11.0.1.10.in-addr.arpa. CNAME 11.sub.0.1.10.in-addr.arpa.
11.sub.0.1.10.in-addr.arpa. PTR delegated.example.
1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR www6.example.
`

type record struct{ name, kind, value string }

var records = func() (all []record) {
	for line := range strings.Lines(zone) {
		if f := strings.Fields(line); len(f) == 3 {
			all = append(all, record{f[0], f[1], f[2]})
		}
	}
	return all
}()

// of returns the records of a name with a type, or of any type for "".
func of(name, kind string) (all []record) {
	for _, r := range records {
		if strings.EqualFold(r.name, name) && (kind == "" || r.kind == kind) {
			all = append(all, r)
		}
	}
	return all
}

// answers returns what the server sends for a query.
func answers(query []byte, stream bool) (all [][]byte) {
	var m dnsmessage.Message
	if m.Unpack(query) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	asked := q.Name.String()
	m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
	name := asked
	for range 3 {
		c := of(name, "CNAME")
		if len(c) == 0 {
			break
		}
		m.Answers = append(m.Answers, resource(c[0]))
		name = c[0].value
	}
	known := of(name, "")
	if len(known) == 0 {
		m.RCode = dnsmessage.RCodeNameError
	}
	for _, r := range known {
		switch {
		case "Type"+r.kind == q.Type.String():
			m.Answers = append(m.Answers, resource(r))
		case r.kind == "RCODE":
			m.RCode = dnsmessage.RCode(r.value[0] - '0')
		case r.kind == "FAIL6" && q.Type == dnsmessage.TypeAAAA:
			m.RCode = dnsmessage.RCodeServerFailure
		case r.kind == "SILENT":
			return nil
		case r.kind == "FORGED":
			all = append(all, forged(m)...)
		case r.kind == "ECHO":
			all = append(all, query)
		case r.kind == "SHORT":
			all = append(all, []byte{1, 2, 3}, []byte{})
		case r.kind == "MANY" && q.Type == dnsmessage.TypeA:
			m.Truncated = !stream
			for i := 0; i < 60 && stream; i++ {
				m.Answers = append(m.Answers, resource(record{asked, "A", fmt.Sprintf("10.3.0.%d", i+1)}))
			}
		}
	}
	b, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return append(all, b)
}

// forged are answers that nobody may believe: with another id, or to another question.
func forged(m dnsmessage.Message) (all [][]byte) {
	lie := resource(record{m.Questions[0].Name.String(), "A", "6.6.6.6"})
	other := m
	other.ID += 0x1000
	other.Answers = []dnsmessage.Resource{lie}
	b, _ := other.Pack()
	all = append(all, b)
	other.ID = m.ID
	other.Questions = []dnsmessage.Question{m.Questions[0]}
	other.Questions[0].Name = dnsmessage.MustNewName("liar.example.")
	b, _ = other.Pack()
	return append(all, b)
}

func resource(r record) dnsmessage.Resource {
	h := dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(r.name), Class: dnsmessage.ClassINET, TTL: 60}
	switch r.kind {
	case "A":
		return dnsmessage.Resource{Header: h, Body: &dnsmessage.AResource{A: netip.MustParseAddr(r.value).As4()}}
	case "AAAA":
		return dnsmessage.Resource{Header: h, Body: &dnsmessage.AAAAResource{AAAA: netip.MustParseAddr(r.value).As16()}}
	case "PTR":
		return dnsmessage.Resource{Header: h, Body: &dnsmessage.PTRResource{PTR: dnsmessage.MustNewName(r.value)}}
	}
	return dnsmessage.Resource{Header: h, Body: &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName(r.value)}}
}

// servePackets answers until the connection is closed.
func servePackets(c net.PacketConn) {
	b := make([]byte, 4096)
	for {
		n, from, err := c.ReadFrom(b)
		if err != nil {
			return
		}
		for _, a := range answers(b[:n], false) {
			c.WriteTo(a, from)
		}
	}
}

// serveStreams answers the queries of one client after the other.
func serveStreams(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		var size [2]byte
		for {
			if _, err := io.ReadFull(c, size[:]); err != nil {
				break
			}
			b := make([]byte, binary.BigEndian.Uint16(size[:]))
			io.ReadFull(c, b)
			for _, a := range answers(b, true) {
				c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(a))), a...))
			}
		}
		c.Close()
	}
}
