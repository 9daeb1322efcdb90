package main

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"

	"github.com/spf13/cobra"

	"septet/lab/file"
)

func newCheck() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE...",
		Short: "Check lab files without running them",
		Long: `Check lab files without running them. Every mistake is shown with its place, the
line it stands on and what was expected; all mistakes of a file at once.`,
		Example: "  septet check labs/first.yaml",
		Args:    files(1, math.MaxInt),
		RunE: func(cmd *cobra.Command, args []string) error {
			failed := 0
			for _, name := range args {
				about, err := load(name)
				if err != nil {
					failed = max(failed, codeOf(err))
					fmt.Fprintln(cmd.ErrOrStderr(), err)
					continue
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %s, %s, %s, %s: no mistakes\n", name,
					count(len(about.Hosts), "host"), count(len(about.Switches), "switch"),
					count(len(about.Links), "link"), count(len(about.Script), "step"))
				if err != nil {
					return &exitError{exitFailed, fmt.Errorf("cannot write the output: %w", err)}
				}
			}
			if failed != 0 {
				return &exitError{code: failed}
			}
			return nil
		},
	}
}

// files demands from least to most files on the command line.
func files(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if n := len(args); n < least || n > most {
			return fmt.Errorf("there are %d arguments; expected %s (see septet help %s)", n, cmd.UseLine(), cmd.Name())
		}
		return nil
	}
}

// load reads and checks a lab file.
func load(name string) (*file.Lab, error) {
	src, err := os.ReadFile(name)
	if err != nil {
		var path *fs.PathError
		if errors.As(err, &path) {
			err = fmt.Errorf("cannot read %s: %w", name, path.Err)
		}
		return nil, &exitError{exitUsage, err}
	}
	about, err := file.Parse(name, src)
	if err != nil {
		return nil, &exitError{exitMistakes, err}
	}
	return about, nil
}

func codeOf(err error) int {
	var exit *exitError
	if errors.As(err, &exit) {
		return exit.code
	}
	return exitFailed
}

// count says how many there are of something, in words that fit the number.
func count(n int, what string) string {
	switch {
	case n == 1:
	case what[len(what)-1] == 'h' || what[len(what)-1] == 's':
		what += "es"
	default:
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
