package lab

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"septet/host"
	"septet/lab/file"
)

// traceroute runs a step that looks for the way to a target.
func (b *Lab) traceroute(h *host.Host, s *file.Step, a *file.Traceroute, say func(string)) (string, error) {
	to := addresses(h, a.To)[0]
	what := fmt.Sprintf("%s traces the way to %s (%v)", s.Host, a.To.Text, to)
	say(fmt.Sprintf("%s, %d hops at most", what, a.Hops))
	options := host.TracerouteOptions{Hops: a.Hops, Probes: a.Probes, Timeout: s.Timeout}
	hops, err := h.Traceroute(to, options, func(hop host.Hop) { say(b.hopText(hop)) })
	last := host.Hop{}
	if len(hops) > 0 {
		last = hops[len(hops)-1]
	}
	if err == nil && !last.Reached {
		err = errors.New("the destination has not answered")
	}
	plural := "s"
	if len(hops) == 1 {
		plural = ""
	}
	return fmt.Sprintf("%s: %d hop%s", what, len(hops), plural), err
}

// hopText says who has answered the requests of one hop, and how soon.
func (b *Lab) hopText(hop host.Hop) string {
	text := fmt.Sprintf(" %2d ", hop.TTL)
	said := host.PingReply{}
	for _, r := range hop.Probes {
		if r.Err == syscall.ETIMEDOUT {
			text += " *"
			continue
		}
		if r.From != said.From {
			text += fmt.Sprintf(" %s (%v) ", b.NameOf(r.From), r.From.WithZone(""))
		}
		said = r
		text += " " + r.Time.Round(time.Microsecond).String()
		var reported *host.ICMPError
		if errors.As(r.Err, &reported) && !reported.Expired() {
			text += " says " + reason(reported)
		}
	}
	return text
}

// reason is what a host or router reports, without its address.
func reason(e *host.ICMPError) string {
	return strings.TrimPrefix(e.Error(), e.From.String()+": ")
}

// show runs a step that prints what a host knows.
func (b *Lab) show(h *host.Host, a *file.Show, say func(string)) (string, error) {
	text, err := listing(h, a)
	if err != nil {
		return fmt.Sprintf("%s has no route to %s", h.Name(), a.To.Text), err
	}
	if text == "" {
		return fmt.Sprintf("%s knows no %s", h.Name(), a.What), nil
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	what := h.Name() + " has the " + a.What
	if a.What == "route" {
		what = h.Name() + " reaches " + a.To.Text + " by the route"
	}
	say(what)
	for _, line := range lines[:len(lines)-1] {
		say("  " + line)
	}
	return "  " + lines[len(lines)-1], nil
}

func listing(h *host.Host, a *file.Show) (string, error) {
	if a.What == "route" {
		to := addresses(h, a.To)[0]
		h.Loop().Lock()
		defer h.Loop().Unlock()
		return h.Network.RouteTo(to)
	}
	h.Loop().Lock()
	defer h.Loop().Unlock()
	switch a.What {
	case "addresses":
		return h.Network.AddressText(), nil
	case "routes":
		return h.Network.RouteText(), nil
	}
	return h.Network.NeighbourText(), nil
}
