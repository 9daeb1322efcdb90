package lab

import "testing"

// What the file has as nameservers is the host's resolv.conf; and a router that
// advertises tells its own of IPv6, and its search list, to hosts that ask for routers (RFC
// 8106).
func TestNameservers(t *testing.T) {
	about := parse(t, "nameservers.yaml", `
hosts:
  pc: {address: 10.0.0.1/24, gateway: 10.0.0.254, nameserver: [10.0.0.53, 10.0.0.54], search: example}
  guest: {ipv6: auto}
  other: {ipv6: auto, nameserver: fe80::53}
routers:
  r: {address: [10.0.0.254/24, 2001:db8::1/64], advertise: true, nameserver: [10.0.0.53, 2001:db8::53], search: [corp.example, lab.]}
switches: [s]
links: [pc - s, guest - s, other - s, r - s]
script:
  - {sleep: 20s}
`)
	inBubble(t, about, func(b *Lab) {
		var said reports
		if err := b.RunScript(said.add); err != nil {
			t.Error(err)
		}
		for name, want := range map[string]string{
			"pc":    "search example\nnameserver 10.0.0.53\nnameserver 10.0.0.54\n",
			"guest": "search corp.example lab\nnameserver 2001:db8::53\n",
			"other": "nameserver fe80::53%eth0\n",
			"r":     "search corp.example lab\nnameserver 10.0.0.53\nnameserver 2001:db8::53\n",
		} {
			if got, err := b.Host(name).ReadFile("/etc/resolv.conf"); string(got) != want {
				t.Errorf("resolv.conf of %s is %q, %v; want %q", name, got, err, want)
			}
		}
	})
}
