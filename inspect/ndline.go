package inspect

import (
	"fmt"
	"strings"
	"time"

	"septet/header"
)

// ndText says what a message of neighbour discovery asks or tells, as feedARP does, and
// returns false for others and for those that are not whole.
func (t *Tracker) ndText(line *Line, s *sighting) bool {
	b := s.payload
	switch b[0] {
	case header.ICMPv6NeighbourSolicit:
		h, _, err := header.ParseNeighbourSolicitation(b)
		if err != nil {
			return false
		}
		switch {
		case s.src.IsUnspecified(): // RFC 4862, section 5.4.2
			line.Text = fmt.Sprintf("ND probe: is anybody %v?", h.Target)
		case !s.dst.IsMulticast(): // RFC 4861, section 7.3.3: the neighbour is known
			line.Text = fmt.Sprintf("ND is %v still there? tell %v", h.Target, s.src)
		default:
			line.Text = fmt.Sprintf("ND who has %v? tell %v", h.Target, s.src)
		}
	case header.ICMPv6NeighbourAdvert:
		h, options, err := header.ParseNeighbourAdvertisement(b)
		o, err2 := header.ParseNDOptions(options)
		if err != nil || err2 != nil {
			return false
		}
		line.Text = advertText(&h, &o)
		if h.Solicited {
			line.Left, line.Right, line.RightToLeft = line.Right, line.Left, true
		}
	case header.ICMPv6RouterAdvert:
		h, options, err := header.ParseRouterAdvertisement(b)
		o, err2 := header.ParseNDOptions(options)
		if err != nil || err2 != nil {
			return false
		}
		line.Text = routerText(&h, &o)
	case header.ICMPv6RouterSolicit:
		line.Text = "ND is there a router?"
	case header.ICMPv6Redirect:
		h, _, err := header.ParseRedirect(b)
		if err != nil {
			return false
		}
		line.Text = fmt.Sprintf("ND redirect: %v is reached by %v", h.Dst, h.Target)
		if h.Dst == h.Target {
			line.Text = fmt.Sprintf("ND redirect: %v is a neighbour", h.Dst)
		}
	default:
		return false
	}
	return true
}

func advertText(h *header.NeighbourAdvertisement, o *header.NDOptions) string {
	text := fmt.Sprintf("%v is here", h.Target)
	if o.HasTarget {
		text = fmt.Sprintf("%v is at %v", h.Target, o.Target)
	}
	if h.Router {
		text += ", a router"
	}
	if h.Solicited {
		return "ND " + text
	}
	return "ND announcement: " + text
}

// maxListed is how many parts of a message stand in a line.
const maxListed = 4

func routerText(h *header.RouterAdvertisement, o *header.NDOptions) string {
	parts := []string{"ND router advertisement: no default router"}
	if h.Lifetime > 0 {
		parts[0] = fmt.Sprintf("ND router advertisement: default router for %d s", h.Lifetime/time.Second)
	}
	for _, p := range o.Prefixes[:min(len(o.Prefixes), maxListed)] {
		parts = append(parts, "prefix "+p.Prefix.String()+lifetimeOf(p.Valid))
	}
	for _, r := range o.Routes[:min(len(o.Routes), maxListed)] {
		parts = append(parts, "route "+r.Prefix.String()+lifetimeOf(r.Lifetime))
	}
	if more := max(0, len(o.Prefixes)-maxListed) + max(0, len(o.Routes)-maxListed); more > 0 {
		parts = append(parts, fmt.Sprintf("%d more", more))
	}
	if o.MTU > 0 {
		parts = append(parts, fmt.Sprintf("MTU %d", o.MTU))
	}
	for _, s := range o.DNS[:min(len(o.DNS), maxListed)] {
		parts = append(parts, "DNS "+addressList(s.Addrs[:min(len(s.Addrs), maxListed)])+lifetimeOf(s.Lifetime))
	}
	for _, s := range o.Search[:min(len(o.Search), maxListed)] {
		parts = append(parts, "search "+strings.Join(s.Domains[:min(len(s.Domains), maxListed)], ", ")+lifetimeOf(s.Lifetime))
	}
	return strings.Join(parts, ", ")
}

// lifetimeOf says when something ends now; how long it lasts otherwise is not news.
func lifetimeOf(d time.Duration) string {
	if d == 0 {
		return " withdrawn"
	}
	return ""
}
