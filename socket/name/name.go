// Package name has the calls that turn names into numbers and back, for a program on any
// socket.System: a host of a lab, or the machine itself.
//
// They are those of the C library, and answer as glibc does:
//
//   - GetAddrInfo and GetNameInfo, GetHostByName, GetHostByNameEx and GetHostByAddr
//   - GetServByName, GetServByPort, GetProtoByName, GetProtoByNumber
//   - InetAton, InetNtoa, InetPton, InetNtop, Htons and its kin, which need no System
//
// What they know they find as glibc does with "hosts: files dns": first in the System's
// /etc/hosts, then by asking the nameservers of its /etc/resolv.conf. A System that has no
// resolv.conf has nobody to ask; glibc would ask 127.0.0.1. The order of addresses is that
// of RFC 6724's table; glibc's is older and puts 6to4, Teredo and unique local addresses
// elsewhere. The other differences are listed in the test that asks glibc.
//
// Resolver gives the same answers in the shapes of package net.
//
// Files and answers come from outside: whatever is in them, nothing here panics, and
// what is read of them has a cap.
package name

import (
	"encoding/binary"

	"septet/socket"
)

// GetHostName returns the System's name, as gethostname(2) does.
func GetHostName(sys socket.System) (string, error) { return sys.Hostname() }

// Htons turns a number from the host's byte order into the network's, which has the most
// significant byte first.
func Htons(n uint16) uint16 {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], n)
	return binary.NativeEndian.Uint16(b[:])
}

// Htonl is Htons for 32 bits.
func Htonl(n uint32) uint32 {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], n)
	return binary.NativeEndian.Uint32(b[:])
}

// Ntohs turns a number from the network's byte order into the host's.
func Ntohs(n uint16) uint16 { return Htons(n) }

// Ntohl is Ntohs for 32 bits.
func Ntohl(n uint32) uint32 { return Htonl(n) }
