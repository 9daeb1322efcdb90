package check

// Rule is what an end must, or should, do.
type Rule struct {
	Name     string
	Section  string
	Severity Severity
	About    string
	// whole says that it can be judged only if the capture lacks nothing.
	whole bool
}

// The rules, by subject.
var (
	ruleChecksum = Rule{"checksum", "RFC 9293, 3.1", Violation, "the checksum is right", false}

	ruleFlags       = Rule{"flags", "RFC 9293, 3.1", Violation, "the control bits make sense together, and the reserved bits are zero", false}
	ruleAckFlag     = Rule{"ack-flag", "RFC 9293, 3.1", Violation, "every segment after the first SYN has an acknowledgement", false}
	ruleSYNSequence = Rule{"syn-sequence", "RFC 9293, 3.4.1", Violation, "a SYN that is sent again has the same sequence number", false}
	ruleBeforeSYN   = Rule{"before-syn", "RFC 9293, 3.4", Violation, "no data stands before the SYN", true}
	rulePastFIN     = Rule{"past-fin", "RFC 9293, 3.6", Violation, "nothing stands after the FIN, and the FIN stays where it is", false}
	ruleGap         = Rule{"gap", "RFC 9293, 3.4", Violation, "no byte of the stream is left out", true}
	ruleSequence    = Rule{"sequence", "RFC 9293, 3.10.7.4", Violation, "a segment without data stands at most at SND.NXT", true}
	ruleEmpty       = Rule{"empty-sequence", "RFC 9293, 3.8.4, 3.10.7.4", Violation, "a segment without data stands at SND.NXT, or asks for an answer just before what is outstanding", true}
	ruleSameBytes   = Rule{"same-bytes", "RFC 9293, 3.4", Violation, "what is sent again is what was sent before", false}

	ruleAckBackwards = Rule{"ack-backwards", "RFC 9293, 3.4", Violation, "acknowledgements never go back", false}
	ruleAckUnsent    = Rule{"ack-unsent", "RFC 9293, 3.4", Violation, "only what was sent is acknowledged", true}
	ruleAckUnarrived = Rule{"ack-unarrived", "RFC 9293, 3.4", Violation, "only what has arrived is acknowledged", true}
	ruleAckDelay     = Rule{"ack-delay", "RFC 9293, 3.8.6.3", Violation, "what arrives in order is acknowledged within 500 ms", true}
	ruleAckSecond    = Rule{"ack-every-second", "RFC 9293, 3.8.6.3", Warning, "at least every second full segment is acknowledged", true}
	ruleAckIdle      = Rule{"ack-unasked", "RFC 9293, 3.8.4", Violation, "an acknowledgement says something new or answers a segment: one that asks for an answer stands at SND.NXT-1", true}
	ruleAckAtOnce    = Rule{"ack-out-of-order", "RFC 5681, 4.2", Warning, "what arrives out of order is acknowledged at once", true}
	ruleChallenge    = Rule{"challenge-ack", "RFC 5961, 3.2", Warning, "a reset in the window, but not at RCV.NXT, is answered with an acknowledgement", true}
	ruleFINAck       = Rule{"fin-answer", "RFC 9293, 3.10.7.4", Violation, "a FIN that arrives again is acknowledged again, in TIME-WAIT too", true}

	ruleWindow    = Rule{"beyond-window", "RFC 9293, 3.8.6", Violation, "nothing is sent beyond the peer's window, but probes of one byte", true}
	ruleSYNWindow = Rule{"syn-window", "RFC 7323, 2.2", Warning, "the window of a SYN is not scaled, and that of all other segments is", true}
	ruleShrink    = Rule{"window-shrunk", "RFC 9293, 3.8.6", Warning, "the window's right edge does not move back", true}
	ruleNagle     = Rule{"small-segment", "RFC 9293, 3.7.4", Warning, "no small segment is sent while others are outstanding and more could be in it", true}
	ruleMSS       = Rule{"mss", "RFC 9293, 3.7.1", Violation, "no segment is larger than the peer's MSS", false}
	ruleOption    = Rule{"option-format", "RFC 9293, 3.1", Violation, "options have the length that is theirs", false}
	ruleOptionSYN = Rule{"option-place", "RFC 7323, 2.2", Violation, "MSS, window scale and SACK-permitted stand in a SYN only", false}
	ruleOffered   = Rule{"option-offered", "RFC 7323, 1.3", Violation, "a SYN,ACK answers only options that were offered", false}
	ruleScale     = Rule{"window-scale", "RFC 7323, 2.3", Violation, "the window is scaled by 14 bits at most", false}

	ruleTimestamps = Rule{"timestamps", "RFC 7323, 3.2", Violation, "timestamps are in every segment if agreed, and in none if not", false}
	ruleTSEcr      = Rule{"tsecr", "RFC 7323, 3.2", Violation, "TSecr echoes a TSval that was sent", true}
	ruleTSRecent   = Rule{"ts-recent", "RFC 7323, 4.3", Violation, "TSecr echoes the segment that the last acknowledgement covered", true}
	ruleTSVal      = Rule{"tsval", "RFC 7323, 5.4", Violation, "TSval never goes back", false}

	ruleSACKOffered = Rule{"sack-permitted", "RFC 2018, 2", Violation, "SACK is sent only if the peer permits it", false}
	ruleSACKUnsent  = Rule{"sack-unsent", "RFC 2018, 3", Violation, "only what was sent is in a SACK block", true}
	ruleSACKArrived = Rule{"sack-unarrived", "RFC 2018, 3", Violation, "only what has arrived is in a SACK block", true}
	ruleSACKBlock   = Rule{"sack-block", "RFC 2018, 3", Violation, "a SACK block is not empty, and none overlaps another", false}
	ruleSACKBelow   = Rule{"sack-below-ack", "RFC 2883, 4", Violation, "only the first block may be below the acknowledgement: a duplicate", false}

	ruleECNSetup = Rule{"ecn-setup", "RFC 3168, 6.1.1", Violation, "ECN is used only if both ends agreed", false}
	ruleECT      = Rule{"ecn-ect", "RFC 3168, 6.1.4 to 6.1.6", Violation, "only new data is ECN-capable: no SYN, pure ACK, probe or retransmission", false}
	ruleECE      = Rule{"ecn-ece", "RFC 3168, 6.1.3", Violation, "congestion is echoed in every acknowledgement until CWR", true}
	ruleCWR      = Rule{"ecn-cwr", "RFC 3168, 6.1.2", Warning, "the sender reacts at most once in a window", true}
	ruleReact    = Rule{"ecn-reaction", "RFC 3168, 6.1.2", Violation, "congestion that is echoed is answered with CWR", true}

	ruleUrgent     = Rule{"urgent", "RFC 9293, 3.8.5", Violation, "the urgent pointer never goes back", false}
	ruleUrgentFlag = Rule{"urgent-flag", "RFC 9293, 3.1", Warning, "the urgent pointer is set only with URG", false}

	ruleReset       = Rule{"reset", "RFC 9293, 3.5.2", Violation, "a reset has a sequence number that the other end can believe", true}
	ruleBelieved    = Rule{"reset-believed", "RFC 5961, 3.2", Violation, "a reset outside the window ends nothing", true}
	ruleTimeWait    = Rule{"time-wait", "RFC 9293, 3.6.1", Violation, "who has closed first remembers the connection, and answers a FIN that arrives again with an acknowledgement", true}
	ruleAfterReset  = Rule{"after-reset", "RFC 9293, 3.5.3", Violation, "an end that has reset the connection is silent", false}
	ruleMinRTO      = Rule{"rto-minimum", "RFC 6298, 2.4", Violation, "nothing is sent again before the least timeout, unless there are signs of loss", true}
	ruleSYNRTO      = Rule{"syn-rto", "RFC 6298, 2.1", Violation, "a SYN is not sent again before one second", true}
	ruleBackoff     = Rule{"rto-backoff", "RFC 6298, 5.5", Violation, "each timeout is twice the one before", true}
	ruleSYNBackoff  = Rule{"syn-backoff", "RFC 6298, 5.5", Warning, "each timeout of a SYN is twice the one before", true}
	ruleLossWindow  = Rule{"loss-window", "RFC 5681, 3.1", Violation, "a timeout leaves one segment of congestion window", true}
	ruleInitial     = Rule{"initial-window", "RFC 6928, 2", Violation, "the first flight has ten segments at most", true}
	ruleSlowStart   = Rule{"slow-start", "RFC 5681, 3.1", Violation, "the flight grows by no more than what is acknowledged: it doubles each round trip", true}
	ruleCloseAnswer = Rule{"fin-unanswered", "RFC 9293, 3.6", Warning, "a FIN is sent until it is acknowledged or the connection given up", true}
)

// Rules returns all rules.
func Rules() []Rule {
	return []Rule{
		ruleChecksum, ruleFlags, ruleAckFlag, ruleSYNSequence, ruleBeforeSYN, rulePastFIN, ruleGap, ruleSequence, ruleEmpty, ruleSameBytes,
		ruleAckBackwards, ruleAckUnsent, ruleAckUnarrived, ruleAckDelay, ruleAckSecond, ruleAckIdle, ruleAckAtOnce, ruleChallenge, ruleFINAck,
		ruleWindow, ruleSYNWindow, ruleShrink, ruleNagle, ruleMSS, ruleOption, ruleOptionSYN, ruleOffered, ruleScale,
		ruleTimestamps, ruleTSEcr, ruleTSRecent, ruleTSVal,
		ruleSACKOffered, ruleSACKUnsent, ruleSACKArrived, ruleSACKBlock, ruleSACKBelow,
		ruleECNSetup, ruleECT, ruleECE, ruleCWR, ruleReact,
		ruleUrgent, ruleUrgentFlag,
		ruleReset, ruleBelieved, ruleTimeWait, ruleAfterReset,
		ruleMinRTO, ruleSYNRTO, ruleBackoff, ruleSYNBackoff, ruleLossWindow, ruleInitial, ruleSlowStart, ruleCloseAnswer,
	}
}

// The reasons for which something cannot be judged.
const (
	whyMidway    = "it began before the capture: windows, options and the congestion window are not judged"
	whyNoOffer   = "a SYN of it is not in the capture: windows, options and the congestion window are not judged"
	whyCut       = "packets are cut: neither checksums nor bytes that are sent again are judged"
	whyOffload   = "checksums are left to the network card: they are not judged"
	whySuper     = "segments are larger than the MSS, before the network card cuts them: their size is not judged"
	whyMissed    = "the capture lacks segments: windows, times, ECN and the congestion window are not judged from there on"
	whyRouter    = "segments were seen behind a router: neither their order nor their times are judged"
	whyLink      = "segments were seen on the network, not at their sender: their times are not judged"
	whyShuffled  = "the capture has segments in another order than they were sent: neither their order nor their times are judged"
	whyFragments = "IP packets were in fragments: it is not judged from there on"
	whyContested = "its ports were still in use by an older connection: what belongs to that one is not judged"
	whyStray     = "segments of another connection between the same ports are among it: they are not judged"
	whyHistory   = "too much was outstanding: bytes that were sent again are judged only in part"
	whyAccECN    = "it asks for Accurate ECN: its use of ECN is not judged"
	whyFastOpen  = "it sends data with its SYN: how that is repeated is not judged"
)
