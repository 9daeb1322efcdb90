package socket

// Sets in sets. What happens to a socket is told along every way from it through the
// sets up to those that wait, so there is a limit to how long and how many these are.
const (
	maxNested = 4   // sets above one that is in them, as on Linux
	maxWays   = 500 // from one set up through others
)

// takes reports whether the set inner may become a member: not if it has e in it, and
// not if too many would be in each other.
func (e *epoll) takes(inner *epoll) bool {
	above, _ := e.around()
	return !inner.contains(e) && above+1+inner.within() <= maxNested
}

// around returns how many sets are around e in the longest way up, and how many ways
// there are.
func (e *epoll) around() (longest, ways int) {
	e.watches.each(func(w watcher) {
		if m, ok := w.(*member); ok {
			above, more := m.set.around()
			longest, ways = max(longest, above+1), ways+more
		}
	})
	return longest, max(ways, 1)
}

// within returns how many sets are in each other within e.
func (e *epoll) within() (longest int) {
	e.eachSet(func(inner *epoll) { longest = max(longest, inner.within()+1) })
	return longest
}

// contains reports whether wanted is e or in it, however deep.
func (e *epoll) contains(wanted *epoll) bool {
	found := e == wanted
	e.eachSet(func(inner *epoll) { found = found || inner.contains(wanted) })
	return found
}

// mostWays returns how many ways there are from e or a set within it, the most of all.
func (e *epoll) mostWays() int {
	_, most := e.around()
	e.eachSet(func(inner *epoll) { most = max(most, inner.mostWays()) })
	return most
}

func (e *epoll) eachSet(f func(*epoll)) {
	for _, m := range e.members {
		if inner, ok := m.source.(*epoll); ok {
			f(inner)
		}
	}
}

func (ws *watches) each(f func(watcher)) {
	for w := ws.first; w != nil; w = w.next {
		f(w.watcher)
		if w.next == ws.first {
			return
		}
	}
}
