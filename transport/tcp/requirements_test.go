package tcp

import (
	"cmp"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Which test proves which requirement stands with the test, in a line of this form
// inside a test function or its comment, or inside a script:
//
//	//rfc:9293 MUST-13
//	#rfc:6298 5.3 MUST an acknowledgement of new data restarts the timer
//
// that is, the RFC, and then either one of RFC 9293's own numbers, or a section, a
// level (MUST, SHOULD, MAY, or "rule" for what is said without such a word) and a few
// words. Words behind a number that begin with
// "declined:" say that, and why, Septet does not do this; the test then shows what it
// does instead. REQUIREMENTS.md is made from these lines by
//
//	go test ./transport/tcp -run TestRequirements -update

//go:generate go test -run TestRequirements -update

var update = flag.Bool("update", false, "write REQUIREMENTS.md")

// requirement is one such line.
type requirement struct {
	rfc             int
	section, level  string
	words, declined string
	test            string // empty: none
}

// elsewhere are requirements that other packages keep, proved by their tests.
var elsewhere = []struct{ test, line string }{
	{"header.TestChecksumExampleOfRFC1071", "9293 MUST-2"},
	{"header.TestTCPOptionsWithIllegalLengths", "9293 MUST-7"},
	{"header.TestTCPOptionsWithIllegalLengths", "9293 MUST-6"},
	{"network.TestInputDrops", "9293 MUST-63"},
	{"network.TestSourceRouteAndOptions", "9293 MUST-50"},
	{"network.TestSourceRouteAndOptions", "9293 MUST-51 declined: source routes are refused (RFC 7126, sections 4.3 and 4.4)"},
	{"network.TestSourceRouteAndOptions", "9293 MUST-52 declined: source routes are refused (RFC 7126, sections 4.3 and 4.4)"},
	{"network.TestSourceRouteAndOptions", "9293 MUST-53 declined: source routes are refused (RFC 7126, sections 4.3 and 4.4)"},
	{"network.TestErrorInput", "9293 MUST-54"},
	{"network.TestErrorsForbidden", "1122 3.2.2 MUST no ICMP error about an ICMP error, a broadcast or a fragment but the first"},
	{"network.TestPath", "9293 MUST-44"},
	{"network.TestPath", "1122 3.3.4.3 rule a source address fits the interface that it leaves by"},
}

// TestRequirements holds REQUIREMENTS.md to the tests.
func TestRequirements(t *testing.T) {
	all := scriptRequirements(t)
	all = append(all, testRequirements(t)...)
	for _, e := range elsewhere {
		pkg, name, _ := strings.Cut(e.test, ".")
		dir := map[string]string{"header": "../../header", "network": "../../network"}[pkg]
		if f := testFunctions(t, dir)[name]; f == nil || skips(f) {
			t.Errorf("%s does not exist or is skipped", e.test)
		}
		all = append(all, parseRequirement(t, e.test, e.line))
	}
	proved := map[string]bool{}
	for _, r := range all {
		if r.rfc == 9293 {
			proved[r.level] = true
		}
	}
	for _, n := range numbered {
		if proved[n.id] {
			continue
		}
		all = append(all, requirement{rfc: 9293, section: n.section, level: n.id, words: n.words})
		if strings.HasPrefix(n.id, "MUST-") {
			t.Errorf("RFC 9293, %s (%s): no test proves that %s", n.id, n.section, n.words)
		}
	}
	checkFile(t, "REQUIREMENTS.md", render(all))
}

func checkFile(t *testing.T, file, want string) {
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != want {
		t.Errorf("%s is not what the tests say (%v): go test -run TestRequirements -update", file, err)
	}
}

var numberedLevel = regexp.MustCompile(`^(MUST|SHLD|MAY|REC)-\d+$`)

// parseRequirement reads what follows "rfc:".
func parseRequirement(t *testing.T, test, line string) requirement {
	t.Helper()
	r := requirement{test: test}
	number, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	var err error
	if r.rfc, err = strconv.Atoi(number); err != nil {
		t.Errorf("%s: %q does not begin with the number of an RFC", test, line)
	}
	first, rest, _ := strings.Cut(rest, " ")
	if !numberedLevel.MatchString(first) {
		r.section = first
		r.level, r.words, _ = strings.Cut(rest, " ")
		if !slices.Contains([]string{"MUST", "SHOULD", "MAY", "rule"}, r.level) || r.words == "" || !strings.ContainsAny(r.section, "0123456789ABC") {
			t.Errorf("%s: %q must be an RFC, a section, a level and words, or an RFC and a number", test, line)
		}
		return r
	}
	r.level = first
	r.declined, _ = strings.CutPrefix(rest, "declined: ")
	if rest != "" && r.declined == rest {
		t.Errorf("%s: %q: a number has its words already", test, line)
	}
	for _, n := range numbered {
		if r.rfc == 9293 && n.id == first {
			r.section, r.words = n.section, n.words
			return r
		}
	}
	t.Errorf("%s: RFC %d has no requirement with the number %s", test, r.rfc, first)
	return r
}

// scriptRequirements reads those of the scripts that TestScripts plays.
func scriptRequirements(t *testing.T) (all []requirement) {
	files, err := filepath.Glob("testdata/*.script")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		base := strings.TrimSuffix(filepath.Base(file), ".script")
		names := map[string]bool{}
		for _, sec := range readScripts(t, file) {
			name := "TestScripts/" + base + "/" + sec.name
			if names[sec.name] {
				t.Errorf("two scripts are called %s", name)
			}
			names[sec.name] = true
			steps := 0
			for _, line := range sec.lines {
				if strings.HasPrefix(line, "+") {
					steps++
				}
				if rest, ok := strings.CutPrefix(line, "#rfc:"); ok {
					all = append(all, parseRequirement(t, name, rest))
				} else if strings.Contains(line, "rfc:") {
					t.Errorf("%s: %q must begin with #rfc:", name, line)
				}
			}
			if steps == 0 {
				t.Errorf("%s has no steps", name)
			}
		}
	}
	return all
}

// testRequirements reads those of this package's test functions.
func testRequirements(t *testing.T) (all []requirement) {
	fset := token.NewFileSet()
	files, _ := filepath.Glob("*_test.go")
	for _, file := range files {
		parsed, err := parser.ParseFile(fset, file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, group := range parsed.Comments {
			for _, c := range group.List {
				rest, ok := strings.CutPrefix(c.Text, "//rfc:")
				if !ok {
					continue
				}
				f := functionAround(parsed, c.Pos())
				if f == nil || !strings.HasPrefix(f.Name.Name, "Test") || skips(f) {
					t.Errorf("%v: %s belongs to no test, or to one that is skipped", fset.Position(c.Pos()), c.Text)
					continue
				}
				all = append(all, parseRequirement(t, f.Name.Name, rest))
			}
		}
	}
	return all
}

func functionAround(file *ast.File, at token.Pos) *ast.FuncDecl {
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		begin := f.Pos()
		if f.Doc != nil {
			begin = f.Doc.Pos()
		}
		if begin <= at && at <= f.End() {
			return f
		}
	}
	return nil
}

// testFunctions returns the test functions of a package.
func testFunctions(t *testing.T, dir string) map[string]*ast.FuncDecl {
	all := map[string]*ast.FuncDecl{}
	files, _ := filepath.Glob(filepath.Join(dir, "*_test.go"))
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") {
				all[f.Name.Name] = f
			}
		}
	}
	return all
}

// skips reports whether a test may skip itself. One that proves something may not.
func skips(f *ast.FuncDecl) (found bool) {
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok && strings.HasPrefix(s.Sel.Name, "Skip") {
			found = true
		}
		return true
	})
	return found
}

// render writes the table.
func render(all []requirement) string {
	slices.SortStableFunc(all, func(a, b requirement) int {
		return cmp.Or(cmp.Compare(order(a.rfc), order(b.rfc)), cmp.Compare(a.rfc, b.rfc), compareLevels(a, b),
			compareSections(a.section, b.section), cmp.Compare(a.level, b.level), cmp.Compare(a.words, b.words), cmp.Compare(a.test, b.test))
	})
	all = slices.Compact(all)
	var b strings.Builder
	b.WriteString("# What the standards require of TCP, and the tests that prove it\n\n" +
		"Made from the tests by `go test ./transport/tcp -run TestRequirements -update`; not to be edited. A test without a\n" +
		"package's name is one of this package's.\n\n" + summaryOf(all) +
		"\n| RFC | section | level | requirement | test |\n|---|---|---|---|---|\n")
	for _, r := range all {
		test := "none"
		if r.test != "" {
			test = "`" + r.test + "`"
		}
		words := r.words
		if r.declined != "" {
			words += ". **Declined**: " + r.declined
		}
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %s |\n", r.rfc, r.section, r.level, words, test)
	}
	return b.String()
}

// summaryOf counts RFC 9293's numbers.
func summaryOf(all []requirement) string {
	var b strings.Builder
	b.WriteString("| RFC 9293 | numbered | proved | declined | without a test |\n|---|---|---|---|---|\n")
	for _, level := range []string{"MUST", "SHLD", "MAY", "REC"} {
		state := map[string]string{}
		for _, r := range all {
			if r.rfc != 9293 || !strings.HasPrefix(r.level, level+"-") {
				continue
			}
			switch {
			case r.test == "":
				state[r.level] = "none"
			case r.declined != "":
				state[r.level] = "declined"
			case state[r.level] == "":
				state[r.level] = "proved"
			}
		}
		count := map[string]int{}
		for _, s := range state {
			count[s]++
		}
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d |\n", level, len(state), count["proved"], count["declined"], count["none"])
	}
	return b.String()
}

// order puts RFC 9293 first.
func order(rfc int) int {
	if rfc == 9293 {
		return 0
	}
	return 1
}

// compareLevels orders RFC 9293's numbers.
func compareLevels(a, b requirement) int {
	if a.rfc != 9293 || b.rfc != 9293 {
		return 0
	}
	rank := func(r requirement) (int, int) {
		level, number, _ := strings.Cut(r.level, "-")
		n, _ := strconv.Atoi(number)
		return slices.Index([]string{"MUST", "SHLD", "REC", "MAY", "SHOULD", "rule"}, level), n
	}
	la, na := rank(a)
	lb, nb := rank(b)
	return cmp.Or(cmp.Compare(la, lb), cmp.Compare(na, nb))
}

// compareSections compares "3.8.6" and "3.10" number by number.
func compareSections(a, b string) int {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	return slices.CompareFunc(x, y, func(p, q string) int {
		m, _ := strconv.Atoi(p)
		n, _ := strconv.Atoi(q)
		return cmp.Or(cmp.Compare(m, n), cmp.Compare(p, q))
	})
}
