package network

// Stats counts what an IP layer did. What is dropped is counted under the one
// reason for which it was dropped.
type Stats struct {
	Received  uint64 // packets from all interfaces
	Delivered uint64 // datagrams given to a protocol
	Sent      uint64 // datagrams this host has sent
	Forwarded uint64 // packets passed on to another host

	// Dropped on the way in.
	InBadHeader    uint64 // version, header length, total length or checksum
	InTruncated    uint64 // shorter than its total length
	InMartian      uint64 // with an address that cannot be there
	InBadOptions   uint64 // an option without a sensible length
	InSourceRouted uint64 // a source route, where none is followed or to a group
	InMulticast    uint64 // to a group that was not joined
	InWrongLink    uint64 // to one host, in a frame for a group
	InNotForUs     uint64 // to another host, and this one is no router
	InNoProtocol   uint64 // nothing is open for the protocol

	InDisabled       uint64 // IPv6, where it is off
	InTooManyHeaders uint64 // IPv6 extension headers

	// Dropped on the way through.
	TTLExceeded     uint64
	NoRoute         uint64
	TooBig          uint64 // and must not be cut
	NotForwarded    uint64 // a destination or source that no router passes on
	HostUnreachable uint64 // the next hop did not answer; own packets too

	SourceRouteFailed uint64 // a source route that leads nowhere

	// Refused on the way out.
	OutNoRoute uint64 // those from ::1 to another host too, which nobody is told
	OutTooLong uint64

	Fragmented       uint64 // datagrams cut
	FragmentsCreated uint64

	FragmentsReceived  uint64
	Reassembled        uint64 // datagrams made whole
	FragmentsBad       uint64 // of impossible length or place
	FragmentsDuplicate uint64
	FragmentsOverlap   uint64 // datagrams given up because of overlapping parts
	ReassemblyTimeout  uint64 // datagrams given up because parts were missing
	ReassemblyEvicted  uint64 // datagrams given up for want of room

	ICMPBad             uint64 // too short, or with a wrong checksum
	ICMPUnknown         uint64 // of a type that has no meaning here
	ICMPBadError        uint64 // about nothing that this host has sent
	ICMPErrorsReceived  uint64
	ICMPErrorsSent      uint64
	ICMPErrorsForbidden uint64 // not sent: never about an error, a group, a later fragment
	ICMPErrorsLimited   uint64 // not sent: too many
	EchoRequests        uint64 // received and answered
	EchoReplies         uint64 // received
	EchoIgnored         uint64 // sent to a broadcast address, or nobody's reply

	GroupMessagesSent uint64 // of IGMP and MLD
	GroupBad          uint64 // not valid
	GroupUnknown      uint64 // of no known type
	GroupsFull        uint64 // a querier knows too many groups for this one

	AddressConflicts uint64 // about addresses that were claimed

	NeighbourBad uint64 // messages of neighbour discovery that are not valid

	RedirectsSent     uint64
	RedirectsFollowed uint64
	RedirectsIgnored  uint64 // not safe to follow, or too many
}
