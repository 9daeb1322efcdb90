package socket

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math"
	"time"

	"septet/transport/tcp"
)

// TCPInfo is Linux's struct tcp_info, field by field, as <linux/tcp.h> has it.
// Times are in microseconds, but for the four that are since something, which
// are in milliseconds; what is counted in packets is in full segments.
type TCPInfo struct {
	State, CAState, Retransmits, Probes, Backoff, Options uint8

	Scales uint8 // of sending in the lower four bits, of receiving in the upper
	Flags  uint8 // delivery_rate_app_limited; fastopen_client_fail is always zero

	RTO, ATO, SndMSS, RcvMSS                 uint32
	Unacked, Sacked, Lost, Retrans, Fackets  uint32
	LastDataSent, LastAckSent                uint32
	LastDataRecv, LastAckRecv                uint32
	PMTU, RcvSsthresh, RTT, RTTVar           uint32
	SndSsthresh, SndCwnd, AdvMSS, Reordering uint32
	RcvRTT, RcvSpace, TotalRetrans           uint32
	PacingRate, MaxPacingRate                uint64
	BytesAcked, BytesReceived                uint64
	SegsOut, SegsIn, NotsentBytes, MinRTT    uint32
	DataSegsIn, DataSegsOut                  uint32
	DeliveryRate                             uint64
	BusyTime, RwndLimited, SndbufLimited     uint64
	Delivered, DeliveredCE                   uint32
	BytesSent, BytesRetrans                  uint64
	DsackDups, ReordSeen, RcvOOOPack, SndWnd uint32
	RcvWnd, Rehash                           uint32
	TotalRTO, TotalRTORecoveries             uint16
	TotalRTOTime                             uint32
}

// Linux's numbers of the states (net/tcp_states.h).
const (
	linuxSynSent     = 2
	linuxSynReceived = 3
	linuxListen      = 10
)

var linuxState = [...]uint8{
	tcp.Established: 1,
	tcp.SynSent:     linuxSynSent,
	tcp.SynReceived: linuxSynReceived,
	tcp.FinWait1:    4,
	tcp.FinWait2:    5,
	tcp.TimeWait:    6,
	tcp.Closed:      7,
	tcp.CloseWait:   8,
	tcp.LastAck:     9,
	tcp.Listen:      linuxListen,
	tcp.Closing:     11,
}

// Bits of TCPInfo.Options.
const (
	optionTimestamps = 1 << iota
	optionSACK
	optionScaling
	optionECN
)

// linuxPhase has Linux's numbers of the phases of recovery (enum tcp_ca_state).
var linuxPhase = map[string]uint8{
	tcp.PhaseOpen: 0, tcp.PhaseDisorder: 1, tcp.PhaseCWR: 2, tcp.PhaseRecovery: 3, tcp.PhaseLoss: 4,
}

// infoMSS is TCP_MSS_DEFAULT (RFC 9293, MUST-15).
const infoMSS = 536

// infiniteSsthresh is TCP_INFINITE_SSTHRESH: there has been no loss.
const infiniteSsthresh = math.MaxInt32

func encodeTCPInfo(i tcp.Info) []byte {
	var b bytes.Buffer
	_ = binary.Write(&b, binary.NativeEndian, linuxTCPInfo(i)) // a Buffer takes everything
	return b.Bytes()
}

// linuxReordering is how many segments Linux lets overtake another before it calls
// that lost. The stack goes by time instead (RFC 8985).
const linuxReordering = 3

// What Linux says where no rate was set, where no round trip was measured, and of
// the window in segments that a connection begins with.
const (
	noLimit       = math.MaxUint64
	noRTT         = math.MaxUint32
	initialWindow = 10
)

// linuxTCPInfo returns what Linux 6.18 would say. Fields that are not set stand for what
// the stack does not have or does not count: forward acknowledgements and the time
// of the last ACK sent (nor has Linux), round trips as the receiver sees them, time
// lost for want of a send buffer, what became of the timeouts.
func linuxTCPInfo(i tcp.Info) *TCPInfo {
	switch {
	case i.State == tcp.Listen:
		l := unconnectedInfo(linuxListen)
		l.Unacked, l.Sacked = uint32(i.Waiting), uint32(i.Backlog)
		return l
	case i.State == tcp.SynSent:
		i.SendMSS = cmp.Or(i.SendMSS, infoMSS)
		i.Cwnd, i.SlowStart = cmp.Or(i.Cwnd, initialWindow*i.SendMSS), true
	case i.SendMSS == 0:
		l := unconnectedInfo(linuxState[tcp.Closed])
		l.RTO, l.SndMSS, l.SndSsthresh, l.MinRTT, l.Flags = 1e6, infoMSS, infiniteSsthresh, noRTT, 1
		return l
	}
	mss := max(i.SendMSS, 1)
	return &TCPInfo{
		State: linuxState[i.State], CAState: linuxPhase[i.Phase],
		Retransmits: uint8(i.Retransmits), Probes: uint8(i.Probes), Backoff: uint8(i.Backoff),
		Options: infoBit(i.Timestamps, optionTimestamps) | infoBit(i.SACK, optionSACK) |
			infoBit(i.WindowScaling, optionScaling) | infoBit(i.ECN, optionECN),
		Scales: i.SendScale | i.ReceiveScale<<4, Flags: infoBit(i.AppLimited, 1),
		RTO: usec(i.RTO), ATO: ato(i), SndMSS: uint32(i.SendMSS), RcvMSS: uint32(max(i.PeerMSS, min(i.AdvMSS, infoMSS))),
		Unacked: uint32(i.Outstanding), Sacked: uint32(i.Sacked), Retrans: uint32(i.Resent),
		Lost:         uint32(i.Lost + i.Resent), // Linux's lost_out: also once they were sent again
		LastDataSent: msec(i.SinceSent), LastDataRecv: msec(i.SinceData), LastAckRecv: msec(i.SinceACK),
		PMTU: uint32(i.PathMTU), RcvSsthresh: uint32(i.RecvWindow),
		RTT: usec(i.RTT), RTTVar: usec(i.RTTVar), MinRTT: minRTT(i),
		SndSsthresh: ssthresh(i, mss), SndCwnd: uint32(i.Cwnd / mss),
		AdvMSS: uint32(i.AdvMSS), Reordering: linuxReordering,
		RcvSpace: uint32(cmp.Or(i.Space, initialWindow*i.AdvMSS)), TotalRetrans: i.Again,
		PacingRate: pacing(i.PacingRate), MaxPacingRate: noLimit,
		BytesAcked: i.BytesAcked, BytesReceived: i.BytesIn, BytesSent: i.BytesSent, BytesRetrans: i.BytesAgain,
		SegsOut: i.SegmentsOut, SegsIn: i.SegmentsIn, DataSegsIn: i.DataIn, DataSegsOut: i.DataOut,
		NotsentBytes: uint32(i.NotSent), SndWnd: uint32(i.SendWindow),
		DeliveryRate: uint64(i.DeliveryRate), Delivered: i.Delivered, DeliveredCE: i.DeliveredCE,
		BusyTime: uint64(usec(i.Busy)), RwndLimited: uint64(usec(i.WindowShut)),
		DsackDups: i.Duplicates, ReordSeen: i.Reordered, RcvOOOPack: i.OutOfOrder,
		RcvWnd: uint32(i.ToldWindow), TotalRTO: uint16(i.Timeouts), Rehash: i.Timeouts,
	}
}

// unconnectedInfo is what Linux says of a socket without a connection.
func unconnectedInfo(state uint8) *TCPInfo {
	return &TCPInfo{
		State: state, SndCwnd: initialWindow, Reordering: linuxReordering,
		PacingRate: noLimit, MaxPacingRate: noLimit,
	}
}

// ato is nothing until there was something to acknowledge.
func ato(i tcp.Info) uint32 {
	if i.DataIn == 0 {
		return 0
	}
	return usec(i.ATO)
}

func minRTT(i tcp.Info) uint32 {
	if i.MinRTT == 0 {
		return noRTT
	}
	return usec(i.MinRTT)
}

func ssthresh(i tcp.Info, mss int) uint32 {
	if i.SlowStart {
		return infiniteSsthresh
	}
	return uint32(i.Ssthresh / mss)
}

func pacing(rate int64) uint64 {
	if rate == 0 {
		return noLimit
	}
	return uint64(rate)
}

func infoBit(on bool, bit uint8) uint8 {
	if on {
		return bit
	}
	return 0
}

func usec(d time.Duration) uint32 { return uint32(d / time.Microsecond) }
func msec(d time.Duration) uint32 { return uint32(d / time.Millisecond) }
