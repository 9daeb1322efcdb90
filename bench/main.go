// Command bench measures Septet beside gVisor's netstack and the kernel's
// loopback, in one process and in one run. README.md says how.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime/pprof"
	"slices"
)

func main() {
	var (
		asJSON = flag.Bool("json", false, "print one JSON object a line instead of a markdown table")
		only   = flag.String("only", "", "run one measure, by its `name`")
		runs   = flag.Int("runs", 5, "run each measure `n` times for each contestant")
		list   = flag.Bool("list", false, "list the measures and stop")
		of     = flag.String("of", "", "run one contestant alone, by its `name`")
		cpu    = flag.String("cpuprofile", "", "write a CPU profile of the runs to `file`")
	)
	flag.Parse()
	if *inChild != "" {
		overIPv6 = *childIPv6
		if err := child(*inChild); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	if flag.NArg() > 0 || *runs < 1 {
		fmt.Fprintln(os.Stderr, "bench: it takes flags only, and at least one run")
		flag.Usage()
		os.Exit(2)
	}
	if *list {
		for _, m := range measures {
			fmt.Printf("%-12s %-15s %s\n", m.Name, m.Unit, m.About)
		}
		return
	}
	chosen, err := choose(*only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	if *compareFamilies {
		contestants = families
	}
	if *of != "" {
		contestants = slices.DeleteFunc(contestants, func(c Contestant) bool { return c.Name != *of })
		if len(contestants) == 0 {
			fmt.Fprintf(os.Stderr, "bench: no contestant is called %q\n", *of)
			os.Exit(2)
		}
	}
	stop, err := profile(*cpu)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	ok := report(chosen, *runs, *asJSON)
	if err := stop(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		ok = false
	}
	if !ok {
		os.Exit(1)
	}
}

// profile writes a CPU profile to the file of that name, if there is one, until
// stop is called.
func profile(name string) (stop func() error, err error) {
	if name == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, err
	}
	return func() error {
		pprof.StopCPUProfile()
		return f.Close()
	}, nil
}

// choose returns the measure of that name, or all when there is no name.
func choose(name string) ([]Measure, error) {
	if name == "" {
		return measures, nil
	}
	i := slices.IndexFunc(measures, func(m Measure) bool { return m.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("no measure is called %q; -list shows them", name)
	}
	return measures[i : i+1], nil
}

// report runs the measures and prints each row as soon as it is known. It
// returns false if a contestant failed or the output could not be written.
func report(chosen []Measure, runs int, asJSON bool) (ok bool) {
	ok = true
	p := newProgress()
	write := writeTableRow
	head := tableHead
	if *compareFamilies {
		write, head = writeFamilyRow, familyHead
	}
	if asJSON {
		write = writeJSON
	}
	var rows []Row
	for i, m := range chosen {
		results, failures := measureAll(m, contestants, runs, p.show)
		p.clear()
		for _, f := range failures {
			ok = false
			fmt.Fprintln(os.Stderr, "bench:", f)
		}
		if i == 0 && !asJSON {
			fmt.Print(head)
		}
		rows = append(rows, newRow(m, results, rows))
		if err := write(os.Stdout, rows[i]); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			return false
		}
	}
	return ok
}

// measureAll runs one measure for all contestants, one run of each at a time, so
// that whatever the machine does meanwhile falls on all of them. Each round
// begins with another contestant. One that fails is left out of further rounds
// and has no results.
func measureAll(m Measure, all []Contestant, runs int, show func(measure, contestant string, run, runs int)) (map[string][]Result, []error) {
	results := make(map[string][]Result)
	var failures []error
	out := make(map[string]bool)
	for run := range runs {
		for i := range all {
			c := all[(run+i)%len(all)]
			if out[c.Name] {
				continue
			}
			show(m.Name, c.Name, run+1, runs)
			overIPv6 = c.IPv6
			r, err := m.Run(c)
			if err == nil {
				results[c.Name] = append(results[c.Name], r)
				continue
			}
			out[c.Name] = true
			delete(results, c.Name)
			if !errors.Is(err, errNotOffered) {
				failures = append(failures, fmt.Errorf("%s, %s: %w", m.Name, c.Name, err))
			}
		}
	}
	return results, failures
}
