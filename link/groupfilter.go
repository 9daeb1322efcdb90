package link

import (
	"cmp"
	"slices"

	"septet/header"
)

// groupFilter is a card's filter of group addresses: frames to other groups end at the
// card, and IP does not see them. It has no cap of its own: each entry stands for a group
// that IP has joined, and those have one. Nil is the filter of a card of which nobody has
// asked anything.
type groupFilter struct {
	groups []filteredGroup // in the order of their addresses
	all    int             // how many want every group
}

// filteredGroup is an address with how many groups of IP it stands for: 32 of IPv4 share
// one (RFC 1112, section 6.4).
type filteredGroup struct {
	mac  header.MAC
	uses int
}

// allSystemsMAC is that of 224.0.0.1, the group of all IPv4 hosts, which needs no joining
// (RFC 1112, section 4).
var allSystemsMAC = header.MAC{0x01, 0x00, 0x5e, 0, 0, 1}

func (f *groupFilter) find(mac header.MAC) (i int, found bool) {
	return slices.BinarySearchFunc(f.groups, mac, func(g filteredGroup, mac header.MAC) int {
		return cmp.Compare(macKey(0, g.mac), macKey(0, mac))
	})
}

// passes reports whether frames to a group address are taken. Of the group of all stations
// is every one.
func (f *groupFilter) passes(mac header.MAC) bool {
	switch {
	case mac == header.BroadcastMAC, mac == allSystemsMAC:
		return true
	case f == nil:
		return false
	case f.all > 0:
		return true
	}
	_, found := f.find(mac)
	return found
}

// needFilter makes the filter if there was none.
func (n *NIC) needFilter() *groupFilter {
	if n.filter == nil {
		n.filter = new(groupFilter)
	}
	return n.filter
}

// AcceptGroup makes the NIC receive the frames to a group address. Each call wants an
// IgnoreGroup.
func (n *NIC) AcceptGroup(mac header.MAC) {
	f := n.needFilter()
	i, found := f.find(mac)
	if !found {
		f.groups = slices.Insert(f.groups, i, filteredGroup{mac: mac})
	}
	f.groups[i].uses++
}

// IgnoreGroup undoes one AcceptGroup.
func (n *NIC) IgnoreGroup(mac header.MAC) {
	f := n.needFilter()
	i, found := f.find(mac)
	if !found {
		return
	}
	if f.groups[i].uses--; f.groups[i].uses == 0 {
		f.groups = slices.Delete(f.groups, i, i+1)
	}
}

// AcceptAllGroups makes the NIC receive the frames to every group, until it is called as
// often with off as with on: what routers need that hear reports sent to the groups
// themselves.
func (n *NIC) AcceptAllGroups(on bool) {
	f := n.needFilter()
	if on {
		f.all++
	} else {
		f.all = max(f.all-1, 0)
	}
}
