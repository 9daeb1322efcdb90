package tcp

import (
	"flag"
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Which test proves which requirement stands with the test, in a line of this form
// at the beginning of a script or inside a test function:
//
//	//rfc:9293 MUST-13
//	#rfc:6298 5.3 SHOULD an ACK of new data restarts the timer
//
// that is, the document (see documents), and then either one of RFC 9293's own
// numbers, or a section, a level (MUST, SHOULD, MAY, or "rule" for what is said
// without such a word) and a few words. What follows "declined:" says that, and why,
// Septet does not do this; the test then shows what it does instead. REQUIREMENTS.md
// is made from these lines by
//
//	go test ./transport/tcp -run TestRequirements -update

//go:generate go test -run TestRequirements -update

var update = flag.Bool("update", false, "write REQUIREMENTS.md")

// requirement is what one test proves.
type requirement struct {
	document        string
	section, level  string // level may be a number of RFC 9293
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
	{"network.TestSourceRouteSent", "9293 MUST-51"},
	{"network.TestSourceRouteSent", "1122 3.2.1.8 MUST a host can originate a source route"},
	{"network.TestSourceRouteBack", "1122 3.2.1.8 MUST a completed source route is passed up, and turned round correctly"},
	{"network.TestEchoReplyBySourceRoute", "1122 3.2.2.6 MUST an echo reply goes by the source route of its request"},
	{"network.TestEchoReplyRecorded", "1122 3.2.2.6 SHOULD an echo reply has the recorded route and times of its request"},
	{"network.TestErrorInput", "9293 MUST-54"},
	{"network.TestErrorsForbidden", "1122 3.2.2 MUST no ICMP error about an ICMP error, a broadcast or a fragment but the first"},
	{"network.TestPath", "9293 MUST-44"},
	{"network.TestPath", "1122 3.3.4.3 rule a source address fits the interface that it leaves by"},
}

// TestRequirements holds REQUIREMENTS.md to the tests, and the tests to the RFCs:
// every MUST of RFC 9293 has a test, its SHOULDs a test or a reason, and every
// document that Septet follows is there.
func TestRequirements(t *testing.T) {
	all := slices.Concat(scriptRequirements(t), testRequirements(t), elsewhereRequirements(t))
	all = append(all, unproved(t, all)...)
	for _, d := range documents {
		found := slices.ContainsFunc(all, func(r requirement) bool { return r.document == d.name })
		switch {
		case d.later != "" && found:
			t.Errorf("%s is said to come later (%s), but there are tests of it", d, d.later)
		case d.later == "" && !found:
			t.Errorf("%s: no test proves anything of it", d)
		}
	}
	checkFile(t, "REQUIREMENTS.md", markdown(all))
}

// unproved returns what RFC 9293 numbers and no test proves. That may be no MUST, and
// a SHOULD or MAY only for a reason.
func unproved(t *testing.T, all []requirement) (missing []requirement) {
	proved := map[string]bool{}
	for _, r := range all {
		if r.document == "9293" {
			proved[r.level] = true
		}
	}
	reasons := maps.Clone(declined)
	for _, n := range numbered {
		reason, given := reasons[n.id]
		delete(reasons, n.id)
		switch {
		case proved[n.id] && given:
			t.Errorf("RFC 9293, %s: there is a test of it, and a reason why there is none", n.id)
		case proved[n.id]:
			continue
		case strings.HasPrefix(n.id, "MUST-") || !given:
			t.Errorf("RFC 9293, %s (%s): no test proves that %s", n.id, n.section, n.words)
		}
		missing = append(missing, requirement{document: "9293", section: n.section, level: n.id, words: n.words, declined: reason})
	}
	for id := range reasons {
		t.Errorf("RFC 9293 has no number %s, but there is a reason why it is declined", id)
	}
	return missing
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

var (
	numberedLevel = regexp.MustCompile(`^(MUST|SHLD|MAY|REC)-\d+$`)
	levels        = []string{"MUST", "SHOULD", "MAY", "rule"}
	sectionNumber = regexp.MustCompile(`^\d+(\.\d+)*$`)
)

// parseRequirement reads what follows "rfc:".
func parseRequirement(t *testing.T, test, line string) requirement {
	t.Helper()
	bad := func(must string) requirement {
		t.Errorf("%s: %q: %s", test, line, must)
		return requirement{}
	}
	r := requirement{test: test}
	text, declined, isDeclined := strings.Cut(strings.TrimSpace(line), " declined: ")
	r.declined = declined
	if isDeclined && declined == "" {
		return bad("it must be said why")
	}
	var rest string
	r.document, rest, _ = strings.Cut(text, " ")
	if !known(r.document) {
		return bad("must begin with a document of the list")
	}
	first, rest, _ := strings.Cut(rest, " ")
	if !numberedLevel.MatchString(first) {
		r.section = first
		r.level, r.words, _ = strings.Cut(rest, " ")
		if !slices.Contains(levels, r.level) || r.words == "" || !sectionNumber.MatchString(r.section) {
			return bad("must be a document, a section, a level and words, or a document and a number")
		}
		return r
	}
	if rest != "" {
		return bad("a number has its words already")
	}
	r.level = first
	for _, n := range numbered {
		if r.document == "9293" && n.id == first {
			r.section, r.words = n.section, n.words
			return r
		}
	}
	return bad("there is no such number")
}

// scriptRequirements reads those of the scripts that TestScripts plays, which are all
// in testdata.
func scriptRequirements(t *testing.T) (all []requirement) {
	if f := testFunctions(t, ".")["TestScripts"]; f == nil || skips(f) {
		t.Error("TestScripts is not there or may be skipped: no script proves anything")
	}
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
	for _, file := range testFiles(t, ".") {
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
				if f == nil || !isTest(f) || skips(f) {
					t.Errorf("%v: %s belongs to no test, or to one that may be skipped", fset.Position(c.Pos()), c.Text)
					continue
				}
				all = append(all, parseRequirement(t, f.Name.Name, rest))
			}
		}
	}
	return all
}

func elsewhereRequirements(t *testing.T) (all []requirement) {
	dirs := map[string]string{"header": "../../header", "network": "../../network"}
	for _, e := range elsewhere {
		pkg, name, _ := strings.Cut(e.test, ".")
		if f := testFunctions(t, dirs[pkg])[name]; f == nil || skips(f) {
			t.Errorf("%s does not exist or may be skipped", e.test)
		}
		all = append(all, parseRequirement(t, e.test, e.line))
	}
	return all
}

// testFiles are the files of a package's tests that are part of the build here.
func testFiles(t *testing.T, dir string) (files []string) {
	all, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil || len(all) == 0 {
		t.Fatalf("no tests in %s: %v", dir, err)
	}
	for _, file := range all {
		if in, err := build.Default.MatchFile(filepath.Split(file)); err != nil {
			t.Fatal(err)
		} else if in {
			files = append(files, file)
		}
	}
	return files
}

// testFunctions returns the test functions of a package.
func testFunctions(t *testing.T, dir string) map[string]*ast.FuncDecl {
	all := map[string]*ast.FuncDecl{}
	for _, file := range testFiles(t, dir) {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && isTest(f) {
				all[f.Name.Name] = f
			}
		}
	}
	return all
}

func isTest(f *ast.FuncDecl) bool {
	return f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test")
}

func functionAround(file *ast.File, at token.Pos) *ast.FuncDecl {
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Pos() <= at && at <= f.End() {
			return f
		}
	}
	return nil
}

// skips reports whether a test, or a part of it, may be left out of a plain "go
// test": by Skip, or by a bare return. With -short it may be: one that says "if
// testing.Short()".
func skips(f *ast.FuncDecl) (found bool) {
	for _, s := range f.Body.List {
		leaves := s
		if branch, ok := s.(*ast.IfStmt); ok && !isShort(branch) && len(branch.Body.List) == 1 {
			leaves = branch.Body.List[0]
		}
		if _, ok := leaves.(*ast.ReturnStmt); ok {
			return true
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.IfStmt:
			return !isShort(n)
		case *ast.SelectorExpr:
			found = found || named(n, "Skip", "Skipf", "SkipNow")
		}
		return true
	})
	return found
}

func isShort(s *ast.IfStmt) bool {
	call, ok := s.Cond.(*ast.CallExpr)
	return ok && named(call.Fun, "Short")
}

func named(e ast.Expr, names ...string) bool {
	s, ok := e.(*ast.SelectorExpr)
	return ok && slices.Contains(names, s.Sel.Name)
}

func (d document) String() string {
	if d.name == draftBBR {
		return "the draft of BBR"
	}
	return fmt.Sprintf("RFC %s (%s)", d.name, d.title)
}
