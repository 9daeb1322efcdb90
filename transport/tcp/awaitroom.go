package tcp

// A writer who waits for room lends what he has left to write, as a reader who waits lends
// where to place what comes (Conn.Await).

// AwaitRoom has b written as acknowledgements make room for it, until CollectWritten is
// called: the writer, who waits, need not be woken for each of them. It returns nil if that
// cannot be, or if nothing would be gained, because what is written arrives at once.
func (c *Conn) AwaitRoom(b []byte) *Placement {
	if c.snd.waiting != nil || c.opening() || !c.maySend() || c.is(flagMore) || c.report != nil || c.carriesTrains() {
		return nil
	}
	c.snd.waiting = c.scratch.lendPlacement(b)
	return c.snd.waiting
}

// CollectWritten ends AwaitRoom and returns how many bytes have been written. As with
// Collect, the connection may be another one now.
func (c *Conn) CollectWritten(p *Placement) int {
	n := p.placed
	if c.snd.waiting == p {
		c.snd.waiting = nil
	}
	c.scratch.takeBackPlacement(p)
	return n
}

// roomMade goes on with what a writer who waits has left, and wakes him when all of it is
// written, or if he has to go on himself.
func (c *Conn) roomMade() {
	if p := c.snd.waiting; p != nil && c.maySend() {
		p.placed += c.queue(p.mem[p.placed:])
		if p.placed < len(p.mem) {
			return
		}
	}
	c.notify(Writable)
}
