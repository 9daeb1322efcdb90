package tcp

// TakeError returns why the connection has ended, once: the pending error of a
// socket.
func (c *Conn) TakeError() error {
	if err := c.takeReport(); err != nil || c.is(flagErrTold) {
		return err
	}
	if c.err != nil {
		c.set(flagErrTold)
	}
	return c.err
}

// takeReport returns what ICMP has said that the user wants to hear at once, once. Why the
// connection has ended is more.
func (c *Conn) takeReport() error {
	err := c.report
	if err != nil {
		c.report = nil
	}
	if c.err != nil {
		return nil
	}
	return err
}

// KeepError has TakeError tell err once more, if that is why the connection has ended.
func (c *Conn) KeepError(err error) {
	if c.err != nil && c.err == err {
		c.unset(flagErrTold)
	}
}

// SoftError returns what is wrong with a connection that goes on all the same, once:
// what ICMP has reported, or ETIMEDOUT when the same segment was sent again three
// times (RFC 9293, section 3.9.1.8, MUST-47). Something acknowledged clears it.
func (c *Conn) SoftError() error {
	err := c.soft
	c.forgetSoftError()
	return err
}

func (c *Conn) forgetSoftError() {
	if c.soft != nil {
		c.soft = nil
	}
}
