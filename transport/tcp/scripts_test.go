package tcp

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	ev "septet/event"
)

// section is one script of a file.
type section struct {
	name  string
	line  int // of its first line
	lines []string
}

func readScripts(t *testing.T, file string) []section {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []section
	for i, line := range strings.Split(string(data), "\n") {
		if name, ok := strings.CutPrefix(line, "== "); ok {
			all = append(all, section{name: strings.TrimSpace(name), line: i + 2})
		} else if len(all) > 0 {
			last := &all[len(all)-1]
			last.lines = append(last.lines, line)
		}
	}
	return all
}

// run plays one section over IPv4 or IPv6. seen gets the transitions of its
// connections.
func (sec *section) run(t *testing.T, f family, seen map[transition]bool) {
	personality := sec.personality(t)
	s := &script{
		bench:    newBenchOver(t, f, &personality, 1500),
		hostPort: scriptActivePort, peerPort: scriptService,
		hostISS: 1000, peerISS: 500000, flows: map[uint16]*flow{},
	}
	s.env.iss, s.env.seen = &s.hostISS, seen
	// Not at zero, so that a moment that was forgotten is not taken for now.
	s.advance(ev.Time(time.Second))
	s.begin, s.now = s.loop.Now(), s.loop.Now()
	for i, line := range sec.lines {
		s.line = sec.line + i
		s.step(line)
	}
	s.finish()
}

// personality reads the lines that shape the host.
func (sec *section) personality(t *testing.T) Personality {
	p := LinuxPersonality
	p.VarianceFloor, p.Congestion = 0, "reno"
	p.MaxSendBuffer, p.MaxReceiveBuffer = 0, 0 // and not about growing buffers
	p.SACK = false                             // most scripts are about what holds without it
	for i, line := range sec.lines {
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		if words[0] == "host" && words[1] == "rfc" {
			p = RFCPersonality
			p.SACK, p.MaxSendBuffer, p.MaxReceiveBuffer = false, 0, 0
		}
		if words[0] == "set" {
			for _, w := range words[1:] {
				if err := setField(&p, w); err != nil {
					t.Fatalf("line %d: %v", sec.line+i, err)
				}
			}
		}
	}
	return p
}

// only reports whether a line says that the script is about one family.
func (sec *section) only(f family) bool {
	return slices.Contains(sec.lines, "host ipv"+string('0'+rune(f)))
}

func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.script")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	seen := map[transition]bool{}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".script"), func(t *testing.T) {
			for _, sec := range readScripts(t, file) {
				if !sec.only(six) {
					t.Run(sec.name, func(t *testing.T) { sec.run(t, four, seen) })
				}
				switch {
				case sec.only(six):
					t.Run(sec.name, func(t *testing.T) { sec.run(t, six, seen) })
				case !sec.only(four):
					t.Run(sec.name+" over IPv6", func(t *testing.T) { sec.run(t, six, seen) })
				}
			}
		})
	}
	if !t.Failed() {
		checkTransitions(t, seen)
	}
}

// checkTransitions holds the table of state.go and the engine together: what was
// seen is in the table, and what is in the table was seen.
func checkTransitions(t *testing.T, seen map[transition]bool) {
	for x := range seen {
		if x.on == destroyed {
			if x.to != Closed {
				t.Errorf("destroyed in %v leads to %v, not to CLOSED", x.from, x.to)
			}
		} else if to, ok := transitions[x.from][x.on]; !ok || to != x.to {
			t.Errorf("seen but not in the table: %v, event %d, to %v", x.from, x.on, x.to)
		}
	}
	for from, row := range transitions {
		for on, to := range row {
			if !seen[transition{State(from), on, to}] {
				t.Errorf("in the table but in no script: %v, event %d, to %v", State(from), on, to)
			}
		}
		if from := State(from); from != Closed && from != Listen && !seen[transition{from, destroyed, Closed}] {
			t.Errorf("in no script: %v destroyed", from)
		}
	}
}
