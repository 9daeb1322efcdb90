package header

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"
)

// TestSourceRoute: the option's bytes as RFC 791, section 3.1, draws them.
func TestSourceRoute(t *testing.T) {
	route := []netip.Addr{addr("10.0.1.1"), addr("10.0.2.2")}
	for _, c := range []struct {
		route SourceRoute
		want  []byte
	}{
		{SourceRoute{Addrs: route}, []byte{131, 11, 4, 10, 0, 1, 1, 10, 0, 2, 2}},
		{SourceRoute{Addrs: route, Next: 1, Strict: true}, []byte{137, 11, 8, 10, 0, 1, 1, 10, 0, 2, 2}},
		{SourceRoute{Addrs: route, Next: 2}, []byte{131, 11, 12, 10, 0, 1, 1, 10, 0, 2, 2}},
	} {
		b := make([]byte, c.route.Len())
		if c.route.Put(b); !bytes.Equal(b, c.want) {
			t.Errorf("%+v is written as %v, must be %v", c.route, b, c.want)
		}
		if r, err := ParseSourceRoute(append(b, 1)); err != nil || r.Completed() != (c.route.Next == 2) || r.Next != c.route.Next {
			t.Errorf("%v is read as %+v, %v, must be %+v", b, r, err, c.route)
		}
	}
}

func TestSourceRouteMalformed(t *testing.T) {
	for _, c := range []struct {
		name string
		b    []byte
		want error
	}{
		{"another option", []byte{7, 7, 4, 0, 0, 0, 0}, ErrMalformed},
		{"half an address", []byte{131, 9, 4, 10, 0, 0, 1, 10, 0}, ErrMalformed},
		{"a pointer before the addresses", []byte{131, 7, 3, 10, 0, 0, 1}, ErrMalformed},
		{"a pointer into an address", []byte{131, 11, 6, 10, 0, 0, 1, 10, 0, 0, 2}, ErrMalformed},
		{"a length beyond the header", []byte{131, 11, 4, 10, 0, 0, 1}, ErrTruncated},
		{"no pointer", []byte{131, 3}, ErrTruncated},
	} {
		if _, err := ParseSourceRoute(c.b); !errors.Is(err, c.want) {
			t.Errorf("%s: the error is %v, must be %v", c.name, err, c.want)
		}
	}
}
