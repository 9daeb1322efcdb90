package tcp

import (
	"septet/header"
	"septet/network"
	"septet/packet"
)

// Segment is one TCP segment: its header and its text. On the way out the text
// may be in two pieces, where it wraps around the end of the send buffer.
type Segment struct {
	header.TCP
	ECN  uint8 // the two ECN bits of the IP header
	Text []byte
	// Route is the way back of a segment that came by a source route.
	Route *network.SourceRoute
	rest  []byte
	loans *packet.Loans // of the buffer that Text is in, nil if it is there for the turn only
	last  bool          // of its burst
	more  bool          // the next one comes at once, see train.go
	size  int           // it stands for several with so much text each; 0: for itself
}

// length returns SEG.LEN: the text, with SYN and FIN counted (RFC 9293, 3.4).
func (s *Segment) length() int {
	n := len(s.Text) + len(s.rest)
	if s.Flags&header.SYN != 0 {
		n++
	}
	if s.Flags&header.FIN != 0 {
		n++
	}
	return n
}

// end returns the sequence number after the segment.
func (s *Segment) end() header.Seq { return s.Seq.Add(s.length()) }

// timestampLen is what timestamps take up in a segment, with padding (RFC 7323,
// appendix A).
const timestampLen = 12
