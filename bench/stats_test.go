package main

import (
	"slices"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, tt := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{7}, 7},
		{[]float64{9, 1, 5}, 5},
		{[]float64{9, 1, 5, 3, 100}, 5},
		{[]float64{8, 2, 4, 6}, 5},
	} {
		given := slices.Clone(tt.values)
		if got := median(tt.values); got != tt.want {
			t.Errorf("median(%v) = %v, should be %v", given, got, tt.want)
		}
		if !slices.Equal(tt.values, given) {
			t.Errorf("median changed its argument from %v to %v", given, tt.values)
		}
	}
}

func TestSummarize(t *testing.T) {
	if s := summarize(nil); s != nil {
		t.Errorf("no runs gave %+v, should be nil: nothing was measured", *s)
	}
	s := summarize([]Result{{30, 300}, {10, 100}, {20, 500}})
	if s.Median != 20 || s.Min != 10 || s.Max != 30 {
		t.Errorf("30, 10, 20 gave median %v, minimum %v, maximum %v", s.Median, s.Min, s.Max)
	}
	if s.PerCPUSecond == nil || *s.PerCPUSecond != 300 {
		t.Errorf("work per CPU-second is %v, should be 300, the median of its own runs", s.PerCPUSecond)
	}
	if s := summarize([]Result{{Value: 1}}); s.PerCPUSecond != nil {
		t.Errorf("a measure without work has %v per CPU-second, should have none", *s.PerCPUSecond)
	}
}

func TestRatio(t *testing.T) {
	two, eight := &Summary{Median: 2}, &Summary{Median: 8}
	if r := ratio(eight, two, false); r == nil || *r != 4 {
		t.Errorf("8 against 2 is %v, should be 4 times as good", r)
	}
	if r := ratio(two, eight, true); r == nil || *r != 4 {
		t.Errorf("2 bytes against 8 is %v, should be 4 times as good: less is better", r)
	}
	if ratio(nil, two, false) != nil || ratio(two, nil, false) != nil || ratio(two, &Summary{}, true) != nil {
		t.Error("a ratio was made up where one side has no value")
	}
}
