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
	case c.state == SynSent || c.state == SynReceived:
		// As Linux does it: an open that the network refuses fails at once.
		c.destroy(e.Errno)
	default:
		// RFC 9293, MUST-56: an established connection survives; the reason is told
		// should it time out.
		c.needSeldom().soft = e.Errno
	}
}
