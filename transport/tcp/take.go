package tcp

// TakeRest takes everything that is left in the receive buffer, up to most bytes, without
// copying it: mem is the memory in which text lies, for Layer.Reuse. It counts as read.
// It returns nothing where reading is more than that: at urgent data, beside text that
// came out of order, or if the user has fixed how much is buffered.
func (c *Conn) TakeRest(most int) (text, mem []byte) {
	rb := &c.rcv
	if rb.size == 0 || rb.size > most || len(rb.ahead) > 0 || c.opts.ReceiveBuffer != 0 || c.is(flagRcvUrgent) {
		return nil, nil
	}
	text, second := rb.view(0, rb.size)
	if len(second) > 0 {
		return nil, nil
	}
	mem = rb.detach()
	rb.size = 0
	c.tuneReceive(len(text))
	c.updatePeer()
	return text, mem
}

// Reuse gives back what TakeRest has taken, when nobody reads it any more.
func (l *Layer) Reuse(mem []byte) { l.takeBack(mem) }
