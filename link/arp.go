package link

import (
	"encoding/binary"
	"math/bits"
	"net/netip"

	"septet/header"
)

// ARPStats counts what ARP did.
type ARPStats struct {
	InRequests, InReplies   uint64
	OutRequests, OutReplies uint64

	InMalformed uint64 // not an ARP packet for IPv4 over Ethernet, or an unknown operation
	InForged    uint64 // the sender's Ethernet address is not the frame's source, or a group's
	InConflicts uint64 // somebody else claims an address of ours
	InIgnored   uint64 // the sender's IPv4 address cannot be a station's

	Failures uint64 // resolutions given up
	Evicted  uint64 // entries that made room for others
}

// inputARP takes an ARP packet (and its padding) from the station src.
//
// The order is that of RFC 826, "Packet Reception": check the formats, merge
// the sender into the table, and only then look at the operation.
func (n *NIC) inputARP(b []byte, src header.MAC) {
	arp, err := header.ParseARP(b)
	if err != nil || (arp.Operation != header.ARPRequest && arp.Operation != header.ARPReply) {
		n.stats.ARP.InMalformed++
		return
	}
	if arp.Operation == header.ARPRequest {
		n.stats.ARP.InRequests++
	} else {
		n.stats.ARP.InReplies++
	}
	if n.watch != nil && arp.SenderMAC == src && src != n.mac {
		n.watch(&arp)
	}
	if !n.acceptSender(&arp, src) {
		return
	}
	target := n.hasAddress(arp.TargetIP)
	n.merge(&arp, target)
	if target && arp.Operation == header.ARPRequest {
		n.sendReply(&arp)
	}
}

// acceptSender reports whether the packet may be from whom it says.
func (n *NIC) acceptSender(arp *header.ARP, src header.MAC) bool {
	switch {
	case arp.SenderMAC != src || src.IsGroup():
		// RFC 826 does not ask for this check. An ARP packet has no checksum,
		// though, and one damaged bit would send a minute's packets astray.
		n.stats.ARP.InForged++
	case arp.SenderIP.IsUnspecified():
		// A probe (RFC 5227, section 1.1): answered, and nothing to learn.
		return true
	case n.hasAddress(arp.SenderIP):
		// Our own packet come back is no conflict, and neither is learned.
		if src != n.mac {
			n.stats.ARP.InConflicts++
		}
	case !canBeStation(arp.SenderIP):
		n.stats.ARP.InIgnored++
	default:
		return true
	}
	return false
}

// merge learns the sender. RFC 1122, section 2.3.2.1: any ARP packet of the
// station in question refreshes its entry, whoever is the target. A new entry is
// made for those who want to talk to us only.
func (n *NIC) merge(arp *header.ARP, target bool) {
	if arp.SenderIP.IsUnspecified() {
		return
	}
	nb := n.cache.find(arp.SenderIP)
	if nb == nil {
		if !target {
			return
		}
		nb = n.Neighbour(arp.SenderIP)
	}
	nb.confirm(arp.SenderMAC)
}

// canBeStation reports whether a can be the address of one interface: not in
// 0.0.0.0/8, 127.0.0.0/8, 224.0.0.0/4 or 240.0.0.0/4 (RFC 1122, section 3.2.1.3).
func canBeStation(a netip.Addr) bool {
	b := a.As4()
	return b[0] != 0 && b[0] != 127 && b[0] < 224
}

// WatchARP has f told of every ARP packet of another station, before it is looked at
// here: who claims an address (RFC 5227) needs that. Nil ends it.
func (n *NIC) WatchARP(f func(*header.ARP)) { n.watch = f }

// ProbeARP asks everybody whether a is somebody's, without saying that the NIC wants it
// (RFC 5227, section 2.1.1).
func (n *NIC) ProbeARP(a netip.Addr) {
	n.stats.ARP.OutRequests++
	n.sendARP(header.BroadcastMAC, &header.ARP{
		Operation: header.ARPRequest, SenderMAC: n.mac, SenderIP: netip.IPv4Unspecified(), TargetIP: a,
	})
}

// AnnounceARP tells everybody that a is the NIC's (RFC 5227, section 2.3).
func (n *NIC) AnnounceARP(a netip.Addr) {
	n.stats.ARP.OutRequests++
	n.sendARP(header.BroadcastMAC, &header.ARP{
		Operation: header.ARPRequest, SenderMAC: n.mac, SenderIP: a, TargetIP: a,
	})
}

func (n *NIC) sendRequest(target netip.Addr, dst header.MAC) {
	n.stats.ARP.OutRequests++
	n.sendARP(dst, &header.ARP{
		Operation: header.ARPRequest,
		SenderMAC: n.mac, SenderIP: n.sourceFor(target),
		TargetIP: target,
	})
}

func (n *NIC) sendReply(request *header.ARP) {
	n.stats.ARP.OutReplies++
	n.sendARP(request.SenderMAC, &header.ARP{
		Operation: header.ARPReply,
		SenderMAC: n.mac, SenderIP: request.TargetIP,
		TargetMAC: request.SenderMAC, TargetIP: request.SenderIP,
	})
}

func (n *NIC) sendARP(dst header.MAC, arp *header.ARP) {
	p := n.pool.Get(header.ARPLen)
	arp.Put(p.Extend(header.ARPLen))
	n.send(p, &dst, header.EtherTypeARP)
}

// sourceFor returns the own address that has the longest prefix in common with
// target, so that a NIC on several subnets asks as a member of the right one.
// Without an address it asks as a probe does.
func (n *NIC) sourceFor(target netip.Addr) netip.Addr {
	best, common := netip.IPv4Unspecified(), -1
	t := target.As4()
	for _, own := range n.addresses {
		o := own.As4()
		same := bits.LeadingZeros32(binary.BigEndian.Uint32(t[:]) ^ binary.BigEndian.Uint32(o[:]))
		if same > common {
			best, common = own, same
		}
	}
	return best
}
