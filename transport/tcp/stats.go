package tcp

// Stats counts what happened to the segments and connections of one host.
type Stats struct {
	SegmentsIn, SegmentsOut uint64
	Malformed               uint64 // header that does not parse
	BadChecksum             uint64
	NotUnicast              uint64 // sent to a broadcast or multicast address
	NoConnection            uint64 // for nobody: answered with a reset
	ResetsSent              uint64

	ActiveOpens, PassiveOpens uint64
	ListenOverflow            uint64 // SYNs dropped: too many half-open connections
	AcceptOverflow            uint64 // handshakes held up: accept's queue is full
	Deferred                  uint64 // handshakes held up until data comes
	SynCookiesSent            uint64
	SynCookiesAccepted        uint64
	SynCookiesRefused         uint64 // ACKs that had no cookie of ours
	TimeWaitOverflow          uint64 // connections that did not wait: too many do

	FastOpens        uint64 // SYNs whose data was taken
	FastOpenAsked    uint64 // SYNs that asked for a cookie
	FastOpenRefused  uint64 // SYNs with a cookie that is not ours
	FastOpenOverflow uint64 // SYNs with a good cookie and no room for their data
	FastOpenLost     uint64 // our SYNs with the option that were not answered

	Retransmitted             uint64 // segments sent again
	FastRetransmits           uint64
	Timeouts                  uint64
	TailProbes                uint64 // RFC 8985, section 7
	SpuriousTimeouts          uint64 // found by F-RTO
	Undone                    uint64 // reductions that were taken back
	Reneged                   uint64 // the peer has thrown away what it had reported
	DSACKsIn, DSACKsOut       uint64
	BadSACK                   uint64 // reports of what cannot be
	CEReceived, ECNReductions uint64
	DelayedACKs               uint64 // sent by the timer
	DuplicateACKs             uint64
	WindowProbes              uint64
	KeepAlives                uint64
	OutOfOrder                uint64
	OutOfWindow               uint64 // failed the acceptability test
	BadACK                    uint64 // acknowledged what was never sent
	PAWSDropped               uint64
	NoTimestamp               uint64
	ChallengeACKs             uint64
	ICMPIgnored               uint64 // errors about nothing that is outstanding, or not believed
	NegativeAdvice            uint64 // times that a path was reported as perhaps dead
	BlackHoles                uint64 // times that large packets vanished and smaller ones were tried
	PathProbes                uint64 // segments sent to find a larger path MTU

	InvalidTransitions uint64 // a fault of this package: always zero
}
