package main

import (
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// inBubble runs f in a testing/synctest bubble and exits with its result. In the
// bubble time is virtual for every goroutine, also for those of net/http, which
// know nothing of Septet. The bubble comes only with a test, so the command
// becomes a program of one test; its flags must not be taken for a test's.
func inBubble(f func() int) {
	os.Args = os.Args[:1]
	bubble := testing.InternalTest{Name: "lab", F: func(t *testing.T) {
		synctest.Test(t, func(*testing.T) { os.Exit(f()) })
	}}
	everything := func(_, _ string) (bool, error) { return true, nil }
	testing.Main(everything, []testing.InternalTest{bubble}, nil, nil)
}

// showProgress moves a bar along the lab's time, by the real clock: it is started
// outside the bubble. The returned function takes the bar away.
func (r *running) showProgress() (done func()) {
	bar := newProgress("lab time", int64(r.options.duration), os.Stdout, r.options.quiet)
	over, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		defer bar.done()
		for tick := time.Tick(progressAfter / 10); ; {
			select {
			case <-over:
				return
			case <-tick:
				now := time.Duration(r.clock.Load())
				bar.reached(int64(now), " "+now.Round(time.Second).String())
			}
		}
	}()
	return func() { close(over); <-gone }
}
