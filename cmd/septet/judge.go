package main

import (
	"errors"
	"fmt"
	"io"

	"septet/inspect"
	"septet/inspect/check"
)

// judge prints where TCP did not keep its rules.
func (x *explanation) judge(out io.Writer, capture *inspect.Capture) error {
	judge := check.New(check.Options{Complete: capture.Application() == inspect.Application})
	bar := newProgress("checking", capture.Size(), out, x.quiet)
	var damaged error
	for damaged == nil {
		f, err := capture.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if damaged = err; err == nil {
			judge.Feed(f)
			bar.reached(capture.Offset(), "")
		}
	}
	bar.done()
	report := judge.Finish()
	if err := report.Write(out); err != nil {
		return &exitError{exitFailed, err}
	}
	if damaged != nil {
		return &exitError{exitFailed, fmt.Errorf("%w\n%s read before that are judged above",
			damaged, count(capture.Packets(), "packet"))}
	}
	if report.Violations > 0 {
		return &exitError{exitFailed, nil}
	}
	return nil
}
