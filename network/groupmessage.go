package network

import (
	"net/netip"
	"slices"

	"septet/header"
	"septet/packet"
)

// The messages of IGMP (RFC 3376, section 4) and MLD (RFC 3810, section 5). All go one
// hop, with the router alert: TTL and hop limit are one.
var (
	allRouters4       = netip.AddrFrom4([4]byte{224, 0, 0, 2})
	igmpRouters       = netip.AddrFrom4([4]byte{224, 0, 0, 22})
	mldRouters        = netip.MustParseAddr("ff02::16")
	routerAlert       = []byte{0x94, 4, 0, 0}                           // RFC 2113, section 2.1
	routerAlertHeader = []byte{58, 0, optionRouterAlert, 2, 0, 0, 1, 0} // RFC 2711, section 2.1; padded
)

// send reports the records in as many messages as they need.
func (m *memberships) send(records []header.GroupRecord) {
	if m.version < m.newest() {
		m.sendOlder(records)
		return
	}
	size := m.addrLen()
	room := m.via.MTU() - m.overhead() - 8
	var batch []header.GroupRecord
	used := 0
	for _, r := range m.split(records, (room-4-size)/size) {
		n := 4 + size + len(r.Sources)*size
		if used+n > room && len(batch) > 0 {
			m.sendReport(batch)
			batch, used = batch[:0], 0
		}
		batch, used = append(batch, r), used+n
	}
	if len(batch) > 0 {
		m.sendReport(batch)
	}
}

// split gives no record more than most sources. RFC 3376, section 4.2.16; RFC 3810,
// section 5.2.15: of those that exclude the rest is left away, the others become several.
func (m *memberships) split(records []header.GroupRecord, most int) []header.GroupRecord {
	most = max(most, 1) // where the MTU was made so small later that none fits
	var all []header.GroupRecord
	for _, r := range records {
		excludes := r.Type == header.GroupIsExclude || r.Type == header.GroupToExclude
		for len(r.Sources) > most && !excludes {
			part := r
			part.Sources, r.Sources = r.Sources[:most], r.Sources[most:]
			all = append(all, part)
		}
		r.Sources = r.Sources[:min(len(r.Sources), most)]
		all = append(all, r)
	}
	return all
}

func (m *memberships) addrLen() int {
	if m.six {
		return 16
	}
	return 4
}

// overhead is what stands before a message.
func (m *memberships) overhead() int {
	if m.six {
		return header.IPv6Len + len(routerAlertHeader)
	}
	return header.IPv4Len + len(routerAlert)
}

func (m *memberships) sendReport(records []header.GroupRecord) {
	if m.six {
		b := make([]byte, header.MLDReportLen(records))
		header.PutMLDReport(b, records)
		m.transmit(mldRouters, b)
		return
	}
	b := make([]byte, header.IGMPReportLen(records))
	header.PutIGMPReport(b, records)
	m.transmit(igmpRouters, b)
}

// sendOlder tells the same in the words of the older versions, which know groups and no
// sources (RFC 3376, section 7.2.1; RFC 3810, section 8.2.1).
func (m *memberships) sendOlder(records []header.GroupRecord) {
	var last netip.Addr
	for _, r := range records {
		if r.Group == last {
			continue
		}
		last = r.Group
		g := m.find(r.Group)
		listens := g != nil && !g.filter.nobody()
		switch {
		case m.six:
			h := header.MLDv1{Type: header.ICMPv6ListenerReport, Group: r.Group}
			to := r.Group
			if !listens {
				h.Type, to = header.ICMPv6ListenerDone, allRouters
			}
			b := make([]byte, header.MLDv1Len)
			h.Put(b)
			m.transmit(to, b)
		case listens:
			kind := header.IGMPv2Report
			if m.version == 1 {
				kind = header.IGMPv1Report
			}
			m.sendIGMP(kind, r.Group, r.Group)
		case m.version == 2: // version 1 leaves without a word
			m.sendIGMP(header.IGMPv2Leave, r.Group, allRouters4)
		}
	}
}

func (m *memberships) sendIGMP(kind uint8, group, to netip.Addr) {
	h := header.IGMP{Type: kind, Group: group}
	b := make([]byte, header.IGMPLen)
	h.Put(b)
	m.transmit(to, b)
}

// transmit sends a message, whose checksum is filled in, to a group of the link.
func (m *memberships) transmit(to netip.Addr, message []byte) {
	i, l := m.via, m.via.layer
	if i.nic == nil || m.six && !i.speaksIPv6() {
		return
	}
	p := l.pool.From(message)
	l.stats.Sent++
	l.stats.GroupMessagesSent++
	if m.six {
		// RFC 3810, section 5.2.13: from the link-local address, or from :: as long as
		// there is none.
		src := i.linkLocal()
		header.SetICMPv6Checksum(p.Head(), src, to)
		copy(p.Push(len(routerAlertHeader)), routerAlertHeader)
		h := header.IPv6{PayloadLength: p.Len(), NextHeader: header.ProtocolHopByHop, HopLimit: 1, Src: src, Dst: to}
		h.Put(p.Push(header.IPv6Len))
		p.MarkIP()
		i.nic.Multicast(p, to, header.EtherTypeIPv6)
		return
	}
	header.SetIGMPChecksum(p.Head())
	h := header.IPv4{
		TOS: internetworkControl, TTL: 1, Protocol: header.ProtocolIGMP,
		Src: i.addr, Dst: to, Options: routerAlert,
	}
	if !h.Src.IsValid() {
		h.Src = anyAddr // RFC 3376, section 4.2.13
	}
	h.ID = l.nextIDs(&h, 1)
	h.TotalLength = h.Len() + p.Len()
	h.Put(p.Push(h.Len()))
	p.MarkIP()
	i.nic.Multicast(p, to, header.EtherTypeIPv4)
}

// linkLocal returns the interface's address of the link, :: if none can be used.
func (i *Interface) linkLocal() netip.Addr {
	if i.six != nil {
		for _, a := range i.six.addresses {
			if a.Addr.IsLinkLocalUnicast() && a.usable() {
				return a.Addr
			}
		}
	}
	return anyAddr6
}

// igmp takes the IGMP messages that arrive.
type igmp struct{ layer *Layer }

// needIGMP begins to take them.
func (l *Layer) needIGMP() {
	if p := l.protocol(header.ProtocolIGMP); p.handler == nil {
		p.handler = &igmp{l}
	}
}

// Error has nothing to do: no IGMP message can be answered by an error.
func (*igmp) Error(*Error) {}

// Input takes an IGMP message.
func (m *igmp) Input(p *packet.Packet, d *Datagram) {
	if !m.input(p.Bytes(), d) {
		m.layer.stats.GroupBad++
	}
	p.Release()
}

// input reports whether a message is valid. What is of no known type is ignored (RFC
// 3376, section 4).
func (m *igmp) input(b []byte, d *Datagram) bool {
	h, err := header.ParseIGMP(b)
	all := d.Interface.memberships(allSystems)
	switch {
	case err != nil:
		return false
	case all == nil || d.Interface.Loopback():
		return true
	case h.Type == header.IGMPQuery:
		q, err := header.ParseIGMPQuery(b)
		return err == nil && all.query(&q, d)
	case h.Type == header.IGMPv1Report, h.Type == header.IGMPv2Report:
		return all.olderReport(h.Group, true)
	case h.Type == header.IGMPv2Leave:
		return all.olderReport(h.Group, false)
	case h.Type == header.IGMPv3Report:
		records, err := header.ParseIGMPReport(b)
		return err == nil && all.reported(records)
	}
	m.layer.stats.GroupUnknown++
	return true
}

// inputMLD takes an MLD message, which is all of b. RFC 3810, sections 6.2 and 7.4: what
// did not come from a link-local address, with a hop limit of one and the router alert,
// is dropped; a report may come from :: (RFC 3590).
func (l *Layer) inputMLD(b []byte, d *Datagram) {
	if !l.validMLD(b, d) {
		l.stats.GroupBad++
	}
}

func (l *Layer) validMLD(b []byte, d *Datagram) bool {
	all := d.Interface.memberships(allNodes)
	fromLink := d.Src.IsLinkLocalUnicast() || d.Src.IsUnspecified() && b[0] != header.ICMPv6ListenerQuery
	switch {
	case !fromLink || d.TTL != 1 || !d.alert:
		return false
	case all == nil || d.Interface.Loopback():
		return true
	}
	switch b[0] {
	case header.ICMPv6ListenerQuery:
		q, err := header.ParseMLDQuery(b)
		return err == nil && all.query(&q, d)
	case header.ICMPv6ListenerReport2:
		records, err := header.ParseMLDReport(b)
		return err == nil && all.reported(records)
	}
	h, err := header.ParseMLDv1(b)
	return err == nil && all.olderReport(h.Group, h.Type == header.ICMPv6ListenerReport)
}

// query takes a query for this host, and for this querier.
func (m *memberships) query(q *header.GroupQuery, d *Datagram) bool {
	if !q.Group.IsUnspecified() && !q.Group.IsMulticast() {
		return false
	}
	// RFC 3376, section 4.1.12; RFC 3810, section 5.1.15: a general query goes to all
	// nodes, or, for who looks for faults, to this one.
	if d.Dst.IsMulticast() && q.Group.IsUnspecified() && d.Dst != allSystems && d.Dst != allNodes {
		return false
	}
	if m.querier != nil {
		m.querier.heardQuery(q, d.Src)
	}
	m.askedBy(q)
	return true
}

func (m *memberships) olderReport(group netip.Addr, listens bool) bool {
	if !group.IsMulticast() {
		return false
	}
	if listens {
		m.heardReport(group)
	}
	if m.querier != nil {
		m.querier.heard(group, listens)
	}
	return true
}

// reported takes a report of the newest version, which only queriers look at. One with
// a record for what is no group is dropped whole.
func (m *memberships) reported(records []header.GroupRecord) bool {
	noGroup := func(r header.GroupRecord) bool { return !r.Group.IsMulticast() }
	if slices.ContainsFunc(records, noGroup) {
		return false
	}
	if m.querier != nil {
		m.querier.reported(records)
	}
	return true
}
