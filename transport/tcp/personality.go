package tcp

import "time"

// Personality holds the constants on which TCP implementations differ.
type Personality struct {
	Name string

	InitialRTO    time.Duration // before the first measurement (RFC 6298, 2.1)
	MinRTO        time.Duration // RFC 6298, 2.4
	MaxRTO        time.Duration // RFC 6298, 2.5
	ClockGranule  time.Duration // G of RFC 6298
	VarianceFloor time.Duration // least share of the variance in the RTO: Linux has its minimum here
	SynRetries    int           // SYNs sent again before an open fails
	SynLinear     int           // as many more, first, without backing off
	SynAckRetries int           // the same for the passive side
	DataRetries   int           // R2 of RFC 9293, 3.8.3, as a count

	Congestion    string        // the control of connections that name none, see Controls
	InitialWindow int           // in segments (RFC 6928)
	CountSegments bool          // the congestion window counts segments, however short
	DelayedACK    time.Duration // at most 500 ms (RFC 9293, MUST-40)
	AdaptiveACKs  bool          // it is the least of a delay that follows the traffic, see delack.go
	QuickACKs     int           // ACKs sent at once while a connection is young
	Minshall      bool          // Nagle's algorithm waits for small segments only
	EmptyProbes   bool          // window probes have an old sequence number and no byte
	SlowStart     int8          // the limit L of RFC 3465 in segments; negative: none
	TailGuard     time.Duration // added to the tail loss probe's time, instead of a least one
	Bursts        bool          // several segments are handed down at once, see tso.go
	WindowScale   uint8         // shift offered
	Timestamps    bool          // offered and accepted
	SACK          bool          // offered and accepted
	ECN           bool          // asked for; a peer that asks is always answered
	DefaultMSS    int           // when the peer names none (RFC 9293, MUST-15)

	ImpatientOpen bool          // an open fails at the first soft ICMP error (RFC 5461, section 4.1)
	TimeWait      time.Duration // 2 MSL
	FinWait2      time.Duration // how long a closed socket waits for the peer's FIN; 0 for ever
	KeepIdle      time.Duration // RFC 9293, MUST-28: at least two hours
	KeepInterval  time.Duration
	KeepCount     int
	SendBuffer    int // bytes
	ReceiveBuffer int // bytes

	// How far buffers grow that the user has not fixed; zero: not at all.
	MaxSendBuffer    int
	MaxReceiveBuffer int
	ChallengeACKs    int // per ChallengeTime and connection (RFC 5961, section 7)
	ChallengeTime    time.Duration
	PlainResets      bool // text after the user has closed is refused as for no connection
	WholeSegments    bool // a SYN offers a window of whole segments
	LaxTimestamps    bool // a segment without the timestamps that were agreed on is taken

	HalfOpen    int  // connections of one listener in SYN-RECEIVED
	SynCookies  bool // when there are more
	MaxTimeWait int  // connections in TIME-WAIT; those beyond end at once
	// ReuseTimeWait lets an active open take the place of a connection in TIME-WAIT (RFC
	// 6191). Without it that is done on loopback addresses alone (Linux: tcp_tw_reuse=2).
	ReuseTimeWait bool
	ProbePathMTU  bool // find black holes, and search without ICMP (RFC 4821)
}

// LinuxPersonality has the constants of a Linux 6 host. It is the default.
var LinuxPersonality = Personality{
	Name:             "linux",
	InitialRTO:       time.Second,
	MinRTO:           200 * time.Millisecond,
	MaxRTO:           120 * time.Second,
	ClockGranule:     time.Millisecond,
	VarianceFloor:    200 * time.Millisecond,
	SynRetries:       6,
	SynAckRetries:    5,
	DataRetries:      15,
	Congestion:       "cubic",
	InitialWindow:    10,
	SlowStart:        2,
	DelayedACK:       40 * time.Millisecond,
	QuickACKs:        16,
	WindowScale:      7,
	Timestamps:       true,
	SACK:             true,
	DefaultMSS:       536,
	ImpatientOpen:    true,
	TimeWait:         60 * time.Second,
	FinWait2:         60 * time.Second,
	KeepIdle:         2 * time.Hour,
	KeepInterval:     75 * time.Second,
	KeepCount:        9,
	SendBuffer:       64 << 10,
	ReceiveBuffer:    64 << 10,
	MaxSendBuffer:    32 << 20, // Linux has 4 MiB, too little for long fat links
	MaxReceiveBuffer: 32 << 20,
	ChallengeACKs:    10,
	ChallengeTime:    time.Second,
	HalfOpen:         1024,
	SynCookies:       true,
	MaxTimeWait:      65536,
}

// LinuxExact returns LinuxPersonality with Linux's habits also where the default
// keeps to the RFCs or to what serves a lab better. What it does was compared,
// packet by packet, with a Linux 6.18 kernel.
func LinuxExact() Personality {
	p := LinuxPersonality
	p.Bursts, p.Minshall, p.EmptyProbes, p.AdaptiveACKs = true, true, true, true
	p.CountSegments, p.SlowStart, p.TailGuard = true, -1, 2*time.Millisecond
	p.ChallengeACKs, p.ChallengeTime = 1, 500*time.Millisecond // tcp_invalid_ratelimit
	p.PlainResets, p.LaxTimestamps, p.SynLinear = true, true, 4
	p.WholeSegments, p.ReceiveBuffer, p.MaxReceiveBuffer = true, 64<<10, 3<<20 // half of tcp_rmem
	return p
}

// RFCPersonality has the values that the standards recommend where they name
// one: RFC 6298's minimum of one second, MSL of two minutes, no quick ACKs.
var RFCPersonality = Personality{
	Name:             "rfc",
	InitialRTO:       time.Second,
	MinRTO:           time.Second,
	MaxRTO:           60 * time.Second,
	ClockGranule:     time.Millisecond,
	SynRetries:       8, // at least three minutes: RFC 9293, MUST-23
	SynAckRetries:    8,
	DataRetries:      15,
	Congestion:       "cubic",
	InitialWindow:    10,
	DelayedACK:       200 * time.Millisecond,
	SlowStart:        2,
	WindowScale:      7,
	Timestamps:       true,
	SACK:             true,
	DefaultMSS:       536,
	TimeWait:         4 * time.Minute,
	KeepIdle:         2 * time.Hour,
	KeepInterval:     75 * time.Second,
	KeepCount:        9,
	SendBuffer:       64 << 10,
	ReceiveBuffer:    64 << 10,
	MaxSendBuffer:    32 << 20,
	MaxReceiveBuffer: 32 << 20,
	ChallengeACKs:    10,
	ChallengeTime:    time.Second,
	HalfOpen:         1024,
	SynCookies:       true,
	MaxTimeWait:      65536,
	ReuseTimeWait:    true,
	ProbePathMTU:     true,
}
