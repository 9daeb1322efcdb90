package name

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"septet/socket"
)

// Asking nameservers (RFC 1035, sections 4.2 and 7; RFC 5452 on what to believe).

// maxDatagram is how much of an answer is received. No more than 512 bytes are asked for,
// but some servers send them.
const maxDatagram = 4096

// question is one of those that are asked at once, and what came back.
type question struct {
	name   dnsmessage.Name
	kind   dnsmessage.Type
	answer []byte // the whole message; nil while there is none
	rcode  dnsmessage.RCode
}

// ask puts the questions to the servers, one after the other, as often as resolv.conf
// says, until one of them answers all. Errors: those of the last server's socket;
// os.ErrDeadlineExceeded if nobody answers; the context's.
func (c *Config) ask(ctx context.Context, sys socket.System, questions []question) error {
	var err error
	first := 0
	if c.Rotate {
		id, err := randomID(sys)
		if err != nil {
			return err
		}
		first = int(id)
	}
	for range c.Attempts {
		for n := range c.Servers {
			server := c.Servers[(first+n)%len(c.Servers)]
			err = c.askServer(ctx, sys, server, c.patience(n), questions)
			if err == nil && !refusedAny(questions) {
				return nil
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
		if err == nil {
			return nil // all have answered, and none knows: asking again will not help
		}
	}
	return err
}

// patience is how long the nth server may take, as glibc has it: each twice as long as
// the one before, and of that, but for the first, the servers' share in whole seconds.
func (c *Config) patience(n int) time.Duration {
	d := c.Timeout << n
	if n > 0 {
		d = (d / time.Duration(len(c.Servers))).Truncate(time.Second)
	}
	return max(d, time.Second)
}

// refusedAny reports whether a server would not or could not answer, so that the next is
// to be asked.
func refusedAny(questions []question) bool {
	for _, q := range questions {
		switch q.rcode {
		case dnsmessage.RCodeServerFailure, dnsmessage.RCodeNotImplemented, dnsmessage.RCodeRefused:
			return true
		}
	}
	return false
}

func (c *Config) askServer(ctx context.Context, sys socket.System, server netip.AddrPort, patience time.Duration, questions []question) error {
	conn, err := sys.DialContext(ctx, "udp", server.String())
	if err != nil {
		return err
	}
	defer conn.Close()
	defer bound(ctx, sys, conn, patience)()
	id, err := randomID(sys)
	if err != nil {
		return err
	}
	for n := range questions {
		questions[n].answer = nil
		query, err := questions[n].pack(id + uint16(n))
		if err != nil {
			return err
		}
		if _, err = conn.Write(query); err != nil {
			return err
		}
	}
	b := make([]byte, maxDatagram)
	for missing := len(questions); missing > 0; {
		size, err := conn.Read(b)
		if err != nil {
			return err
		}
		q, truncated := match(b[:size], id, questions)
		if q == nil {
			continue // somebody else's, or forged
		}
		missing--
		if truncated { // RFC 7766, section 5: ask again over TCP
			if err := c.askStream(ctx, sys, server, id, patience, q); err != nil {
				return err
			}
		}
	}
	return nil
}

// match finds the question to which a message is the answer: it has the same id, and
// asks the same (RFC 5452, section 9.1). The connected socket has seen to the addresses
// and ports.
func match(b []byte, id uint16, questions []question) (q *question, truncated bool) {
	var p dnsmessage.Parser
	h, err := p.Start(b)
	n := int(h.ID - id)
	if err != nil || !h.Response || h.OpCode != 0 || n >= len(questions) || questions[n].answer != nil {
		return nil, false
	}
	q = &questions[n]
	asked, err := p.Question()
	if err != nil || asked.Type != q.kind || asked.Class != dnsmessage.ClassINET ||
		!strings.EqualFold(asked.Name.String(), q.name.String()) {
		return nil, false
	}
	q.answer, q.rcode = append([]byte{}, b...), h.RCode
	return q, h.Truncated
}

// askStream asks over TCP, where each message has its length before it.
func (c *Config) askStream(ctx context.Context, sys socket.System, server netip.AddrPort, id uint16, patience time.Duration, q *question) error {
	conn, err := sys.DialContext(ctx, "tcp", server.String())
	if err != nil {
		return err
	}
	defer conn.Close()
	defer bound(ctx, sys, conn, patience)()
	query, err := q.pack(id)
	if err != nil {
		return err
	}
	if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(query))), query...)); err != nil {
		return err
	}
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return err
	}
	b := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(conn, b); err != nil {
		return err
	}
	again := []question{{name: q.name, kind: q.kind}}
	if found, _ := match(b, id, again); found == nil {
		return errBadAnswer
	}
	*q = again[0]
	return nil
}

var errBadAnswer = errors.New("an answer to another question")

func (q *question) pack(id uint16) ([]byte, error) {
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: id, RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: q.name, Type: q.kind, Class: dnsmessage.ClassINET}},
	}
	return m.Pack()
}

// bound has the connection's calls end after a while, or with the context. What it
// returns ends the watch.
func bound(ctx context.Context, sys socket.System, conn net.Conn, patience time.Duration) (end func()) {
	if at, ok := ctx.Deadline(); ok {
		patience = min(patience, at.Sub(sys.Now()))
	}
	conn.SetDeadline(sys.Now().Add(patience))
	if ctx.Done() == nil {
		return func() {}
	}
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(sys.Now().Add(-time.Second)) })
	return func() { stop() }
}

// onClock is a context whose deadline is a date on a System's clock, and who asks is told
// when it has passed there: in virtual time the machine's clock, by which Done goes, stands
// still.
type onClock struct {
	context.Context
	clock socket.Clock
	at    time.Time
}

// withClock has a context's deadline be one on the System's clock. A date of that clock
// it is already unless it has a monotonic reading, which is the machine's (see
// socket.Stack.Now): then it is as far from now, in whole milliseconds, so that the run
// stays a function of the seed.
func withClock(ctx context.Context, sys socket.System) context.Context {
	at, ok := ctx.Deadline()
	if !ok {
		return ctx
	}
	if at.Round(0) != at {
		left := (time.Until(at) + time.Millisecond - 1).Truncate(time.Millisecond)
		at = sys.Now().Add(left)
	}
	return &onClock{ctx, sys, at}
}

func (c *onClock) Deadline() (time.Time, bool) { return c.at, true }

func (c *onClock) Err() error {
	if err := c.Context.Err(); err != nil {
		return err
	}
	if c.clock.Now().Before(c.at) {
		return nil
	}
	return context.DeadlineExceeded
}

// randomID draws an id that nobody can guess: from the System if it has randomness of its
// own, as a lab host has, where one seed gives the same packets.
func randomID(sys socket.System) (uint16, error) {
	var b [2]byte
	read := rand.Read
	if own, ok := sys.(interface {
		GetRandom(b []byte) (int, error)
	}); ok {
		read = own.GetRandom
	}
	_, err := read(b[:])
	return binary.NativeEndian.Uint16(b[:]), err
}
