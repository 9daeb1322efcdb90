package main

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func exampleRow() Row {
	return newRow(Measure{Name: "rtt", Unit: "round trips/s", Goals: []Goal{timesOf(15, "gvisor")}}, map[string][]Result{
		"septet": {{300_000, 150_000}, {100_000, 50_000}, {200_000, 100_000}},
		"gvisor": {{20_000, 10_000}},
	}, nil)
}

// The consumers of -json rely on these keys, and on null for a missing value.
func TestJSON(t *testing.T) {
	var b strings.Builder
	if err := writeJSON(&b, exampleRow()); err != nil {
		t.Fatal(err)
	}
	if strings.Count(b.String(), "\n") != 1 || !strings.HasSuffix(b.String(), "\n") {
		t.Errorf("the row is not one line: %q", b.String())
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(b.String()), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"measure": "rtt",
		"unit":    "round trips/s",
		"septet":  map[string]any{"median": 2e5, "min": 1e5, "max": 3e5, "perCPUSecond": 1e5},
		"gvisor":  map[string]any{"median": 2e4, "min": 2e4, "max": 2e4, "perCPUSecond": 1e4},
		"kernel":  nil,
		"goal":    "15 × gvisor",
		"reached": false,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the row is\n%v\nshould be\n%v", got, want)
	}
}

func TestTableRow(t *testing.T) {
	var b strings.Builder
	if err := writeTableRow(&b, exampleRow()); err != nil {
		t.Fatal(err)
	}
	want := "| rtt | round trips/s | **200,000** (100,000 … 300,000) | **20,000** (20,000 … 20,000) | – | 10.00 | – | 100,000 | 10,000 | – | 15 × gvisor | **no** |\n"
	if b.String() != want {
		t.Errorf("the line is\n%sshould be\n%s", b.String(), want)
	}
	for i, line := range strings.Split(strings.TrimSpace(tableHead), "\n") {
		if got := strings.Count(line, "|"); got != strings.Count(want, "|") {
			t.Errorf("line %d of the head has %d bars, the rows have %d", i+1, got, strings.Count(want, "|"))
		}
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 0.4: "0", 999.6: "1,000", 123456: "123,456", 1234567.2: "1,234,567", -1500: "-1,500",
	} {
		if got := number(v); got != want {
			t.Errorf("number(%v) = %q, should be %q", v, got, want)
		}
	}
}

func TestGoals(t *testing.T) {
	results := func(septet, kernel float64) map[string][]Result {
		r := map[string][]Result{"septet": {{Value: septet}}}
		if kernel > 0 {
			r["kernel"] = []Result{{Value: kernel}}
		}
		return r
	}
	yes, no := true, false
	first := newRow(Measure{Name: "first"}, results(100, 30), nil)
	for _, tt := range []struct {
		about          string
		measure        Measure
		septet, kernel float64
		want           *bool
	}{
		{"no goal", Measure{}, 1, 1, nil},
		{"at least 50", Measure{Goals: value(50)}, 50, 0, &yes},
		{"at least 50", Measure{Goals: value(50)}, 49, 0, &no},
		{"at most 50 bytes", Measure{Less: true, Goals: value(50)}, 51, 0, &no},
		{"at most 50 bytes", Measure{Less: true, Goals: value(50)}, 50, 0, &yes},
		{"twice the kernel", Measure{Goals: []Goal{timesOf(2, "kernel")}}, 20, 10, &yes},
		{"twice the kernel, in bytes", Measure{Less: true, Goals: []Goal{timesOf(2, "kernel")}}, 20, 10, &no},
		{"twice the kernel, absent", Measure{Goals: []Goal{timesOf(2, "kernel")}}, 20, 0, nil},
		{"both goals, one absent, the other missed", Measure{Goals: peers(2, 2)}, 10, 10, &no},
		{"0.7 of the first row", Measure{Goals: []Goal{timesOf(0.7, "septet").in("first")}}, 70, 0, &yes},
		{"0.7 of the first row", Measure{Goals: []Goal{timesOf(0.7, "septet").in("first")}}, 69, 0, &no},
		{"a row that was not measured", Measure{Goals: []Goal{timesOf(0.7, "septet").in("other")}}, 69, 0, nil},
	} {
		got := newRow(tt.measure, results(tt.septet, tt.kernel), []Row{first}).Reached
		if (got == nil) != (tt.want == nil) || (got != nil && *got != *tt.want) {
			t.Errorf("%s: %v against %v is %s, should be %s", tt.about, tt.septet, tt.kernel, yesOrNo(got), yesOrNo(tt.want))
		}
	}
}
