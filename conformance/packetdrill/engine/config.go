package engine

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"septet/header"
	"septet/link"
	"septet/transport/tcp"
)

// Config is what the tool does not tell and its user does: the host's place in
// the network, and whose habits it has.
type Config struct {
	Local       netip.Prefix // the host's address, with the length of its network
	Gateway     netip.Addr   // the zero Addr: everybody is on the link
	MTU         int
	Personality tcp.Personality
	Bursts      bool   // segments that are sent together are shown as one (TSO)
	Seed        uint64 // of initial sequence numbers and everything else
}

// ParseFlags reads the string that the tool passes on: KEY=VALUE, separated by
// blanks or commas.
//
//	local=192.168.0.1/16  the host's address and prefix, of IPv4 or of IPv6
//	gateway=192.168.0.2   the default router; without it everybody is on the link
//	mtu=1500              68 to 65535
//	personality=linux     or rfc
//	wscale=8              the window scale to offer, if not the personality's
//	rmem=131072           the default of tcp_rmem: the receive buffer, of which the
//	                      window is half
//	tso=off               show segments one by one, as a wire would: Linux's own
//	                      captures, and so scripts, show them as they leave TCP
//	seed=1
//
// What is not said is as it is here, but for gateway and wscale.
func ParseFlags(flags string) (Config, error) {
	c := Config{
		Local: netip.MustParsePrefix("192.168.0.1/16"), MTU: 1500,
		Personality: tcp.LinuxExact(), Bursts: true, Seed: 1,
	}
	scale := -1
	separator := func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' }
	for _, word := range strings.FieldsFunc(flags, separator) {
		key, value, _ := strings.Cut(word, "=")
		var err error
		switch key {
		case "local":
			c.Local, err = netip.ParsePrefix(value)
		case "gateway":
			c.Gateway, err = netip.ParseAddr(value)
		case "mtu":
			c.MTU, err = parseNumber(value, link.MinMTU, 65535)
		case "personality":
			c.Personality, err = parsePersonality(value)
		case "wscale":
			scale, err = parseNumber(value, 0, header.MaxWindowScale)
		case "rmem":
			if c.Personality.ReceiveBuffer, err = parseNumber(value, 4096, 64<<20); err == nil {
				c.Personality.ReceiveBuffer /= 2
				c.Personality.MaxReceiveBuffer = max(c.Personality.MaxReceiveBuffer, c.Personality.ReceiveBuffer)
			}
		case "tso":
			c.Bursts, err = parseSwitch(value)
		case "seed":
			c.Seed, err = strconv.ParseUint(value, 10, 64)
		default:
			err = fmt.Errorf("there are local, gateway, mtu, personality, wscale, rmem, tso and seed")
		}
		if err != nil {
			return c, fmt.Errorf("flag %q: %w", word, err)
		}
	}
	if c.Gateway.IsValid() && c.Gateway.Is4() != c.Local.Addr().Is4() {
		return c, fmt.Errorf("local=%v and gateway=%v are of two families", c.Local, c.Gateway)
	}
	c.Bursts = c.Bursts && c.Personality.Bursts
	if scale >= 0 {
		c.offerScale(uint8(scale))
	}
	return c, nil
}

// offerScale has the host offer exactly this window scale: a buffer that could
// need more would make it offer more.
func (c *Config) offerScale(scale uint8) {
	p, most := &c.Personality, 0xffff<<scale
	p.WindowScale = scale
	p.ReceiveBuffer = min(p.ReceiveBuffer, most)
	p.MaxReceiveBuffer = min(p.MaxReceiveBuffer, most)
}

func parseNumber(s string, least, most int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("expected a number from %d to %d", least, most)
	}
	return n, nil
}

func parseSwitch(s string) (bool, error) {
	if s != "on" && s != "off" {
		return false, fmt.Errorf("expected on or off")
	}
	return s == "on", nil
}

func parsePersonality(s string) (tcp.Personality, error) {
	for _, p := range []tcp.Personality{tcp.LinuxExact(), tcp.RFCPersonality} {
		if p.Name == s {
			return p, nil
		}
	}
	return tcp.Personality{}, fmt.Errorf("expected %s or %s", tcp.LinuxPersonality.Name, tcp.RFCPersonality.Name)
}
