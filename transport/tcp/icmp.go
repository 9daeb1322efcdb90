package tcp

import (
	"syscall"

	ev "septet/event"
	"septet/network"
)

// minPathMTU is the least path MTU that an ICMP message may bring us to: a lower
// one would be an attack rather than a link (RFC 5927, section 7).
const minPathMTU = 296

// icmpError takes an ICMP error about this connection's segment.
func (c *Conn) icmpError(now ev.Time, e *network.Error) {
	switch {
	case e.Errno == syscall.EMSGSIZE:
		// RFC 1191, section 6.4: send again at once what was too long.
		if mtu := max(e.MTU, minPathMTU); mtu < c.mss+c.overhead() {
			c.setMSS(mtu)
			c.recut()
			c.rtt.cancel()
			c.Output(now)
		}
	case c.state == SynSent || c.state == SynReceived:
		// As Linux does it: an open that the network refuses fails at once.
		c.destroy(e.Errno)
	default:
		// RFC 9293, MUST-56: an established connection survives; the reason is told
		// should it time out.
		c.soft = e.Errno
	}
}
