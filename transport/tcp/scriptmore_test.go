package tcp

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"time"

	"septet/header"
)

// More of the scripts' notation. Options:
//
//	fo            Fast Open, asking for a cookie
//	fo HEX        with a cookie
//	fo ?          with the cookie that the host has sent last
//	uto 30s       the user timeout
//	sackok        selective acknowledgements permitted
//
// Calls: "data N" is connect with N bytes for the SYN; "writemore N" is a write
// with more to follow; "readurgent" and "peekurgent" read the urgent byte;
// "quickack N" turns quick acknowledgements on (1) or off (0). Checks: "atmark N",
// "quick N", "mss N", and of the IP header that was sent last "ttl N", "tos N" and
// "fragment N" (1: routers may cut it); "skipped N" says that the reader has passed
// over so many bytes.

// transfers are the calls that, if nothing is said, return what they were given.
var transfers = []string{"read", "write", "urgent", "writemore", "data"}

func (s *script) parseMore(o *header.TCPOptions, words []string, out bool) {
	s.t.Helper()
	switch words[0] {
	case "sackok":
		o.SACKPermitted = true
	case "uto":
		d, err := time.ParseDuration(words[1])
		if err != nil {
			s.fatalf("%v", err)
		}
		o.HasUserTimeout, o.UserTimeout = true, encodeTimeout(d)
		if d == 0 {
			o.UserTimeout = 0
		}
	case "fo":
		o.HasFastOpen = true
		switch {
		case len(words) == 1:
		case words[1] == "?":
			if out && len(s.sent) > 0 {
				s.cookie = s.sent[0].Options.FastOpen
			}
			if s.cookie.Len == 0 {
				s.fatalf("the host has sent no cookie")
			}
			o.FastOpen = s.cookie
		default:
			b, err := hex.DecodeString(words[1])
			if err != nil {
				s.fatalf("%v", err)
			}
			o.FastOpen.Len = uint8(copy(o.FastOpen.Value[:], b))
		}
	default:
		s.fatalf("unknown option %q", words[0])
	}
}

// among returns those of the options got that want names.
func among(want, got header.TCPOptions) (named header.TCPOptions) {
	if want.HasMSS {
		named.HasMSS, named.MSS = got.HasMSS, got.MSS
	}
	if want.HasWindowScale {
		named.HasWindowScale, named.WindowScale = got.HasWindowScale, got.WindowScale
	}
	if want.HasTimestamps {
		named.HasTimestamps, named.TSVal, named.TSEcr = got.HasTimestamps, got.TSVal, got.TSEcr
	}
	if want.HasUserTimeout {
		named.HasUserTimeout, named.UserTimeout = got.HasUserTimeout, got.UserTimeout
	}
	if want.HasFastOpen {
		named.HasFastOpen, named.FastOpen = got.HasFastOpen, got.FastOpen
	}
	named.SACKPermitted = want.SACKPermitted && got.SACKPermitted
	return named
}

func describeMore(o *header.TCPOptions) (words []string) {
	if o.HasUserTimeout {
		words = append(words, fmt.Sprintf("uto %v", decodeTimeout(o.UserTimeout)))
	}
	if o.HasFastOpen {
		words = append(words, fmt.Sprintf("fo %x", o.FastOpen.Value[:o.FastOpen.Len]))
	}
	return words
}

func (s *script) callMore(verb string, arg int) (result string, isCall bool) {
	f := s.flow()
	if verb == "data" {
		return s.connectData(f, arg), true
	}
	c := f.conn
	if c == nil {
		c = s.find(s.hostPort, s.peerPort)
	}
	switch verb {
	case "writemore":
		n, err := c.WriteMore(pattern(f.wrote, arg))
		f.wrote += n
		return transferred(n, err), true
	case "readurgent", "peekurgent":
		b := make([]byte, 1)
		n, err := c.ReadUrgent(b, verb == "peekurgent")
		if n == 1 {
			return fmt.Sprintf("byte%d", s.offsetOf(b[0])), true
		}
		return transferred(n, err), true
	case "quickack":
		c.QuickACK(arg == 1)
		return "ok", true
	}
	return "", false
}

// offsetOf returns which of the first 256 bytes of a stream this is, counted from
// one as sequence numbers are.
func (s *script) offsetOf(b byte) int {
	for i := range 256 {
		if patternByte(i) == b {
			return i + 1
		}
	}
	return -1
}

func (s *script) connectData(f *flow, n int) string {
	port, err := s.tcp.Reserve(anyPort(s.hostPort), Sharing{ReuseAddr: true})
	if err != nil {
		return errorName(err)
	}
	f.wrote, f.read = 0, 0
	peer := netip.AddrPortFrom(s.peer, s.peerPort)
	f.conn, f.wrote, err = s.tcp.ConnectData(port, peer, nil, s.options, pattern(0, n))
	port.Release()
	return transferred(f.wrote, err)
}
