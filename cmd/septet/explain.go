package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"septet/inspect"
)

// explanation is what `septet explain` was asked for.
type explanation struct {
	layers, bytes, quiet, check bool
}

func newExplain() *cobra.Command {
	var x explanation
	cmd := &cobra.Command{
		Use:   "explain FILE",
		Short: "Show what a capture file says, packet by packet",
		Long: `Show what a capture file (pcap or pcapng, from septet run, tcpdump or Wireshark)
says: a ladder of segments, datagrams, ICMP and ARP, with the state of both ends
of each TCP connection, and at the end a summary of every connection.

With --check it is judged instead: did both ends of each TCP connection keep the
rules of the RFCs? What broke one is listed with the rule's section; the exit code
is 1 if there are violations.

A file that is cut off or damaged is shown as far as it goes; then the exit code
is 1. The file - is the standard input.`,
		Example: `  septet explain out.pcapng
  septet explain --layers out.pcapng    each header, with its layer in the models
  septet explain --bytes out.pcapng     each field with its bytes
  septet explain --check out.pcapng     did TCP keep its rules?
  tcpdump -i lo -w - | septet explain -`,
		Args: files(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return x.run(cmd.OutOrStdout(), args[0])
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&x.layers, "layers", false, "each header's fields, with its layer in the OSI, five-layer and four-layer models")
	flags.BoolVar(&x.bytes, "bytes", false, "each packet's bytes in hexadecimal, and the bytes of each field")
	flags.BoolVar(&x.check, "check", false, "judge whether TCP kept its rules; exit code 1 if it did not")
	flags.BoolVarP(&x.quiet, "quiet", "q", false, "only the summary")
	cmd.MarkFlagsMutuallyExclusive("check", "layers")
	cmd.MarkFlagsMutuallyExclusive("check", "bytes")
	return cmd
}

func (x *explanation) run(out io.Writer, name string) error {
	capture, err := open(name)
	if err != nil {
		var path *fs.PathError
		if errors.As(err, &path) {
			return &exitError{exitUsage, fmt.Errorf("cannot read %s: %w", name, path.Err)}
		}
		return &exitError{exitFailed, err}
	}
	defer capture.Close()
	if x.check {
		return x.judge(out, capture)
	}
	style := styleFor(out)
	tracker := &inspect.Tracker{Wire: capture.InterfaceName}
	damaged := x.show(out, capture, tracker, style)
	if !x.quiet {
		fmt.Fprintln(out)
	}
	if err := tracker.WriteSummaries(out, style); err != nil {
		return &exitError{exitFailed, err}
	}
	if n := tracker.Counts().Other; n > 0 {
		fmt.Fprintf(out, "%s of other kinds: not IP, not ARP, or too short to read\n", count(n, "frame"))
	}
	if damaged == nil && capture.Packets() == 0 {
		fmt.Fprintln(out, "no packets")
	}
	if damaged != nil {
		return &exitError{exitFailed, fmt.Errorf("%w\n%s read before that are shown above",
			damaged, count(capture.Packets(), "packet"))}
	}
	return nil
}

// open opens a capture file, or the standard input for "-".
func open(name string) (*inspect.Capture, error) {
	if name == "-" {
		return inspect.NewCapture(os.Stdin)
	}
	return inspect.OpenCapture(name)
}

// show prints every packet, and returns what ended the file too early.
func (x *explanation) show(out io.Writer, capture *inspect.Capture, tracker *inspect.Tracker, style inspect.Style) (err error) {
	ladder := inspect.NewLadder(out, style)
	ladder.Width = widthOf(out)
	defer func() { err = errors.Join(err, ladder.Flush()) }()
	bar := newProgress("reading", capture.Size(), out, x.quiet)
	defer bar.done()
	for number := 1; ; number++ {
		f, err := capture.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		bar.reached(capture.Offset(), "")
		line, fresh := tracker.Feed(f)
		switch {
		case x.quiet:
		case x.layers || x.bytes:
			fmt.Fprintf(out, "packet %d  %s  %s\n", number,
				f.Time.Sub(tracker.Origin), capture.InterfaceName(f.Interface))
			x.dissect(out, f, style)
		case fresh:
			if err := ladder.Print(line); err != nil {
				return err
			}
		}
	}
}

func (x *explanation) dissect(out io.Writer, f inspect.Frame, style inspect.Style) {
	p := inspect.Dissect(f.LinkType, f.Data)
	if x.layers {
		_ = inspect.WriteLayers(out, p, style)
	}
	if x.bytes {
		_ = inspect.WriteBytes(out, p, style)
	}
	fmt.Fprintln(out)
}
