package host

import (
	"fmt"
	"net/netip"
	"syscall"

	"septet/header"
)

// ICMPError is what a router or the destination says about a request of ours
// that it could not deliver (RFC 792). It wraps the errno that a socket would
// get.
type ICMPError struct {
	From       netip.Addr
	Type, Code uint8
	MTU        int // the next hop's, for "fragmentation needed"
	Errno      syscall.Errno
}

// Unwrap returns the errno.
func (e *ICMPError) Unwrap() error { return e.Errno }

func (e *ICMPError) Error() string { return fmt.Sprintf("%v: %s", e.From, e.text()) }

func (e *ICMPError) text() string {
	switch e.Type {
	case header.ICMPUnreachable:
		switch e.Code {
		case header.ICMPNetUnreachable:
			return "destination net unreachable"
		case header.ICMPHostUnreachable:
			return "destination host unreachable"
		case header.ICMPProtocolUnreachable:
			return "destination protocol unreachable"
		case header.ICMPPortUnreachable:
			return "destination port unreachable"
		case header.ICMPFragmentationNeeded:
			return fmt.Sprintf("fragmentation needed, MTU %d", e.MTU)
		case header.ICMPAdminProhibited:
			return "communication administratively prohibited"
		}
	case header.ICMPTimeExceeded:
		switch e.Code {
		case header.ICMPTTLExceeded:
			return "time to live exceeded"
		case header.ICMPReassemblyExceeded:
			return "reassembly time exceeded"
		}
	case header.ICMPParameterProblem:
		return "parameter problem"
	}
	return fmt.Sprintf("ICMP type %d, code %d", e.Type, e.Code)
}
