package link

// list is a doubly linked list of T, through the links that are part of each.
type list[T any, P linked[T]] struct{ first, last *T }

// links is embedded in what stands in a list.
type links[T any] struct{ next, prev *T }

func (l *links[T]) chain() *links[T] { return l }

type linked[T any] interface {
	*T
	chain() *links[T]
}

func (l *list[T, P]) append(x *T) {
	*P(x).chain() = links[T]{prev: l.last}
	if l.last != nil {
		P(l.last).chain().next = x
	} else {
		l.first = x
	}
	l.last = x
}

func (l *list[T, P]) unlink(x *T) {
	at := P(x).chain()
	if at.prev != nil {
		P(at.prev).chain().next = at.next
	} else {
		l.first = at.next
	}
	if at.next != nil {
		P(at.next).chain().prev = at.prev
	} else {
		l.last = at.prev
	}
	*at = links[T]{}
}
