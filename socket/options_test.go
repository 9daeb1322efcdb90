package socket_test

import (
	"math"
	"testing"

	"septet/physical"
	. "septet/socket"
)

// The value of an option is an int of C, on the machine as in a lab.
func TestOptionsAreIntsOfC(t *testing.T) {
	w := virtualWorld(t, 1, physical.Impairment{})
	s := must[*Socket](t)(w.alice.Socket(AF_INET, SOCK_STREAM, 0))
	for _, name := range []int{TCP_LINGER2, TCP_USER_TIMEOUT, TCP_NODELAY, TCP_DEFER_ACCEPT} {
		for _, v := range []int64{math.MaxInt64, math.MinInt64, 1 << 32, 1<<32 + 5} {
			err := s.SetSockOpt(SOL_TCP, name, int(v))
			got, _ := s.GetSockOpt(SOL_TCP, name)
			wantErr := s.SetSockOpt(SOL_TCP, name, int(int32(v)))
			want, _ := s.GetSockOpt(SOL_TCP, name)
			if err != wantErr || got != want {
				t.Errorf("option %d set to %d is %d, %v; want what %d is: %d, %v", name, v, got, err, int32(v), want, wantErr)
			}
		}
	}
}
