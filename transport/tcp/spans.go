package tcp

import "septet/header"

// span is a range of sequence numbers: from left up to but not including right.
type span struct{ left, right header.Seq }

// spans is a set of sequence numbers as ascending ranges that neither touch nor
// overlap.
type spans []span

// after returns the index of the first range that ends at or after seq.
func (s spans) after(seq header.Seq) int {
	i, end := 0, len(s)
	for i < end {
		mid := (i + end) / 2
		if s[mid].right.Before(seq) {
			i = mid + 1
		} else {
			end = mid
		}
	}
	return i
}

// add merges x into the set, which may have up to limit ranges. It returns the
// range that x has become part of, and false if there was no room.
func (s *spans) add(x span, limit int) (merged span, ok bool) {
	all := *s
	i := all.after(x.left)
	j := i // first range that begins after x ends
	for j < len(all) && all[j].left.AtMost(x.right) {
		if all[j].left.Before(x.left) {
			x.left = all[j].left
		}
		if all[j].right.After(x.right) {
			x.right = all[j].right
		}
		j++
	}
	switch {
	case i < j:
		all[i] = x
		all = append(all[:i+1], all[j:]...)
	case len(all) >= limit:
		return x, false
	default:
		all = append(all, span{})
		copy(all[i+1:], all[i:])
		all[i] = x
	}
	*s = all
	return x, true
}

// covering returns the range that has seq in it.
func (s spans) covering(seq header.Seq) (span, bool) {
	i := s.after(seq + 1)
	if i < len(s) && s[i].left.AtMost(seq) {
		return s[i], true
	}
	return span{}, false
}

// common returns the first part of x that is in the set.
func (s spans) common(x span) (span, bool) {
	i := s.after(x.left + 1)
	if i == len(s) || s[i].left.AtLeast(x.right) {
		return span{}, false
	}
	if s[i].left.After(x.left) {
		x.left = s[i].left
	}
	if s[i].right.Before(x.right) {
		x.right = s[i].right
	}
	return x, true
}

// covers reports whether all of x is in the set.
func (s spans) covers(x span) bool {
	r, ok := s.covering(x.left)
	return ok && r.right.AtLeast(x.right)
}

// dropBefore takes everything before seq out of the set.
func (s *spans) dropBefore(seq header.Seq) {
	all := *s
	i := all.after(seq + 1)
	all = append(all[:0], all[i:]...)
	if len(all) > 0 && all[0].left.Before(seq) {
		all[0].left = seq
	}
	*s = all
}
