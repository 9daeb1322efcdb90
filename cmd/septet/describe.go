package main

import (
	"fmt"
	"io"
	"net/netip"
	"strings"
	"text/tabwriter"

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
	fmt.Fprintln(table, "host\tinterface\taddress\tEthernet address\tgateway\tservices")
	for _, h := range about.Hosts {
		name := h.Name
		if h.Router {
			name += " (router)"
		}
		for i, n := range h.Interfaces {
			more := "\t"
			if i == 0 {
				more = gateway(h) + "\t" + services(h)
			}
			fmt.Fprintf(table, "%s\t%s\t%v\t%v\t%s\n", name, n.Name, n.Address, n.MAC, more)
			name = ""
		}
	}
	table.Flush()
	for line := range strings.Lines(b.String()) {
		fmt.Fprintln(out, strings.TrimRight(line, " \n"))
	}
	fmt.Fprintln(out)
	describePublished(out, about, published)
}

func gateway(h *file.Host) string {
	for _, r := range h.Routes {
		if r.To == netip.PrefixFrom(netip.IPv4Unspecified(), 0) {
			return r.Via.String()
		}
	}
	return "-"
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
