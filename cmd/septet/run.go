package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"septet/event"
	"septet/inspect"
	"septet/lab"
	"septet/lab/file"
)

// runOptions is what `septet run` was asked for.
type runOptions struct {
	duration  time.Duration
	virtual   bool
	seed      uint64
	capture   string
	noPublish bool
	quiet     bool
}

func newRun() *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:   "run FILE",
		Short: "Run the network that a lab file describes",
		Long: `Run the network that a lab file describes: start its services, open its published
ports on this machine, run its script, and show every packet as it is sent.

The lab ends when its script has ended and nothing is published, after the time
given by --for, or with Ctrl-C. With --virtual time does not pass by the clock but
jumps from event to event, so that an hour takes moments; nothing is published
then.`,
		Example: `  septet run labs/first.yaml
  septet run labs/first.yaml --capture out.pcapng --no-publish
  septet run labs/lossy.yaml --virtual --seed 7 --for 1h`,
		Args: files(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			about, err := load(args[0])
			if err != nil {
				return err
			}
			if !cmd.Flags().Changed("seed") {
				o.seed = about.Seed
			}
			return o.run(about)
		},
	}
	flags := cmd.Flags()
	flags.DurationVar(&o.duration, "for", 0, "end the lab after this time of its own, such as 90s or 1h")
	flags.BoolVar(&o.virtual, "virtual", false, "virtual time: as fast as the network's events allow")
	flags.Uint64Var(&o.seed, "seed", 0, "seed of the lab's randomness (default the file's, or 1)")
	flags.StringVar(&o.capture, "capture", "", "write every frame of every wire to this pcapng file")
	flags.BoolVar(&o.noPublish, "no-publish", false, "do not open the published ports on this machine")
	flags.BoolVarP(&o.quiet, "quiet", "q", false, "only what failed, and the summary")
	return cmd
}

// run runs the lab in the kind of time that was asked for.
func (o *runOptions) run(about *file.Lab) error {
	if o.duration < 0 {
		return &exitError{exitUsage, fmt.Errorf("--for %v: a time cannot be negative", o.duration)}
	}
	out := &console{out: os.Stdout}
	r := &running{options: o, about: about, out: out, style: styleFor(os.Stdout)}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	context.AfterFunc(ctx, stop) // the second Ctrl-C ends the program at once
	if !o.virtual {
		return r.run(ctx, event.NewReal(o.seed))
	}
	r.progress = r.showProgress()
	inBubble(func() int {
		// Nothing in the bubble can wait for what is outside: watch looks at ctx.
		inside, end := context.WithCancel(context.Background())
		defer end()
		r.interrupt = func() {
			if ctx.Err() != nil {
				end()
			}
		}
		return exitCode(r.run(inside, event.NewBubble(o.seed)))
	})
	return nil
}

// running is a lab that runs.
type running struct {
	options *runOptions
	about   *file.Lab
	out     *console
	style   inspect.Style

	lab      *lab.Lab
	tracker  inspect.Tracker
	ladder   screen
	watching *lab.Watch
	counts   []lab.Direction // at the end
	frames   atomic.Int64
	clock    atomic.Int64 // lab time, for the progress bar

	mu     sync.Mutex
	failed []error // the steps that have failed so far
	ended  int     // how many steps have ended

	progress  func() // takes the progress bar away; nil if there is none
	interrupt func() // in virtual time, ends the lab if Ctrl-C was pressed; else nil
}

// run builds the lab, lets it live and shows how it went.
func (r *running) run(ctx context.Context, loop *event.Loop) error {
	defer loop.Close()
	l, err := lab.Build(loop, r.about)
	if err != nil {
		return &exitError{exitFailed, err}
	}
	r.lab = l
	published := !r.options.virtual && !r.options.noPublish
	if published { // first of all, so that a run that cannot begin leaves the old capture alone
		if err := l.OpenPorts(); err != nil {
			return errors.Join(portError(err), l.Close())
		}
	}
	finish, err := r.record()
	if err != nil {
		return errors.Join(err, l.Close())
	}
	r.watch()
	if err := l.StartServices(); err != nil {
		return errors.Join(&exitError{exitFailed, err}, l.Close(), finish())
	}
	if !r.options.quiet {
		describe(r.out, r.about, published)
	}
	if published {
		if err := l.Publish(); err != nil {
			return errors.Join(portError(err), l.Close(), finish())
		}
	}
	cut := r.live(ctx, published && len(r.about.Published) > 0)
	r.counts = l.Directions()
	err = errors.Join(l.Close(), finish())
	r.summarise(cut)
	err = errors.Join(r.failures(), err, r.out.failed())
	if err != nil {
		return &exitError{exitFailed, err}
	}
	return nil
}

func portError(err error) error {
	var inUse *lab.PortInUseError
	if errors.As(err, &inUse) {
		return &exitError{exitPort, err}
	}
	return &exitError{exitFailed, err}
}

// record begins the capture file, if one is wanted.
func (r *running) record() (finish func() error, err error) {
	if r.options.capture == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(r.options.capture)
	if err != nil {
		return nil, &exitError{exitUsage, fmt.Errorf("cannot write the capture: %w", err)}
	}
	buffered := bufio.NewWriterSize(f, 1<<20)
	complete, err := r.lab.Capture(buffered)
	if err != nil {
		return nil, errors.Join(&exitError{exitFailed, err}, f.Close())
	}
	return func() error {
		if err := errors.Join(complete(), buffered.Flush(), f.Close()); err != nil {
			return fmt.Errorf("the capture %s: %w", r.options.capture, err)
		}
		return nil
	}, nil
}

// watch shows the ladder while the lab runs, and counts for the summary.
func (r *running) watch() {
	r.tracker = inspect.Tracker{
		Name: r.lab.NameOf, Origin: r.lab.Origin,
		Wire: func(number int) string { return r.about.Links[number].Name },
	}
	r.ladder.init(r.out, r.style)
	r.watching = r.lab.Watch(func(f inspect.Frame) {
		if f.Fate == inspect.Sent {
			r.frames.Add(1)
		}
		if r.interrupt != nil {
			r.interrupt()
		}
		r.clock.Store(int64(f.Time.Sub(r.lab.Origin)))
		line, fresh := r.tracker.Feed(f)
		if fresh && !r.options.quiet {
			r.ladder.line(line)
		}
	}, r.ladder.release)
}

// live runs the script and waits until the lab is to end. It returns what has
// cut the script off, if anything. What failed in it is in failures all the same.
func (r *running) live(ctx context.Context, published bool) (cut string) {
	script := make(chan struct{})
	go func() {
		defer close(script)
		_ = r.lab.RunScript(r.report)
	}()
	var over <-chan time.Time
	if r.options.duration > 0 {
		over = time.After(r.options.duration)
	}
	select {
	case <-script:
	case <-over:
		return fmt.Sprintf("--for %v", r.options.duration)
	case <-ctx.Done():
		return "an interrupt"
	}
	switch {
	case over != nil:
	case published:
		if !r.options.quiet {
			r.watching.Then(func() {
				r.ladder.text("\nThe script has ended. The published ports stay open: Ctrl-C ends the lab.\n\n")
			})
		}
	default:
		r.settle()
		return ""
	}
	select {
	case <-over:
	case <-ctx.Done():
	}
	return ""
}

// How a lab comes to rest: its connections are still closing when the script
// has ended.
const (
	settleStep = 250 * time.Millisecond
	settleMost = 5 * time.Second
)

// settle waits until nothing has been sent for a while.
func (r *running) settle() {
	for range settleMost / settleStep {
		before := r.frames.Load()
		if r.lab.Loop.Sleep(settleStep) != nil || r.frames.Load() == before {
			return
		}
	}
}

// report prints what the script does, below the packets that did it.
func (r *running) report(e lab.Report) {
	r.mu.Lock()
	if e.Last {
		r.ended++
	}
	if e.Err != nil {
		r.failed = append(r.failed, fmt.Errorf("%s:%d: %w", r.about.File, e.Step.Line, e.Err))
	}
	r.mu.Unlock()
	r.watching.Then(func() { r.print(e) })
}

// failures joins the errors of the steps that have failed so far.
func (r *running) failures() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return errors.Join(r.failed...)
}

func (r *running) print(e lab.Report) {
	if r.options.quiet && e.Err == nil {
		return
	}
	text := e.Text
	if e.Err != nil {
		text = r.style.Bad(fmt.Sprintf("%s: %v", text, e.Err))
	} else {
		text = r.style.Strong(text)
	}
	r.ladder.text(fmt.Sprintf("%12.6f  %s\n", time.Duration(e.At).Seconds(), text))
}

// summarise prints what became of the script, of every connection and of the
// frames on every link.
func (r *running) summarise(cut string) {
	if r.progress != nil {
		r.progress()
	}
	r.ladder.text("\n")
	if cut != "" && len(r.about.Script) > 0 {
		r.mu.Lock()
		ended := r.ended
		r.mu.Unlock()
		fmt.Fprintf(r.out, "%s\n\n", r.style.Bad(fmt.Sprintf("The script was cut off by %s: %d of %s had ended.",
			cut, ended, count(len(r.about.Script), "step"))))
	}
	_ = r.tracker.WriteSummaries(r.out, r.style)
	describeLosses(r.out, r.counts, r.style)
	if missed := r.watching.Missed(); missed > 0 {
		fmt.Fprintf(r.out, "%s were sent faster than they could be shown: the ladder and the summary lack them\n",
			count(int(missed), "frame"))
	}
}
