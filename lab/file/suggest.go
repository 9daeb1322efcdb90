package file

import (
	"fmt"
	"slices"
	"strings"
)

// listed is how many names an error message lists.
const listed = 12

// oneOf says which names would have been right, the nearest first if one is
// near: `did you mean "pc1"? hosts here are pc1, pc2`. What is "hosts here".
func oneOf(what, got string, names []string) string {
	if len(names) == 0 {
		return "there are no " + what
	}
	all := slices.Clone(names)
	slices.Sort(all)
	var list string
	if len(all) > listed {
		list = fmt.Sprintf("%s and %d more", strings.Join(all[:listed], ", "), len(all)-listed)
	} else {
		list = strings.Join(all, ", ")
	}
	text := fmt.Sprintf("%s are %s", what, list)
	if near := nearest(got, all); near != "" {
		return fmt.Sprintf("did you mean %q? %s", near, text)
	}
	return text
}

// nearest returns the one name that got is most likely a slip of: a letter in
// three may be wrong. It returns "" if there is none, or if two are as near.
func nearest(got string, names []string) string {
	if len(got) > 63 {
		return ""
	}
	best, least := "", max(1, len(got)/3)+1
	for _, name := range names {
		switch d := distance(strings.ToLower(got), strings.ToLower(name)); {
		case d >= len(got): // nothing of it is right
		case d < least:
			best, least = name, d
		case d == least:
			best = ""
		}
	}
	return best
}

// distance counts the insertions, deletions, replacements and exchanges of
// neighbours that make b of a.
func distance(a, b string) int {
	older, old, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		older, old, row = old, row, older
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(old[j]+1, row[j-1]+1, old[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], older[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
