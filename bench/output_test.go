package main

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func exampleRow() Row {
	return newRow(Measure{Name: "rtt", Unit: "round trips/s"}, map[string][]Result{
		"septet": {{300_000, 150_000}, {100_000, 50_000}, {200_000, 100_000}},
		"gvisor": {{20_000, 10_000}},
	})
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
	want := "| rtt | round trips/s | **200,000** (100,000 … 300,000) | **20,000** (20,000 … 20,000) | – | 10.00 | – | 100,000 | 10,000 | – |\n"
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
