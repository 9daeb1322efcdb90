package main

import "slices"

// A Summary is what the runs of one measure gave for one contestant.
type Summary struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	// PerCPUSecond is the median of the work for each second of CPU time, nil
	// where the measure counts no work.
	PerCPUSecond *float64 `json:"perCPUSecond"`
}

// summarize returns nil when there were no results.
func summarize(results []Result) *Summary {
	if len(results) == 0 {
		return nil
	}
	var values, perCPU []float64
	for _, r := range results {
		values = append(values, r.Value)
		if r.PerCPUSecond > 0 {
			perCPU = append(perCPU, r.PerCPUSecond)
		}
	}
	s := &Summary{Median: median(values), Min: slices.Min(values), Max: slices.Max(values)}
	if len(perCPU) > 0 {
		m := median(perCPU)
		s.PerCPUSecond = &m
	}
	return s
}

// median returns the middle value, the mean of the two in the middle where
// their number is even. There must be at least one.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// ratio says how many times as good ours is as the peer's, nil where one of
// them is missing.
func ratio(ours, peer *Summary, less bool) *float64 {
	if ours == nil || peer == nil || ours.Median <= 0 || peer.Median <= 0 {
		return nil
	}
	r := ours.Median / peer.Median
	if less {
		r = 1 / r
	}
	return &r
}
