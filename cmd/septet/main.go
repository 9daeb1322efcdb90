// Command septet runs networks described by lab files, and explains captures.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

// Exit codes, for scripts.
const (
	exitOK       = 0
	exitFailed   = 1 // a step of the script failed, a capture is damaged or breaks a rule of TCP
	exitUsage    = 2 // the command line is wrong
	exitMistakes = 3 // the lab file has mistakes
	exitPort     = 4 // a published port cannot be opened
)

// exitError carries an exit code and says whether the message has been printed.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func main() { os.Exit(execute(os.Args[1:])) }

func execute(args []string) int {
	root := newRoot()
	root.SetArgs(args)
	return exitCode(root.Execute())
}

// exitCode prints an error and returns the exit code that goes with it.
func exitCode(err error) int {
	if err == nil {
		return exitOK
	}
	if text := err.Error(); text != "" {
		fmt.Fprintln(os.Stderr, text)
	}
	var exit *exitError
	if errors.As(err, &exit) {
		return exit.code
	}
	return exitUsage
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "septet",
		Short: "A whole TCP/IP network in one program",
		Long: `Septet runs networks of hosts, switches and routers, each with a TCP/IP stack of
its own, in one program: no root, no kernel module, no container. Every packet
can be seen.

Exit codes: 0 all went well; 1 a step of the script failed, or a capture
is damaged or breaks a rule of TCP; 2 the command line is wrong; 3 the lab file has mistakes; 4 a published
port cannot be opened.`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(newRun(), newExplain(), newCheck())
	return root
}
