package septet_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// withTCP are the folders in whose tests TCP may cross a wire.
var withTCP = []string{"transport/tcp", "socket", "host", "lab", "application", "cmd", "conformance"}

// makesWire are the ways to a wire at which nobody looks.
var makesWire = []string{"physical.NewWire(", "newPairUnjudged(", "newWorldUnjudged(", "newBenchUnjudged("}

// TestEveryWireIsJudged: a test function that makes a wire has the judge of
// inspect/check look at it, or is a benchmark, or says in a comment why not:
// "Unjudged: ..." at the wire or the function, or what it counts.
func TestEveryWireIsJudged(t *testing.T) {
	seen := 0
	for _, dir := range withTCP {
		err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			if err == nil && strings.HasSuffix(path, "_test.go") {
				seen += unjudgedIn(t, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen < 10 {
		t.Errorf("only %d functions that make a wire were found: this test looks for the wrong names", seen)
	}
}

func unjudgedIn(t *testing.T, path string) (seen int) {
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	files := token.NewFileSet()
	f, err := parser.ParseFile(files, path, source, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || strings.HasPrefix(fn.Name.Name, "Benchmark") {
			continue
		}
		begin := fn.Pos()
		if fn.Doc != nil {
			begin = fn.Doc.Pos()
		}
		text := string(source[files.Position(begin).Offset:files.Position(fn.End()).Offset])
		body := string(source[files.Position(fn.Body.Pos()).Offset:files.Position(fn.End()).Offset])
		if !containsAny(body, makesWire) {
			continue
		}
		seen++
		if !strings.Contains(body, "checktest.") && !strings.Contains(text, "Unjudged:") {
			t.Errorf("%s: %s makes a wire that is not judged: use checktest, or say \"Unjudged:\" and why",
				files.Position(fn.Pos()), fn.Name.Name)
		}
	}
	return seen
}

func containsAny(text string, any []string) bool {
	for _, a := range any {
		if strings.Contains(text, a) {
			return true
		}
	}
	return false
}
