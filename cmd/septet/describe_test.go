package main

import (
	"os"
	"strings"
	"testing"

	"septet/lab/file"
)

// The table of hosts says to which VLAN each interface belongs: at an access port by the
// switch, at a trunk by its tag. A lab without VLANs has no such column.
func TestDescribeVLANs(t *testing.T) {
	described := func(name string) string {
		source, err := os.ReadFile("../../labs/" + name)
		if err != nil {
			t.Fatal(err)
		}
		about, err := file.Parse(name, source)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		describe(&b, about, true)
		return b.String()
	}
	rows := make(map[string]string) // by the first words, without runs of blanks
	for line := range strings.Lines(described("vlan.yaml")) {
		if words := strings.Fields(line); len(words) > 3 {
			rows[words[0]+" "+words[1]] = strings.Join(words[2:4], " ")
		}
	}
	for row, want := range map[string]string{
		"host interface": "VLAN address", "pc1 eth0": "10 10.0.10.11/24", "cam eth0": "20 10.0.20.11/24",
		"r1 (router)": "eth0.10 10", "eth0.20 20": "10.0.20.1/24 02:00:0a:00:0a:01",
	} {
		if rows[row] != want {
			t.Errorf("the row of %q goes on with %q, want %q", row, rows[row], want)
		}
	}
	if text := described("first.yaml"); strings.Contains(text, "VLAN") {
		t.Errorf("a lab without VLANs is described as\n%s", text)
	}
}
