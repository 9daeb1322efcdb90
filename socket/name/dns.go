package name

import (
	"context"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/net/dns/dnsmessage"

	"septet/socket"
)

// What is taken of an answer.
const (
	maxChain  = 16 // aliases, one of the next
	maxAddrs  = 256
	maxRecord = 1024 // records looked at
)

// found is what is known of a name.
type found struct {
	name    string   // canonical
	aliases []string // others, among them perhaps the one that was asked for
	addrs   []netip.Addr
}

// lookup asks for addresses of a name with search domains: of one family, or of both.
// The answer is of the first candidate that has any. Errors: HostError, the context's.
func (c *Config) lookup(ctx context.Context, sys socket.System, name string, kinds ...dnsmessage.Type) (*found, error) {
	all, asIs := c.candidates(name)
	var saved error // what became of the name as it is
	noData, failed := false, false
	over := false // the domains are not tried any further
	for n, candidate := range all {
		if over && n != asIs {
			continue
		}
		f, err := c.query(ctx, sys, candidate, kinds...)
		switch {
		case err == nil:
			return f, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		}
		if n == asIs {
			saved = err
			continue
		}
		switch err {
		case NO_DATA:
			noData = true
		case errServerFailure:
			failed = true
		case TRY_AGAIN: // nobody answers: nor will they for the next one
			return nil, err
		case errUnwilling, NO_RECOVERY:
			over = true
		}
	}
	switch {
	case saved != HOST_NOT_FOUND:
		return nil, plain(saved)
	case noData:
		return nil, NO_DATA
	case failed:
		return nil, TRY_AGAIN
	}
	return nil, saved
}

// rcodeError is TRY_AGAIN because the servers said so: another name may still do better.
type rcodeError struct{ dnsmessage.RCode }

func (e rcodeError) Error() string { return TRY_AGAIN.Error() }

var (
	errServerFailure error = rcodeError{dnsmessage.RCodeServerFailure}
	errUnwilling     error = rcodeError{dnsmessage.RCodeRefused}
)

// plain is err as a HostError.
func plain(err error) error {
	if _, ok := err.(rcodeError); ok {
		return TRY_AGAIN
	}
	return err
}

// query asks for one name's records of some types at once.
func (c *Config) query(ctx context.Context, sys socket.System, name string, kinds ...dnsmessage.Type) (*found, error) {
	fqdn, err := dnsmessage.NewName(name)
	if err != nil || !packs(fqdn) {
		return nil, HOST_NOT_FOUND
	}
	questions := make([]question, len(kinds))
	for n, k := range kinds {
		questions[n] = question{name: fqdn, kind: k}
	}
	if err := c.ask(ctx, sys, questions); err != nil {
		return nil, TRY_AGAIN
	}
	f := new(found)
	var worst error
	for n := range questions {
		if err := questions[n].read(f); err != nil && (worst == nil || worst == HOST_NOT_FOUND || err == errServerFailure) {
			worst = err
		}
	}
	if len(f.addrs) > 0 || f.name != "" && kinds[0] == dnsmessage.TypePTR {
		return f, nil
	}
	return nil, worst
}

// packs reports whether a name can stand in a message: no label is empty or longer than
// 63 bytes.
func packs(name dnsmessage.Name) bool {
	q := question{name: name}
	_, err := q.pack(0)
	return err == nil
}

// read adds what an answer says to f. The error says what the answer lacks.
func (q *question) read(f *found) error {
	switch q.rcode {
	case dnsmessage.RCodeSuccess:
	case dnsmessage.RCodeNameError:
		return HOST_NOT_FOUND
	case dnsmessage.RCodeServerFailure:
		return errServerFailure
	case dnsmessage.RCodeRefused, dnsmessage.RCodeNotImplemented:
		return errUnwilling
	default:
		return NO_RECOVERY
	}
	chain, addrs, pointer, ok := q.records()
	switch {
	case !ok:
		return NO_RECOVERY
	case pointer != "":
		f.name = pointer
		return nil
	case len(addrs) == 0:
		return NO_DATA
	}
	if last := len(chain) - 1; f.name == "" {
		f.name, f.aliases = chain[last], chain[:last]
	}
	f.addrs = append(f.addrs, addrs...)
	return nil
}

// records goes through the answer's records in their order. chain begins with the name
// that was asked for; each alias (CNAME) adds the next, and only records of the last
// count. pointer is the first name of an address.
func (q *question) records() (chain []string, addrs []netip.Addr, pointer string, ok bool) {
	var p dnsmessage.Parser
	if _, err := p.Start(q.answer); err != nil || p.SkipAllQuestions() != nil {
		return nil, nil, "", false
	}
	at := q.name.String()
	chain = []string{withoutDot(at)}
	links := 0
	for range maxRecord {
		r, err := p.Answer()
		if err == dnsmessage.ErrSectionDone {
			return chain, addrs, pointer, true
		}
		if err != nil {
			return nil, nil, "", false
		}
		if r.Header.Class != dnsmessage.ClassINET || !strings.EqualFold(r.Header.Name.String(), at) {
			continue
		}
		switch body := r.Body.(type) {
		case *dnsmessage.CNAMEResource:
			at = body.CNAME.String()
			if links++; links > maxChain || strings.EqualFold(at, q.name.String()) {
				return nil, nil, "", false
			}
			if isHostName(at) {
				chain = append(chain, withoutDot(at))
			}
		case *dnsmessage.AResource:
			if q.kind == dnsmessage.TypeA && len(addrs) < maxAddrs {
				addrs = append(addrs, netip.AddrFrom4(body.A))
			}
		case *dnsmessage.AAAAResource:
			if q.kind == dnsmessage.TypeAAAA && len(addrs) < maxAddrs {
				addrs = append(addrs, netip.AddrFrom16(body.AAAA))
			}
		case *dnsmessage.PTRResource:
			n := body.PTR.String()
			if q.kind == dnsmessage.TypePTR && pointer == "" {
				if !isHostName(n) {
					return nil, nil, "", false
				}
				pointer = withoutDot(n)
			}
		}
	}
	return chain, addrs, pointer, true
}

// withoutDot is a whole name without the dot at its end; the root remains one.
func withoutDot(name string) string {
	if name == "." {
		return name
	}
	return strings.TrimSuffix(name, ".")
}

// isHostName reports whether a name from outside has only what a host's name may have
// (RFC 1123, section 2.1), and the underscore, which is seen in practice: a program may
// put it into a command or a page.
func isHostName(s string) bool {
	if s == "" || s[0] == '-' {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= '0' && c <= '9', c|0x20 >= 'a' && c|0x20 <= 'z', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}

// reverse is the name under which an address has its PTR record (RFC 1035, section 3.5;
// RFC 3596, section 2.5).
func reverse(a netip.Addr) string {
	const hex = "0123456789abcdef"
	b := a.AsSlice()
	var s strings.Builder
	for i := len(b) - 1; i >= 0; i-- {
		if a.Is4() {
			s.WriteString(strconv.Itoa(int(b[i])))
			s.WriteByte('.')
			continue
		}
		s.Write([]byte{hex[b[i]&15], '.', hex[b[i]>>4], '.'})
	}
	if a.Is4() {
		return s.String() + "in-addr.arpa."
	}
	return s.String() + "ip6.arpa."
}
