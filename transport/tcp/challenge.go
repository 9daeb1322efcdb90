package tcp

import ev "septet/event"

// challengeACK asks the peer to confirm, so many times a second (RFC 5961,
// sections 3.2 and 7).
func (c *Conn) challengeACK(now ev.Time) {
	if c.needSeldom().challenge.allow(now, c.about) {
		c.env.counters().ChallengeACKs++
		c.set(flagAckNow)
	}
}

// challengeLimit counts the challenge ACKs of one connection since a moment.
type challengeLimit struct {
	since ev.Time
	sent  uint32
}

func (l *challengeLimit) allow(now ev.Time, p *Personality) bool {
	if l.sent == 0 || now.Sub(l.since) >= p.ChallengeTime {
		l.since, l.sent = now, 0
	}
	l.sent++
	return int(l.sent) <= p.ChallengeACKs
}
