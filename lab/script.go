package lab

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"septet/event"
	"septet/host"
	"septet/lab/file"
	"septet/network"
	"septet/physical"
)

// Report is something that a step of the script has to say.
type Report struct {
	At   event.Time
	Step *file.Step
	Text string
	Err  error // the step failed; Text says what it did
	Last bool  // the step has ended
}

// RunScript runs the lab's script and returns when every step has ended. report
// is called, from several goroutines, without the turn. The error joins those of
// the steps that failed.
func (b *Lab) RunScript(report func(Report)) error {
	var (
		chains  = b.chains()
		results = make([]error, len(chains))
		running sync.WaitGroup
	)
	for i, steps := range chains {
		running.Add(1)
		b.Loop.Go(fmt.Sprintf("script, line %d", steps[0].Line), func() {
			defer running.Done()
			results[i] = b.runChain(steps, report)
		})
	}
	running.Wait()
	return errors.Join(results...)
}

// chains cuts the script into runs of steps that follow one another.
func (b *Lab) chains() (chains [][]*file.Step) {
	for _, s := range b.About.Script {
		if s.Follows && len(chains) > 0 {
			last := len(chains) - 1
			chains[last] = append(chains[last], s)
		} else {
			chains = append(chains, []*file.Step{s})
		}
	}
	return chains
}

// runChain runs steps one after the other. One that fails does not stop those
// that follow. When the lab is closed, the rest is left out, and what that cuts
// off has not failed.
func (b *Lab) runChain(steps []*file.Step, report func(Report)) error {
	if steps[0].At > 0 {
		if err := b.Loop.Sleep(steps[0].At); err != nil {
			return nil
		}
	}
	var errs []error
	for _, s := range steps {
		say := func(text string, err error, last bool) {
			if !b.closing.Load() {
				report(Report{At: b.now(), Step: s, Text: text, Err: err, Last: last})
			}
		}
		text, err := b.runStep(s, func(text string) { say(text, nil, false) })
		say(text, err, true)
		if b.closing.Load() {
			break
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s:%d: %w", b.About.File, s.Line, err))
		}
	}
	return errors.Join(errs...)
}

func (b *Lab) now() event.Time {
	b.Loop.Lock()
	defer b.Loop.Unlock()
	return b.Loop.Now()
}

func (b *Lab) runStep(s *file.Step, say func(string)) (text string, err error) {
	h := b.hosts[s.Host]
	switch a := s.Action.(type) {
	case *file.Ping:
		text, err = b.ping(h, s, a, say)
	case *file.Traceroute:
		text, err = b.traceroute(h, s, a, say)
	case *file.Show:
		text, err = b.show(h, a, say)
	case *file.Connect:
		text, err = connect(h, s, a)
	case *file.Datagram:
		text, err = datagram(h, s, a)
	case *file.Get:
		text, err = get(h, s, a)
	case *file.Sleep:
		text, err = fmt.Sprintf("sleep %v", a.For), b.Loop.Sleep(a.For)
	case *file.SetLink:
		text, err = "link "+a.Link.Name+" changed", b.setLink(a)
	case *file.LinkState:
		text, err = b.linkState(a)
	case *file.Cable:
		text = b.cable(a)
	default:
		err = fmt.Errorf("unknown action %T", a)
	}
	return text, err
}

func (b *Lab) ping(h *host.Host, s *file.Step, a *file.Ping, say func(string)) (string, error) {
	to := addresses(h, a.To)[0]
	what := fmt.Sprintf("%s pings %s (%v)", s.Host, a.To.Text, to)
	say(fmt.Sprintf("%s with %d bytes", what, a.Size))
	options := host.PingOptions{Count: a.Count, Interval: a.Interval, Timeout: s.Timeout, Size: a.Size}
	if a.Size == 0 {
		options.Size = -1 // none; zero would be the default
	}
	stats, err := h.Ping(to, options, func(r host.PingReply) {
		say("  " + b.pingText(r))
	})
	text := fmt.Sprintf("%s: %d sent, %d received", what, stats.Sent, stats.Received)
	if stats.Duplicates > 0 {
		text += fmt.Sprintf(", +%d duplicates", stats.Duplicates)
	}
	if stats.Received > 0 {
		text += fmt.Sprintf(", min/avg/max %v/%v/%v", stats.Min.Round(time.Microsecond),
			stats.Avg.Round(time.Microsecond), stats.Max.Round(time.Microsecond))
	}
	if err == nil && stats.Received == 0 {
		err = errors.New("no reply")
	}
	return text, err
}

// pingText says what came of one request.
func (b *Lab) pingText(r host.PingReply) string {
	var reported *network.Error
	switch {
	case errors.As(r.Err, &reported):
		return fmt.Sprintf("seq %d: %s says %s", r.Sequence, b.NameOf(r.From), reason(reported))
	case r.Err == syscall.ETIMEDOUT:
		return fmt.Sprintf("seq %d: no reply within %v", r.Sequence, r.Time)
	case r.Err != nil:
		return fmt.Sprintf("seq %d: %v", r.Sequence, r.Err)
	case r.Duplicate:
		return fmt.Sprintf("%d bytes from %s: seq %d ttl %d again", r.Bytes, b.NameOf(r.From), r.Sequence, r.TTL)
	}
	return fmt.Sprintf("%d bytes from %s: seq %d ttl %d time %v",
		r.Bytes, b.NameOf(r.From), r.Sequence, r.TTL, r.Time.Round(time.Microsecond))
}

// quote prints what was sent or received, shortened.
func quote(b []byte) string {
	const most = 80
	if len(b) <= most {
		return strconv.Quote(string(b))
	}
	return fmt.Sprintf("%q… (%d bytes)", b[:most], len(b))
}

func connect(h *host.Host, s *file.Step, a *file.Connect) (string, error) {
	text := fmt.Sprintf("%s connects to %s", s.Host, a.To.Text)
	ctx, cancel := context.WithTimeout(context.Background(), s.Timeout)
	defer cancel()
	c, err := dial(ctx, h, "tcp", a.To)
	if err != nil {
		return text, err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(s.Timeout))
	if _, err := c.Write(a.Send); err != nil {
		return text, err
	}
	if len(a.Send) == 0 && len(a.Expect) == 0 {
		return text, nil
	}
	got := make([]byte, len(a.Expect))
	n, err := io.ReadFull(c, got)
	return exchange(text+", sent", a.Send, got[:n], a.Expect, err)
}

func datagram(h *host.Host, s *file.Step, a *file.Datagram) (string, error) {
	text := fmt.Sprintf("%s sends a datagram to %s", s.Host, a.To.Text)
	c, err := dial(context.Background(), h, "udp", a.To)
	if err != nil {
		return text, err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(s.Timeout))
	if _, err := c.Write(a.Send); err != nil || len(a.Expect) == 0 {
		return fmt.Sprintf("%s: %s", text, quote(a.Send)), err
	}
	buf := make([]byte, 65535)
	n, err := c.Read(buf)
	return exchange(text+":", a.Send, buf[:n], a.Expect, err)
}

// exchange tells what was sent and received, and why that is not as expected.
func exchange(text string, sent, got, expected []byte, err error) (string, error) {
	text += " " + quote(sent)
	switch {
	case err != nil && len(got) > 0:
		return text, fmt.Errorf("received %s, then: %w", quote(got), err)
	case err != nil:
		return text, err
	case !bytes.Equal(got, expected):
		return text, fmt.Errorf("received %s, expected %s", quote(got), quote(expected))
	case len(expected) > 0:
		text += ", received " + quote(got)
	}
	return text, nil
}

// maxPage caps how much of a page is read.
const maxPage = 16 << 20

func get(h *host.Host, s *file.Step, a *file.Get) (string, error) {
	text := fmt.Sprintf("%s gets %s", s.Host, a.URL)
	status, page, err := fetch(h, a, s.Timeout)
	if status != "" {
		text = fmt.Sprintf("%s: %s, %d bytes", text, status, len(page))
	}
	switch {
	case err != nil:
	case !strings.Contains(string(page), a.Expect):
		err = fmt.Errorf("the page does not have %q", a.Expect)
	case a.Expect == "" && !strings.HasPrefix(status, "2"):
		err = errors.New("expected a page")
	}
	return text, err
}

// fetch gets a page as http.Client does, but on one goroutine. With those of
// http.Transport it is up to Go's scheduler which is sent first, the connection's
// FIN or the next step's SYN, and a seed would not give the same packets again.
func fetch(h *host.Host, a *file.Get, timeout time.Duration) (status string, page []byte, err error) {
	request, err := http.NewRequest(http.MethodGet, a.URL, nil)
	if err != nil {
		return "", nil, err
	}
	request.Close = true
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	c, err := dial(ctx, h, "tcp", a.To)
	if err != nil {
		return "", nil, err
	}
	defer c.Close()
	deadline, _ := ctx.Deadline()
	_ = c.SetDeadline(deadline)
	if err := request.Write(c); err != nil {
		return "", nil, err
	}
	r, err := http.ReadResponse(bufio.NewReader(c), request)
	if err != nil {
		return "", nil, err
	}
	page, err = io.ReadAll(io.LimitReader(r.Body, maxPage))
	return r.Status, page, err
}

// setLink changes what a link does to frames.
func (b *Lab) setLink(a *file.SetLink) error {
	b.Loop.Lock()
	defer b.Loop.Unlock()
	w := b.wires[a.Link]
	for i, d := range []physical.Direction{physical.AToB, physical.BToA} {
		now := w.Impairment(d)
		next := file.Impairment{
			Delay: now.Delay, Jitter: now.Jitter, Rate: now.Rate, Queue: now.Queue,
			Loss: now.Loss, Burst: now.Burst, Duplicate: now.Duplicate,
			Reorder: now.Reorder, ReorderBy: now.ReorderBy, Corrupt: now.Corrupt,
		}
		a.Changes[i].Apply(&next)
		changed := impairment(next)
		changed.Down = now.Down
		if err := w.SetImpairment(d, changed); err != nil {
			return err
		}
	}
	return nil
}

func (b *Lab) linkState(a *file.LinkState) (string, error) {
	b.Loop.Lock()
	defer b.Loop.Unlock()
	w := b.wires[a.Link]
	for _, d := range []physical.Direction{physical.AToB, physical.BToA} {
		i := w.Impairment(d)
		i.Down = !a.Up
		if err := w.SetImpairment(d, i); err != nil {
			return "", err
		}
	}
	state := "down"
	if a.Up {
		state = "up"
	}
	return fmt.Sprintf("link %s is %s", a.Link.Name, state), nil
}

// cable pulls a cable out or plugs it in.
func (b *Lab) cable(a *file.Cable) string {
	b.Loop.Lock()
	defer b.Loop.Unlock()
	b.wires[a.Link].SetUp(a.Plugged)
	state := "pulled"
	if a.Plugged {
		state = "plugged in"
	}
	return fmt.Sprintf("the cable %s is %s", a.Link.Name, state)
}
