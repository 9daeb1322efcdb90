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

// macTable has the stations behind a switch, by VLAN and address, and in the order in
// which they were put into a list. There is no timer: who is too old goes when looked
// up, or when room is needed. Who has been seen meanwhile goes to the end of the list
// only then, so that a frame of a known station touches nobody else.
type macTable struct {
	byMAC                   map[uint64]*station
	list[station, *station] // first is the one that was put there first
}

// station is one entry of the table.
type station struct {
	vlan   uint16
	mac    header.MAC
	gone   bool // it is in the table no more
	port   int
	seen   event.Time
	listed event.Time // what seen was when it was put into the list
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
	t.makeRoom(now)
	if len(t.byMAC) >= MaxStations {
		return false
	}
	if t.byMAC == nil {
		t.byMAC = make(map[uint64]*station)
	}
	st := &station{vlan: vlan, mac: m, port: port, seen: now, listed: now}
	t.byMAC[macKey(vlan, m)] = st
	t.append(st)
	return true
}

// makeRoom takes out the stations that are too old.
func (t *macTable) makeRoom(now event.Time) {
	for st := t.first; st != nil; st = t.first {
		switch {
		case st.aged(now):
			t.remove(st)
		case st.listed < st.seen:
			st.listed = st.seen
			t.unlink(st)
			t.append(st)
		default:
			return // some behind it may be older, seen little after they were listed; their turn comes
		}
	}
}

func (t *macTable) remove(st *station) {
	delete(t.byMAC, macKey(st.vlan, st.mac))
	st.gone = true
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
