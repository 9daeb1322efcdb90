package main

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestChoose(t *testing.T) {
	all, err := choose("")
	if err != nil || len(all) != len(measures) {
		t.Errorf("no name chose %d measures (%v), should be all %d", len(all), err, len(measures))
	}
	one, err := choose("rtt")
	if err != nil || len(one) != 1 || one[0].Name != "rtt" {
		t.Errorf("rtt chose %v (%v)", one, err)
	}
	if _, err := choose("rt"); err == nil || !strings.Contains(err.Error(), `"rt"`) {
		t.Errorf("an unknown name gave %v, should be an error with the name", err)
	}
}

// Runs are interleaved and each round begins with another contestant; who
// fails is out, and who does not take part is no failure.
func TestMeasureAll(t *testing.T) {
	var order []string
	broken := errors.New("broken")
	m := Measure{Name: "test", Run: func(c Contestant) (Result, error) {
		order = append(order, c.Name)
		switch c.Name {
		case "absent":
			return Result{}, errNotOffered
		case "failing":
			if len(order) > 4 {
				return Result{}, broken
			}
		}
		return Result{Value: float64(len(order))}, nil
	}}
	all := []Contestant{{Name: "sound"}, {Name: "failing"}, {Name: "absent"}}
	results, failures := measureAll(m, all, 3, func(string, string, int, int) {})

	want := []string{"sound", "failing", "absent", "failing", "sound", "sound", "failing"}
	if !slices.Equal(order, want) {
		t.Errorf("the runs were %v, should be %v", order, want)
	}
	if len(results["sound"]) != 3 {
		t.Errorf("the sound one has %d results, should have all 3", len(results["sound"]))
	}
	if len(results["failing"]) != 0 || len(results["absent"]) != 0 {
		t.Errorf("results of those that failed or were absent: %v", results)
	}
	if len(failures) != 1 || !errors.Is(failures[0], broken) || !strings.Contains(failures[0].Error(), "failing") {
		t.Errorf("the failures are %v, should be one, with who failed and why", failures)
	}
}

func TestLimited(t *testing.T) {
	r, err := limited(time.Hour, func() (Result, error) { return Result{Value: 3}, nil })
	if r.Value != 3 || err != nil {
		t.Errorf("a run within the limit gave %v, %v", r, err)
	}
	hang := make(chan struct{})
	defer close(hang)
	if _, err := limited(time.Millisecond, func() (Result, error) { <-hang; return Result{}, nil }); err == nil {
		t.Error("a run that hangs gave no error")
	}
}
