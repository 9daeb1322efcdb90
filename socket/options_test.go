package socket_test

import (
	"math"
	"net/netip"
	"syscall"
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

// A descriptor that is closed is said first, whatever else is wrong with a call.
func TestClosedComesFirst(t *testing.T) {
	w := virtualWorld(t, 1, physical.Impairment{})
	s := must[*Socket](t)(w.alice.Socket(AF_INET, SOCK_DGRAM, 0))
	check(t, "close", s.Close())
	other := netip.MustParseAddrPort("[::1]:9")
	many := &Message{Buffers: make([][]byte, 1025)}
	_, sendto := s.SendTo(nil, 0, other)
	_, sendmsg := s.SendMsg(many, 0)
	_, recvmsg := s.RecvMsg(many, 0)
	for call, err := range map[string]error{
		"connect to another family": s.Connect(other),
		"sendto another family":     sendto,
		"sendmsg of 1025 buffers":   sendmsg,
		"recvmsg into 1025 buffers": recvmsg,
	} {
		if err != syscall.EBADF {
			t.Errorf("%s: %v, Linux says EBADF", call, err)
		}
	}
}
