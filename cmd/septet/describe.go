package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"septet/inspect"
	"septet/lab"
	"septet/lab/file"
)

// describe prints the lab's hosts, addresses and published ports.
func describe(out io.Writer, about *file.Lab, published bool) {
	title := about.Name
	if text := strings.TrimSpace(about.Description); text != "" {
		if title != "" {
			title += ": "
		}
		title += text
	}
	if title != "" {
		fmt.Fprintf(out, "%s\n\n", title)
	}
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	vlans := anyVLAN(about)
	column := func(text string) string {
		if !vlans {
			return ""
		}
		return "\t" + text
	}
	fmt.Fprintln(table, "host\tinterface"+column("VLAN")+"\taddress\tEthernet address\tgateway\tservices")
	for _, h := range about.Hosts {
		name := h.Name
		if h.Router {
			name += " (router)"
		}
		more := gateway(h) + "\t" + services(h)
		for _, n := range h.Interfaces {
			ifname, mac, vlan := n.Name, n.MAC.String(), vlanText(about.VLAN(h, n))
			for _, a := range interfaceAddresses(n) {
				fmt.Fprintf(table, "%s\t%s%s\t%s\t%s\t%s\n", name, ifname, column(vlan), a, mac, more)
				name, ifname, vlan, mac, more = "", "", "", "", "\t"
			}
		}
	}
	table.Flush()
	for line := range strings.Lines(b.String()) {
		fmt.Fprintln(out, strings.TrimRight(line, " \n"))
	}
	fmt.Fprintln(out)
	describeRoutes(out, about)
	describePublished(out, about, published)
}

// anyVLAN reports whether some interface belongs to a VLAN.
func anyVLAN(about *file.Lab) bool {
	for _, h := range about.Hosts {
		for _, i := range h.Interfaces {
			if about.VLAN(h, i) > 0 {
				return true
			}
		}
	}
	return false
}

func vlanText(vlan uint16) string {
	if vlan == 0 {
		return "-"
	}
	return strconv.Itoa(int(vlan))
}

// interfaceAddresses lists what the file says about the addresses of an interface.
func interfaceAddresses(i *file.Interface) []string {
	var all []string
	for _, p := range i.Addresses() {
		all = append(all, p.String())
	}
	for _, p := range i.Found {
		all = append(all, p.String()+" (auto)")
	}
	return all
}

// isDefault reports a route that the table shows as a gateway.
func isDefault(r file.Route) bool { return r.To.Bits() == 0 }

func gateway(h *file.Host) string {
	var all []string
	for _, r := range h.Routes {
		if isDefault(r) {
			all = append(all, r.Via.String())
		}
	}
	if len(all) == 0 {
		return "-"
	}
	return strings.Join(all, ", ")
}

// describeRoutes prints the routes beside the gateways.
func describeRoutes(out io.Writer, about *file.Lab) {
	any := false
	for _, h := range about.Hosts {
		for _, r := range h.Routes {
			if !isDefault(r) {
				any = true
				fmt.Fprintf(out, "route on %s: %v via %v\n", h.Name, r.To, r.Via)
			}
		}
	}
	if any {
		fmt.Fprintln(out)
	}
}

func services(h *file.Host) string {
	var all []string
	for _, s := range h.Services {
		all = append(all, fmt.Sprintf("%s on port %d", s.Kind, s.Bind.Port()))
	}
	if len(all) == 0 {
		return "-"
	}
	return strings.Join(all, ", ")
}

func describePublished(out io.Writer, about *file.Lab, published bool) {
	if len(about.Published) == 0 {
		return
	}
	if !published {
		fmt.Fprintf(out, "not published: %s\n\n", count(len(about.Published), "port"))
		return
	}
	for _, p := range about.Published {
		fmt.Fprintf(out, "published: %s %v -> %s, entering at %s\n", p.Protocol, p.Listen, p.To.Text, p.From)
	}
	fmt.Fprintln(out)
}

// describeLosses prints what each link did to the frames that it was given, if
// it was anything but to carry them.
func describeLosses(out io.Writer, all []lab.Direction, style inspect.Style) {
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "  link\tfrom\tsent\tlost\tdropped\tcorrupted\tduplicated\treordered")
	any := false
	for _, d := range all {
		s := d.Stats
		if s.Lost+s.Dropped+s.TooLong+s.Corrupted+s.Duplicated+s.Reordered == 0 {
			continue
		}
		any = true
		fmt.Fprintf(table, "  %s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\n", d.Link.Name, d.From,
			s.Sent, s.Lost, s.Dropped+s.TooLong, s.Corrupted, s.Duplicated, s.Reordered)
	}
	if !any {
		return
	}
	table.Flush()
	fmt.Fprintf(out, "%s\n%s", style.Strong("frames on the links"), b.String())
}
