// Package septet_test holds what is true of the tree as a whole.
package septet_test

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// floors lists the packages from the ground up. A package may import only what
// stands before it, and of that only what its line names ("*" is everything).
var floors = []struct {
	pkg     string
	imports string
}{
	{"header", ""},
	{"event", ""},
	{"prefetch", ""},
	{"packet", "header prefetch"},
	{"physical", "packet event header prefetch"},
	{"physical/tapdevice", "physical packet event"},
	{"link", "physical packet event header"},
	{"network", "link physical packet event header"},
	{"transport/udp", "network packet event header"},
	{"transport/tcp", "network packet event header"},
	{"socket", "transport/tcp transport/udp network packet event header"},
	{"socket/machine", "socket"},
	{"socket/name", "socket network"},
	{"host", "socket/name socket transport/tcp transport/udp network link physical packet event header"},
	{"inspect", "header"},
	{"inspect/check", "inspect header"},
	{"inspect/check/checktest", "inspect/check inspect physical packet event"},
	{"application/echo", ""},
	{"application/web", ""},
	{"lab/file", "header"},
	{"lab", "*"},
	{"conformance/packetdrill/engine", "socket transport/tcp transport/udp network link packet event header"},
	{"conformance/kernel", ""},  // tests alone
	{"socket/differential", ""}, // tests alone
	{"conformance/packetdrill", "conformance/packetdrill/engine"},
	{"examples/sockets", "socket"},
	{"examples/echo", "*"},
	{"cmd/septet", "*"},
}

type listed struct {
	ImportPath string
	Dir        string
	Imports    []string
	GoFiles    []string
}

// list asks the go command for the packages of this module.
func list(t *testing.T) map[string]listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Dir,Imports,GoFiles", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	packages := make(map[string]listed)
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages[strings.TrimPrefix(p.ImportPath, "septet/")] = p
	}
}

func TestImportsPointDown(t *testing.T) {
	packages := list(t)
	delete(packages, "septet") // this test
	var below []string
	for _, f := range floors {
		p, ok := packages[f.pkg]
		if !ok {
			t.Errorf("%s is on the list of floors, but there is no such package", f.pkg)
			continue
		}
		delete(packages, f.pkg)
		allowed := strings.Fields(f.imports)
		if f.imports == "*" {
			allowed = below
		}
		for _, i := range p.Imports {
			own, isOwn := strings.CutPrefix(i, "septet/")
			if isOwn && !slices.Contains(allowed, own) {
				t.Errorf("%s imports %s: it may import only %v", f.pkg, own, allowed)
			}
			if !isOwn && strings.Contains(i, ".") && !strings.HasPrefix(f.pkg, "cmd/") && !outside[f.pkg+" "+i] {
				t.Errorf("%s imports %s: the layers stand on the standard library alone", f.pkg, i)
			}
		}
		below = append(below, f.pkg)
	}
	for name := range packages {
		t.Errorf("%s is not on the list of floors: say what it may import", name)
	}
}

// outside are the imports of other modules that are meant.
var outside = map[string]bool{
	"inspect github.com/gopacket/gopacket":        true,
	"inspect github.com/gopacket/gopacket/layers": true,
	"inspect github.com/gopacket/gopacket/pcapgo": true,
	"socket/name golang.org/x/net/dns/dnsmessage": true,
	"physical/tapdevice golang.org/x/sys/unix":    true,
	"socket/machine golang.org/x/sys/unix":        true,
	"lab/file github.com/goccy/go-yaml":           true,
	"lab/file github.com/goccy/go-yaml/ast":       true,
	"lab/file github.com/goccy/go-yaml/lexer":     true,
	"lab/file github.com/goccy/go-yaml/parser":    true,
	"lab/file github.com/goccy/go-yaml/token":     true,
}

// pure are the packages below the sockets: the protocol layers. There time is
// what the loop says, and only one thing happens at a time.
var pure = []string{"header", "packet", "physical", "link", "network", "transport/udp", "transport/tcp"}

// clocks are what reads, or waits for, the machine's clock.
var clocks = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick"}

func TestNothingBelowSocketBlocksOrReadsAClock(t *testing.T) {
	packages := list(t)
	for _, name := range pure {
		p := packages[name]
		for _, file := range p.GoFiles {
			checkPure(t, filepath.Join(p.Dir, file))
		}
	}
}

func checkPure(t *testing.T, file string) {
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	complain := func(n ast.Node, what string) { t.Errorf("%v: %s", set.Position(n.Pos()), what) }
	for _, i := range f.Imports {
		switch path := strings.Trim(i.Path.Value, `"`); path {
		case "sync", "sync/atomic", "os", "context", "runtime", "math/rand", "crypto/rand":
			complain(i, "imports "+path+": the layers have no locks, no system and no randomness but the loop's")
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			complain(n, "starts a goroutine")
		case *ast.ChanType, *ast.SelectStmt, *ast.SendStmt:
			complain(n, "uses a channel")
		case *ast.UnaryExpr:
			if n.Op == token.ARROW {
				complain(n, "receives from a channel")
			}
		case *ast.SelectorExpr:
			x, ok := n.X.(*ast.Ident)
			if ok && x.Name == "time" && slices.Contains(clocks, n.Sel.Name) {
				complain(n, "calls time."+n.Sel.Name)
			}
			if ok && x.Name == "rand" && strings.HasPrefix(n.Sel.Name, "Int") {
				complain(n, "draws from the global source of randomness")
			}
			// The loop's blocking calls belong to the sockets.
			if n.Sel.Name == "Wait" || n.Sel.Name == "Sleep" || n.Sel.Name == "Lock" {
				complain(n, "calls "+n.Sel.Name+": only sockets and what is above them block or take the turn")
			}
		}
		return true
	})
}
