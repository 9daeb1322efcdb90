package lab

import (
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"septet/event"
	"septet/packet"
	"septet/physical"
)

func TestVLANLab(t *testing.T) {
	said := run(t, read(t, "../labs/vlan.yaml"))
	says(t, said, "from pc2: seq 1 ttl 64", "from nas: seq 1 ttl 63",
		"  1  r1 (10.0.10.1)", "  2  nas (10.0.20.12)", `received "hello, VLAN 20\n"`,
		"the cable pc1 - s1 is pulled", "default via 10.0.10.1 dev eth0 linkdown", "pc2 pings nas (10.0.20.12): 1 sent, 1 received",
		"the cable pc1 - s1 is plugged in", "pc1 pings nas (10.0.20.12): 1 sent, 1 received")
	if strings.Contains(said, "10.0.20.12 dev") || strings.Contains(said, "10.0.20.11 dev") {
		t.Errorf("pc1 must not know neighbours of VLAN 20; the script said:\n%s", said)
	}
}

// tagged counts the frames of a wire by the type that stands where a tag would be.
type tagged map[string]int

func (c tagged) Frame(_ event.Time, _ physical.Direction, e physical.Event, p *packet.Packet) {
	b := p.Bytes()
	if e != physical.Sent {
		return
	}
	if b[12] == 0x81 && b[13] == 0x00 { // IEEE 802.1Q, table 9-1: the type of a tag
		c["tagged"]++
	} else {
		c["untagged"]++
	}
}

// tapped runs the script of a lab and counts the frames on its first link.
func tapped(t *testing.T, src string) (said string, frames tagged) {
	t.Helper()
	frames = tagged{}
	about := parse(t, "vlans.yaml", src)
	inBubble(t, about, func(b *Lab) {
		b.Loop.Lock()
		b.Wire(about.Links[0]).Watch(frames)
		b.Loop.Unlock()
		var all reports
		if err := b.RunScript(all.add); err != nil {
			t.Errorf("the script failed: %v", err)
		}
		said = all.String()
	})
	return said, frames
}

// Frames of a trunk's native VLAN have no tag, the others have one.
func TestTrunkBetweenSwitches(t *testing.T) {
	const lab = `
hosts:
  a: {address: 10.0.1.1/24}
  b: {address: 10.0.1.2/24}
  c: {address: 10.0.20.1/24}
  d: {address: 10.0.20.2/24}
switches: [s1, s2]
links:
  - {link: s1 - s2, trunk: [20], native: 1}
  - {link: a - s1}
  - {link: b - s2, vlan: 1}
  - {link: c - s1, vlan: 20}
  - {link: d - s2, vlan: 20}
script:
`
	for _, c := range []struct {
		step string
		want tagged
	}{
		// An ARP exchange and two of pings are six frames.
		{"  - {host: a, ping: {to: b, count: 2}}\n", tagged{"untagged": 6}},
		{"  - {host: c, ping: {to: d, count: 2}}\n", tagged{"tagged": 6}},
	} {
		_, got := tapped(t, lab+c.step)
		if got["tagged"] != c.want["tagged"] || got["untagged"] != c.want["untagged"] {
			t.Errorf("%sputs the frames %v on the trunk, should put %v", c.step, got, c.want)
		}
	}
}

// Two hosts can use tags without any switch, or across one that does not heed them; and
// a card can have frames of both kinds.
func TestTagsWithoutVLANSwitch(t *testing.T) {
	for name, links := range map[string]string{
		"a cable":               "links: [a:eth0 - b]",
		"a switch without VLAN": "switches: [s]\nlinks: [a:eth0 - s, b - s]",
	} {
		_, got := tapped(t, `
hosts:
  a: {interfaces: {eth0: 10.0.1.1/24, eth0.7: 10.0.7.1/24}}
  b: {interfaces: {eth0.7: 10.0.7.2/24, eth0: 10.0.1.2/24}}
`+links+`
script:
  - {host: a, ping: {to: 10.0.7.2, count: 1}}
  - {host: b, ping: {to: 10.0.1.1, count: 1}}
`)
		if got["tagged"] != 4 || got["untagged"] != 4 {
			t.Errorf("%s: the frames are %v, should be 4 of each kind: ARP and ping, there and back", name, got)
		}
	}
}

// A router tells the hosts of each VLAN of its network there, and no other hears it.
func TestAutoconfigurationInVLANs(t *testing.T) {
	about := parse(t, "auto.yaml", `
hosts:
  a: {ipv6: auto}
  b: {ipv6: auto}
routers:
  r:
    interfaces:
      eth0.10: {address: 2001:db8:10::1/64, advertise: true}
      eth0.20: {address: 2001:db8:20::1/64, advertise: true}
switches: [s]
links:
  - {link: a - s, vlan: 10}
  - {link: b - s, vlan: 20}
  - {link: r - s, trunk: all}
script:
  - {sleep: 5s}
  - {host: a, ping: {to: b, count: 1}}
  - {host: b, ping: {to: a, count: 1}}
  - {host: a, show: addresses}
`)
	for i, network := range []string{"2001:db8:10::/64", "2001:db8:20::/64"} {
		found := about.Hosts[i].Interfaces[0].Found
		if len(found) != 1 || found[0].Masked() != netip.MustParsePrefix(network) {
			t.Errorf("%s should find one address, in %s, not %v", about.Hosts[i].Name, network, found)
		}
	}
	if said := run(t, about); strings.Contains(said, "inet6 2001:db8:20:") || !strings.Contains(said, "inet6 2001:db8:10:") {
		t.Errorf("a must have an address in the network of VLAN 10 alone; the script said:\n%s", said)
	}
}

// Who pulls a cable is noticed, who takes a link down is not.
func TestCableIsNoticed(t *testing.T) {
	const lab = `
hosts:
  a: {address: 10.0.0.1/24}
  b: {address: 10.0.0.2/24}
links: [a - b]
script:
  - {link: a - b, %s}
`
	www := netip.MustParseAddr("10.0.0.2")
	for state, want := range map[string]error{"cable: pulled": syscall.ENETUNREACH, "state: down": nil} {
		inBubble(t, parse(t, "cable.yaml", strings.Replace(lab, "%s", state, 1)), func(b *Lab) {
			var said reports
			if err := b.RunScript(said.add); err != nil {
				t.Error(err)
			}
			b.Loop.Sleep(time.Millisecond)
			b.Loop.Lock()
			_, err := b.Host("a").Network.RouteTo(www)
			b.Loop.Unlock()
			if err != want {
				t.Errorf("after %s the route to b is %v, should be %v", state, err, want)
			}
		})
	}
}
