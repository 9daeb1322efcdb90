package socket

import (
	"syscall"

	"septet/header"
	"septet/network"
)

// rawPieces is a datagram that several calls put together, all but the last with MSG_MORE.
// The first of them says to whom it goes, and how.
type rawPieces struct {
	path network.Path
	how  network.Send
	data []byte
}

// sendPiece adds b to the datagram that is put together, which path and how are for if b
// begins it, and sends it if no more follows. EMSGSIZE if it becomes longer than a datagram
// may be, and then all of it is dropped.
func (r *raw) sendPiece(b []byte, flags int, path *network.Path, how *network.Send) error {
	if r.held == nil {
		r.held = &rawPieces{path: *path, how: *how}
	}
	h := r.held
	headers := header.IPv4Len
	if r.six {
		headers = 0 // the length of IPv6 does not count them
	}
	if headers+len(h.data)+len(b) > maxDatagram {
		r.held = nil
		return syscall.EMSGSIZE
	}
	h.data = append(h.data, b...)
	if flags&MSG_MORE != 0 {
		return nil
	}
	r.held = nil
	return r.output(h.data, &h.path, &h.how)
}

// output sends a datagram that gets its header here.
func (r *raw) output(b []byte, path *network.Path, how *network.Send) error {
	n := r.socket.stack.network
	p := n.Pool().From(b)
	r.fillEcho(p)
	if !r.fillChecksum(p, path) {
		p.Release()
		return syscall.EINVAL
	}
	return n.Output(p, path, how)
}
