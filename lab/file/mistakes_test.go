package file

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Each file in testdata is wrong in the ways that its last lines name:
//
//	#want LINE:COLUMN: what is wrong; what was expected
//
// and in no other.
func TestMistakes(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files in testdata: %v", err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			src, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var ms Mistakes
			if _, err := Parse("f", src); !errors.As(err, &ms) {
				t.Fatalf("error is %v, want Mistakes", err)
			}
			want := wanted(string(src))
			for _, m := range ms {
				got, _, _ := strings.Cut(m.Error(), "\n")
				got = strings.TrimPrefix(got, "f:")
				if i := slices.Index(want, got); i >= 0 {
					want = slices.Delete(want, i, i+1)
				} else {
					t.Errorf("not expected, or at another place:\n%s", strings.TrimPrefix(m.Error(), "f:"))
				}
			}
			for _, w := range want {
				t.Errorf("not found:\n%s", w)
			}
			if !slices.IsSortedFunc(ms, func(a, b Mistake) int { return 1000*(a.Line-b.Line) + a.Column - b.Column }) {
				t.Error("the mistakes must be in the order of the file")
			}
		})
	}
}

func wanted(src string) []string {
	var want []string
	for line := range strings.Lines(src) {
		if w, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "#want "); ok {
			want = append(want, w)
		}
	}
	return want
}

func TestNearest(t *testing.T) {
	names := []string{"pc1", "pc2", "www", "router"}
	for got, want := range map[string]string{
		"pc9":     "", // pc1 and pc2 are as near
		"ww":      "www",
		"wwww":    "www",
		"[":       "",
		"WWW":     "www",
		"ruoter":  "router",
		"printer": "", // too far from everything
		"":        "",
	} {
		if near := nearest(got, names); near != want {
			t.Errorf("%q is taken for a slip of %q, want %q", got, near, want)
		}
	}
}

func TestOneOfIsBounded(t *testing.T) {
	var names []string
	for i := range 100 {
		names = append(names, fmt.Sprintf("host%03d", i))
	}
	text := oneOf("hosts here", "zzzzzz", names)
	if !strings.HasSuffix(text, "host011 and 88 more") || strings.Contains(text, "did you mean") {
		t.Errorf("100 names are listed as %q, want twelve and the number of the others", text)
	}
}
