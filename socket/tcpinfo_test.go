package socket

import (
	"testing"
	"time"
	"unsafe"

	"septet/transport/tcp"
)

func TestLinuxTCPInfo(t *testing.T) {
	i := tcp.Info{
		State: tcp.LastAck, Phase: tcp.PhaseRecovery, Timestamps: true, SACK: true,
		SendScale: 7, ReceiveScale: 8, SendMSS: 1448, Cwnd: 14480, Ssthresh: 7240,
		Outstanding: 2, RTO: 200 * time.Millisecond, RTT: 1500 * time.Nanosecond, SinceSent: 5 * time.Second,
	}
	l := linuxTCPInfo(i)
	if l.State != 9 || l.CAState != 3 || l.Options != 3 || l.Scales != 0x87 {
		t.Errorf("LAST-ACK is 9, recovery 3, timestamps and SACK 1|2, the scales 7 and 8<<4: %+v", l)
	}
	if l.SndCwnd != 10 || l.SndSsthresh != 5 || l.Unacked != 2 {
		t.Errorf("windows count full segments: %+v", l)
	}
	if l.RTO != 200000 || l.RTT != 1 || l.LastDataSent != 5000 {
		t.Errorf("times are microseconds, those since something milliseconds: %+v", l)
	}
	if l := linuxTCPInfo(tcp.Info{State: tcp.Listen, Waiting: 2, Backlog: 5}); l.State != 10 || l.Unacked != 2 || l.Sacked != 5 {
		t.Errorf("a listener's queue and backlog stand in unacked and sacked: %+v", l)
	}
	if b := encodeTCPInfo(i); len(b) != int(unsafe.Sizeof(TCPInfo{})) || b[0] != 9 {
		t.Errorf("the encoding has %d bytes, the struct %d", len(b), unsafe.Sizeof(TCPInfo{}))
	}
	// As Linux 6.18 has it for a socket that was never connected.
	fresh := linuxTCPInfo(tcp.Info{State: tcp.Closed})
	if fresh.State != 7 || fresh.RTO != 1e6 || fresh.SndMSS != 536 || fresh.SndCwnd != 10 ||
		fresh.SndSsthresh != 0x7fffffff || fresh.MinRTT != 0xffffffff || fresh.Reordering != 3 || fresh.ATO != 0 {
		t.Errorf("a fresh socket: %+v", fresh)
	}
	if l := linuxTCPInfo(tcp.Info{SendMSS: 1, SlowStart: true}); l.SndSsthresh != 0x7fffffff {
		t.Errorf("without a loss the threshold is infinite, not %d", l.SndSsthresh)
	}
}
