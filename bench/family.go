package main

import (
	"flag"
	"fmt"
	"io"
	"net/netip"
	"strconv"
)

// compareFamilies has Septet over IPv6 beside Septet over IPv4, and nobody else.
var compareFamilies = flag.Bool("ipv6", false, "compare Septet over IPv6 with Septet over IPv4")

// families are the contestants then.
var families = []Contestant{
	{Name: "septet", New: newSeptet, Hosts: septetHosts},
	{Name: "septet-ipv6", IPv6: true, New: newSeptet, Hosts: septetHosts},
}

// mostOverIPv6 is how much of IPv4's result IPv6 is to reach at least.
const mostOverIPv6 = 0.9

// overIPv6 says over which version Septet's networks are that are made now. One
// contestant runs at a time.
var overIPv6 bool

// addr returns the address that stands for one of IPv4, 10.0.0.1 as a rule, in a
// network of today's version: 2001:db8:a00:0::1.
func addr(text string) netip.Addr { return ofFamily(netip.MustParseAddr(text)) }

func ofFamily(a netip.Addr) netip.Addr {
	switch {
	case !overIPv6:
		return a
	case a.IsUnspecified():
		return netip.IPv6Unspecified()
	}
	b, last := netip.MustParseAddr("2001:db8::").As16(), a.As4()
	copy(b[4:], last[:3])
	b[15] = last[3]
	return netip.AddrFrom16(b)
}

// prefix is addr for an address with the length of its network.
func prefix(text string) netip.Prefix {
	p := netip.MustParsePrefix(text)
	if !overIPv6 {
		return p
	}
	bits := 0
	if p.Bits() > 0 {
		bits = 40 + p.Bits() // a /24 is a /64
	}
	return netip.PrefixFrom(ofFamily(p.Addr()), bits)
}

// at is an address with a port, to listen at or to dial.
func at(text string, port int) string { return netip.AddrPortFrom(addr(text), uint16(port)).String() }

const familyHead = `| measure | unit | IPv4 | IPv6 | IPv6 / IPv4 | IPv4 per CPU-s | IPv6 per CPU-s | at least 0.9 |
|---|---|---:|---:|---:|---:|---:|---|
`

// writeFamilyRow writes the row as one line of the table under familyHead.
func writeFamilyRow(w io.Writer, r Row) error {
	by := ratio(r.SeptetIPv6, r.Septet, r.less)
	var reached *bool
	if by != nil {
		yes := *by >= mostOverIPv6
		reached = &yes
	}
	_, err := fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s | %s | %s |\n", r.Measure, r.Unit,
		spread(r.Septet), spread(r.SeptetIPv6), times(by), perCPU(r.Septet), perCPU(r.SeptetIPv6), yesOrNo(reached))
	return err
}

// familyFlag is what a child process is told.
func familyFlag() string { return "-child-ipv6=" + strconv.FormatBool(overIPv6) }
