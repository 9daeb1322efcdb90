package network

// DiscoveryStats counts what neighbour discovery and address autoconfiguration did
// (RFC 4861, RFC 4862). Messages that are not valid are in Stats.NeighbourBad.
type DiscoveryStats struct {
	Duplicates uint64 // own addresses given up: somebody else has them
	Conflicts  uint64 // claims of others to own addresses, those included
	Looped     uint64 // own questions for duplicates that the link has brought back

	RouterSolicitationsSent     uint64
	RouterSolicitationsReceived uint64
	RouterAdvertisementsSent    uint64
	RouterAdvertisementsHeeded  uint64 // received, and used for autoconfiguration

	// Not kept of what routers have advertised, because there is enough already.
	AddressesRefused uint64
	PrefixesRefused  uint64
	RoutersRefused   uint64
	RoutesRefused    uint64
	// DNS servers and domains that others, learned later, have taken the place of.
	DNSServersReplaced uint64
	DNSDomainsReplaced uint64
}

// DiscoveryStats returns the counters as they are now.
func (l *Layer) DiscoveryStats() DiscoveryStats {
	if l.six == nil {
		return DiscoveryStats{}
	}
	return l.six.stats
}

// discovery returns the counters, of a layer that speaks IPv6.
func (l *Layer) discovery() *DiscoveryStats { return &l.needSix().stats }
