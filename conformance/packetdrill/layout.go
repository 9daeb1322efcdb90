//go:build linux && cgo

package main

// #include <linux/tcp.h>
import "C"

import (
	"unsafe"

	"septet/conformance/packetdrill/engine"
)

// The compiler holds engine.TCPInfo to the struct of the kernel's header: every
// difference of two offsets below is an index into an array of one. Later headers
// append fields; getsockopt then fills in the part that Septet knows.
var (
	own engine.TCPInfo
	one [1]struct{}

	_ = one[unsafe.Offsetof(own.RTO)-unsafe.Offsetof(C.struct_tcp_info{}.tcpi_rto)]
	_ = one[unsafe.Offsetof(own.Unacked)-unsafe.Offsetof(C.struct_tcp_info{}.tcpi_unacked)]
	_ = one[unsafe.Offsetof(own.LastAckRecv)-unsafe.Offsetof(C.struct_tcp_info{}.tcpi_last_ack_recv)]
	_ = one[unsafe.Offsetof(own.SndCwnd)-unsafe.Offsetof(C.struct_tcp_info{}.tcpi_snd_cwnd)]
	_ = one[unsafe.Offsetof(own.TotalRetrans)-unsafe.Offsetof(C.struct_tcp_info{}.tcpi_total_retrans)]
	_ = one[unsafe.Offsetof(own.BytesReceived)-unsafe.Offsetof(C.struct_tcp_info{}.tcpi_bytes_received)]
	_ = one[unsafe.Offsetof(own.MinRTT)-unsafe.Offsetof(C.struct_tcp_info{}.tcpi_min_rtt)]
	_ = one[unsafe.Offsetof(own.SndbufLimited)-unsafe.Offsetof(C.struct_tcp_info{}.tcpi_sndbuf_limited)]
	_ = one[unsafe.Offsetof(own.Delivered)-unsafe.Offsetof(C.struct_tcp_info{}.tcpi_delivered)]
	_ = one[unsafe.Offsetof(own.SndWnd)-unsafe.Offsetof(C.struct_tcp_info{}.tcpi_snd_wnd)]
)
