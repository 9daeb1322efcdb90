package link

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"septet/event"
	"septet/header"
)

// The limits of a switch's table.
const (
	// MaxStations caps the table. A new station is not learned while it is full,
	// so that one flooding forged sources does not push out those that are there.
	MaxStations = 1 << 17
	// AgeingTime is how long a station that is silent stays known: the value
	// that IEEE 802.1D recommends (table 7-5).
	AgeingTime = 300 * time.Second
)

// macTable has the stations behind a switch, by VLAN and address and in the order in
// which they were last seen. There is no timer: who is too old goes when looked
// up, or when room is needed.
type macTable struct {
	byMAC                   map[uint64]*station
	list[station, *station] // first is the one not seen for longest
}

// station is one entry of the table.
type station struct {
	vlan uint16
	mac  header.MAC
	port int
	seen event.Time
	links[station]
}

// macKey is VLAN and address as a number, which a map finds faster.
func macKey(vlan uint16, m header.MAC) uint64 {
	return uint64(vlan)<<48 | uint64(m[0])<<40 | uint64(m[1])<<32 | uint64(m[2])<<24 | uint64(m[3])<<16 | uint64(m[4])<<8 | uint64(m[5])
}

// find returns the station with an address, nil if it is not known or too old.
func (t *macTable) find(vlan uint16, m header.MAC, now event.Time) *station {
	st := t.byMAC[macKey(vlan, m)]
	if st != nil && st.aged(now) {
		t.remove(st)
		return nil
	}
	return st
}

func (st *station) aged(now event.Time) bool { return now >= st.seen.Add(AgeingTime) }

// add makes an entry, unless the table is full.
func (t *macTable) add(vlan uint16, m header.MAC, port int, now event.Time) bool {
	for t.first != nil && t.first.aged(now) {
		t.remove(t.first)
	}
	if len(t.byMAC) >= MaxStations {
		return false
	}
	if t.byMAC == nil {
		t.byMAC = make(map[uint64]*station)
	}
	st := &station{vlan: vlan, mac: m, port: port, seen: now}
	t.byMAC[macKey(vlan, m)] = st
	t.append(st)
	return true
}

// refresh says that a station was seen now.
func (t *macTable) refresh(st *station, now event.Time) {
	if st.seen == now {
		return
	}
	st.seen = now
	if st != t.last {
		t.unlink(st)
		t.append(st)
	}
}

func (t *macTable) remove(st *station) {
	delete(t.byMAC, macKey(st.vlan, st.mac))
	t.unlink(st)
}

// forget removes the stations behind a port.
func (t *macTable) forget(port int) {
	for st := t.first; st != nil; {
		next := st.next
		if st.port == port {
			t.remove(st)
		}
		st = next
	}
}

// StationInfo describes an entry of a switch's table, for display.
type StationInfo struct {
	VLAN uint16 // zero on a switch without VLANs
	MAC  header.MAC
	Port int
	Seen event.Time // when its last frame arrived
}

// Stations returns the stations that the switch knows, in the order of their VLANs
// and addresses.
func (s *Switch) Stations() []StationInfo {
	var all []StationInfo
	now := s.loop.Now()
	for st := s.table.first; st != nil; st = st.next {
		if !st.aged(now) {
			all = append(all, StationInfo{VLAN: st.vlan, MAC: st.mac, Port: st.port, Seen: st.seen})
		}
	}
	slices.SortFunc(all, func(a, b StationInfo) int {
		return cmp.Or(cmp.Compare(a.VLAN, b.VLAN), bytes.Compare(a.MAC[:], b.MAC[:]))
	})
	return all
}
