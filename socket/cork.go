package socket

import (
	"net/netip"
	"syscall"
)

// sendPiece is sendMsg while datagrams are put together of what several calls send: until
// one without MSG_MORE, or UDP_CORK is taken off. As on Linux the first piece says to whom
// and how, and what the others say of that is not looked at.
func (d *datagram) sendPiece(b []byte, flags int, to netip.AddrPort, control []ControlMessage) (int, error) {
	var err error
	if d.endpoint.Holding() {
		err = d.endpoint.Append(b, to.Addr().Is4() && d.socket.domain == AF_INET6)
	} else {
		w, bad := d.socket.parseControl(control, d.over(to))
		if err = bad; err == nil {
			err = d.endpoint.Hold(b, to, w)
		}
	}
	if err == syscall.EMSGSIZE && d.socket.rare != nil {
		d.tooLong(to, len(b))
	}
	if err == nil && flags&MSG_MORE == 0 && !d.corked {
		err = d.push()
	}
	if err != nil {
		return 0, err
	}
	return len(b), nil
}

// push sends what was put together.
func (d *datagram) push() error {
	err := d.endpoint.Push()
	if err == nil {
		d.socket.tell(room)
	}
	return err
}

// cork is UDP_CORK. Whether what waits could be sent when it is taken off, nobody hears.
func (d *datagram) cork(on bool) {
	d.corked = on
	if !on && d.endpoint.Holding() {
		_ = d.push()
	}
}
