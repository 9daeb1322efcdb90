// Package header has the wire formats: bytes to values and back, checksums and
// sequence arithmetic. It has no behaviour and knows nothing of the layers.
//
// All formats have one shape: ParseX reads untrusted bytes once, checks every
// length and returns the values and what follows the header; Put writes a
// header into a buffer of at least Len bytes and returns its length.
package header

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Errors of the parsers. They are wrapped with the name of the header.
var (
	ErrTruncated = errors.New("truncated")
	ErrMalformed = errors.New("malformed")
	ErrVersion   = errors.New("wrong version")
	ErrChecksum  = errors.New("bad checksum")
)

func truncated(what string, have, need int) error {
	return fmt.Errorf("%s: %w: %d bytes, the header needs %d", what, ErrTruncated, have, need)
}

func malformed(what, why string) error {
	return fmt.Errorf("%s: %w: %s", what, ErrMalformed, why)
}

var be = binary.BigEndian
