package tcp

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"septet/header"
)

// scriptSegment is a segment as a line of a script describes it.
type scriptSegment struct {
	flags      header.TCPFlags
	seq, ack   header.Seq
	length     int
	window     int // -1: not named
	urgent     int
	hasOptions bool
	stamped    bool // "ts" alone: timestamps as they should be
	options    header.TCPOptions
	among      bool  // there may be other options as well
	ecn        uint8 // of IP
}

var ecnNames = [...]string{"", "ect1", "ect0", "ce"}

var scriptFlags = map[string]header.TCPFlags{
	"FIN": header.FIN, "SYN": header.SYN, "RST": header.RST, "PSH": header.PSH,
	"ACK": header.ACK, "URG": header.URG, "ECE": header.ECE, "CWR": header.CWR, "-": 0,
}

// parse reads the part of a line after "<" or ">": the segment, and how many.
func (s *script) parse(line string) (seg scriptSegment, n int) {
	s.t.Helper()
	seg.window, n = -1, 1
	ours, theirs := s.peerISS, s.hostISS // of a segment that arrives
	_, rest, out := strings.Cut(line, " > ")
	if out {
		ours, theirs = theirs, ours
	} else {
		_, rest, _ = strings.Cut(line, " < ")
	}
	rest, options, found := strings.Cut(rest, "<")
	if found {
		var more string
		options, more, _ = strings.Cut(options, ">")
		seg.hasOptions = true
		if options, seg.among = strings.CutSuffix(options, "..."); true {
			s.parseOptions(&seg, options, out)
		}
		rest += more
	}
	words := strings.Fields(rest)
	for _, name := range strings.Split(words[0], ",") {
		f, ok := scriptFlags[name]
		if !ok {
			s.fatalf("unknown flag %q", name)
		}
		seg.flags |= f
	}
	for words = words[1:]; len(words) > 0; words = words[1:] {
		if times, ok := strings.CutPrefix(words[0], "x"); ok {
			n = s.number(times)
			continue
		}
		if i := slices.Index(ecnNames[:], words[0]); i > 0 {
			seg.ecn = uint8(i)
			continue
		}
		key := words[0]
		if words = words[1:]; len(words) == 0 {
			s.fatalf("%s needs a number", key)
		}
		switch key {
		case "seq":
			seg.seq = s.sequence(words[0], ours)
		case "ack":
			seg.ack = s.sequence(words[0], theirs)
		case "len":
			seg.length = s.number(words[0])
		case "win":
			seg.window = s.number(words[0])
		case "urg":
			seg.urgent = s.number(words[0])
		default:
			s.fatalf("unknown word %q", key)
		}
	}
	return seg, n
}

func (s *script) sequence(word string, iss header.Seq) header.Seq {
	if word == "?" { // the host's choice, from here on its initial number
		s.hostISS = s.sent[0].Seq
		return s.hostISS
	}
	if absolute, ok := strings.CutPrefix(word, "="); ok {
		return header.Seq(s.number(absolute))
	}
	return iss.Add(s.number(word))
}

func (s *script) parseOptions(seg *scriptSegment, text string, out bool) {
	s.t.Helper()
	o := &seg.options
	for part := range strings.SplitSeq(text, ",") {
		words := strings.Fields(part)
		if len(words) == 0 {
			continue
		}
		switch words[0] {
		case "mss":
			o.HasMSS, o.MSS = true, uint16(s.number(words[1]))
		case "ws":
			o.HasWindowScale, o.WindowScale = true, uint8(s.number(words[1]))
		case "sackok":
			o.SACKPermitted = true
		case "sack":
			s.parseSACK(o, words[1:], out)
		case "ts":
			if len(words) == 1 {
				seg.stamped = true
				continue
			}
			o.HasTimestamps = true
			o.TSVal, o.TSEcr = uint32(s.number(words[1])), uint32(s.number(words[2]))
			if out {
				o.TSVal += s.hostClock
			} else {
				o.TSEcr += s.hostClock
			}
		default:
			s.parseMore(o, words, out)
		}
	}
}

// parseSACK reads blocks, of the host's numbers in a segment that arrives.
func (s *script) parseSACK(o *header.TCPOptions, blocks []string, out bool) {
	s.t.Helper()
	iss := s.hostISS
	if out {
		iss = s.peerISS
	}
	for _, block := range blocks {
		left, right, ok := strings.Cut(block, ":")
		if !ok || o.NumSACK == 4 {
			s.fatalf("a SACK block is left:right, and there are at most four: %q", block)
		}
		o.SACK[o.NumSACK] = header.SACKBlock{Left: s.sequence(left, iss), Right: s.sequence(right, iss)}
		o.NumSACK++
	}
}

func (s *script) number(word string) int {
	n, err := strconv.Atoi(word)
	if err != nil {
		s.fatalf("%q is not a number", word)
	}
	return n
}

// do plays a call or a check.
func (s *script) do(verb string, words []string) {
	s.t.Helper()
	want := "ok"
	if n := len(words); n >= 2 && words[n-2] == "=" {
		want, words = words[n-1], words[:n-2]
	}
	arg := 0
	if len(words) > 0 {
		if n, err := strconv.Atoi(words[0]); err == nil {
			arg = n
		}
	}
	got, isCall := s.call(verb, arg)
	if !isCall {
		got, isCall = s.callMore(verb, arg)
	}
	if isCall {
		if want == "ok" && slices.Contains(transfers, verb) {
			want = strconv.Itoa(arg)
		}
		if got != want {
			s.fatalf("%s must return %s, but it returned %s", verb, want, got)
		}
		s.loop.Run(s.now)
		return
	}
	s.check(verb, words, arg)
}

// call makes a call of the user and says what it returned.
func (s *script) call(verb string, arg int) (result string, isCall bool) {
	f := s.flow()
	switch verb {
	case "connect":
		return s.connect(f), true
	case "listen":
		return s.listen(arg), true
	case "unlisten":
		s.listener.Close()
		return "ok", true
	case "accept":
		if f.conn = s.listener.Accept(); f.conn == nil {
			return "EAGAIN", true
		}
		return "ok", true
	}
	c := f.conn
	if c == nil {
		c = s.find(s.hostPort, s.peerPort)
	}
	switch verb {
	case "write":
		n, err := c.Write(pattern(f.wrote, arg))
		f.wrote += n
		return transferred(n, err), true
	case "urgent":
		n, err := c.WriteUrgent(pattern(f.wrote, arg))
		f.wrote += n
		return transferred(n, err), true
	case "read":
		b := make([]byte, arg)
		n, err := c.Read(b)
		if string(b[:n]) != string(pattern(f.read, n)) {
			s.fatalf("read: the bytes are not those that were sent")
		}
		f.read += n
		return transferred(n, err), true
	case "error":
		return errorName(c.TakeError()), true
	case "soft":
		return errorName(c.SoftError()), true
	case "shutdown":
		return errorName(c.CloseWrite()), true
	case "shutread":
		c.CloseRead()
	case "close":
		c.Close()
	case "abort":
		c.Abort()
	case "options":
		c.SetOptions(s.options)
	default:
		return "", false
	}
	return "ok", true
}

func (s *script) connect(f *flow) string {
	port, err := s.tcp.Reserve(anyPort(s.hostPort), Sharing{ReuseAddr: true})
	if err != nil {
		return errorName(err)
	}
	f.conn, err = s.tcp.Connect(port, netip.AddrPortFrom(s.peer, s.peerPort), nil, s.options)
	port.Release()
	return errorName(err)
}

func (s *script) listen(backlog int) string {
	s.hostPort, s.peerPort = scriptService, scriptPassivePeer
	port, err := s.tcp.Reserve(anyPort(s.hostPort), Sharing{ReuseAddr: true})
	if err != nil {
		return errorName(err)
	}
	if s.listener, err = s.tcp.Listen(port, backlog, nil); err == nil {
		s.listener.SetOptions(s.options)
	}
	return errorName(err)
}

// check plays a step that only looks, or sets something of the script.
func (s *script) check(verb string, words []string, arg int) {
	s.t.Helper()
	c := s.flow().conn
	if c == nil {
		c = s.find(s.hostPort, s.peerPort)
	}
	var got, want any
	switch verb {
	case "nothing":
		return
	case "port":
		s.peerPort = uint16(arg)
		return
	case "with":
		s.options = Options{}
		for _, w := range words {
			if err := setField(&s.options, w); err != nil {
				s.fatalf("%v", err)
			}
		}
		return
	case "icmp":
		s.icmp(words)
		return
	case "state":
		got, want = s.state(s.hostPort, s.peerPort).String(), words[0]
	case "cwnd":
		got, want = c.win.Cwnd, arg
	case "pace":
		c.win.PacingRate = int64(arg)
		return
	case "pipe":
		got, want = c.inFlight(), arg
	case "ssthresh":
		got, want = c.win.Ssthresh, arg
	case "mark":
		got, want = c.Urgent(), arg
	case "skipped": // by reading, without having been read
		s.flow().read += arg
		return
	case "atmark":
		got, want = c.AtMark(), arg == 1
	case "mss":
		got, want = c.MSS(), arg
	case "quick":
		got, want = c.QuickACKs(), arg == 1
	case "tos":
		got, want = int(s.lastIP.TOS), arg
	case "fragment": // whether routers may cut it
		got, want = !s.lastIP.DontFragment, arg == 1
	case "ttl":
		got, want = int(s.lastIP.TTL), arg
	case "pending":
		got, want = s.listener.Pending(), arg
	case "buffered":
		got, want = c.Buffered(), arg
	case "count":
		counter := reflect.ValueOf(s.tcp.stats).FieldByName(words[0])
		if !counter.IsValid() {
			s.fatalf("no counter %q", words[0])
		}
		got, want = int(counter.Uint()), s.number(words[1])
	default:
		s.fatalf("unknown step %q", verb)
	}
	if got != want {
		s.fatalf("%s must be %v, but it is %v", verb, want, got)
	}
}

// icmp has an ICMP error arrive: type/code, then seq N of what it quotes, mtu N.
func (s *script) icmp(words []string) {
	var typ, code, mtu int
	if _, err := fmt.Sscanf(words[0], "%d/%d", &typ, &code); err != nil {
		s.fatalf("%v", err)
	}
	quoted := header.TCP{SrcPort: s.hostPort, DstPort: s.peerPort}
	for i := 1; i+1 < len(words); i += 2 {
		switch words[i] {
		case "seq":
			quoted.Seq = s.sequence(words[i+1], s.hostISS)
		case "mtu":
			mtu = s.number(words[i+1])
		default:
			s.fatalf("unknown word %q", words[i])
		}
	}
	s.injectError(uint8(typ), uint8(code), mtu, quoted)
}

func transferred(n int, err error) string {
	if err != nil {
		return errorName(err)
	}
	return strconv.Itoa(n)
}

var errorNames = map[syscall.Errno]string{
	syscall.EAGAIN: "EAGAIN", syscall.EPIPE: "EPIPE", syscall.ECONNREFUSED: "ECONNREFUSED",
	syscall.ECONNRESET: "ECONNRESET", syscall.ECONNABORTED: "ECONNABORTED",
	syscall.ETIMEDOUT: "ETIMEDOUT", syscall.ENOTCONN: "ENOTCONN",
	syscall.EHOSTUNREACH: "EHOSTUNREACH", syscall.EPROTO: "EPROTO", syscall.ENETUNREACH: "ENETUNREACH",
	syscall.EINVAL: "EINVAL", syscall.EADDRINUSE: "EADDRINUSE", syscall.EADDRNOTAVAIL: "EADDRNOTAVAIL",
}

func errorName(err error) string {
	var errno syscall.Errno
	switch {
	case err == nil:
		return "ok"
	case err == io.EOF:
		return "EOF"
	case errors.As(err, &errno) && errorNames[errno] != "":
		return errorNames[errno]
	}
	return err.Error()
}

// fieldOf6 has what IPv6 calls the fields that scripts name as IPv4 does: they mean both.
var fieldOf6 = map[string]string{"TTL": "HopLimit", "TOS": "TrafficClass"}

// setField sets a field of a struct from "Name=value"; "A.B" is B in A.
func setField(target any, assignment string) error {
	path, value, _ := strings.Cut(assignment, "=")
	if other := fieldOf6[path]; other != "" {
		if err := setField(target, other+"="+value); err != nil {
			return err
		}
	}
	v := reflect.ValueOf(target).Elem()
	for name := range strings.SplitSeq(path, ".") {
		if v = v.FieldByName(name); !v.IsValid() {
			return fmt.Errorf("no field %q", path)
		}
	}
	if d, err := time.ParseDuration(value); err == nil && v.Type() == reflect.TypeFor[time.Duration]() {
		v.SetInt(int64(d))
		return nil
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(value == "" || value == "true")
		return nil
	case reflect.Int, reflect.Uint8:
		n, err := strconv.Atoi(value)
		if v.Kind() == reflect.Int {
			v.SetInt(int64(n))
		} else {
			v.SetUint(uint64(n))
		}
		return err
	}
	return fmt.Errorf("cannot set %q", assignment)
}
