package tcp

import (
	"syscall"

	ev "septet/event"
	"septet/header"
	"septet/network"
)

// icmpError takes an ICMP error about this connection's segment, whose sequence
// number was seq.
func (c *Conn) icmpError(now ev.Time, e *network.Error, seq header.Seq) {
	switch {
	case e.Errno == syscall.EMSGSIZE:
		c.tooBig(now, e.MTU, seq)
	case (c.state == SynSent || c.state == SynReceived) && (e.Refused() || c.about.ImpatientOpen):
		c.destroy(e.Errno)
	case c.opts.TellErrors && e.Dst.Is4() || c.opts.TellErrors6 && e.Dst.Is6():
		c.needSeldom().report = e.Errno
		c.notify(Readable | Writable)
	default:
		// RFC 9293, MUST-56: the connection survives; the reason is told to who asks,
		// and should it time out. Hard errors too, once there is something to lose: a
		// forged one would end it (RFC 5927, section 5.2).
		c.needSeldom().soft = e.Errno
	}
}
