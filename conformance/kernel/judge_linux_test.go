package kernel

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"septet/inspect"
	"septet/inspect/check"
)

// judge has tshark, our own dissection and the judge of TCP look at all that has
// crossed the cables, and forgets it.
func (l *lab) judge() {
	l.t.Helper()
	var all []inspect.Frame
	for _, c := range l.cables {
		k := check.New(check.Options{})
		frames := c.forget()
		for _, f := range frames {
			k.Feed(f)
			l.dissects(f)
		}
		l.clean(c, k.Finish())
		all = append(all, frames...)
	}
	if len(all) == 0 {
		return
	}
	slices.SortStableFunc(all, func(a, b inspect.Frame) int { return a.Time.Compare(b.Time) })
	// What an ICMP error quotes is cut, and its checksum that of the whole. The kernel
	// writes a TCP checksum of zero as UDP does, as all ones; tshark takes that for wrong,
	// though in ones' complement it is the same.
	bad := l.tshark(all, "_ws.malformed || ip.checksum.status == 0 || igmp.checksum.status == 0"+
		" || icmp.checksum.status == 0 || icmpv6.checksum.status == 0"+
		" || (tcp.checksum.status == 0 && tcp.checksum != 0xffff || udp.checksum.status == 0) && !icmp && !icmpv6")
	if bad != "" {
		l.t.Errorf("tshark finds these malformed, or with a wrong checksum:\n%s", bad)
	}
}

func (l *lab) dissects(f inspect.Frame) {
	l.t.Helper()
	p := inspect.Dissect(f.LinkType, f.Data)
	for _, bad := range slices.Concat(p.Malformed(), p.BadChecksums()) {
		l.t.Errorf("septet explain finds this: %s %s in % x", bad.Name, bad.Value, f.Data)
	}
}

func (l *lab) clean(c *cable, r check.Report) {
	l.t.Helper()
	if slices.ContainsFunc(r.Findings, func(f check.Finding) bool { return f.Severity == check.Violation }) {
		var text strings.Builder
		_ = r.Write(&text)
		l.t.Errorf("the judge finds this on the cable to %s:\n%s", c.device.Name(), &text)
	}
}

// tshark returns a line for each of the frames that the filter selects. What goes between
// ephemeral ports here is noise: tshark is not to take it for what it knows of such a
// port, as it does with 57000 for IRC.
func (l *lab) tshark(frames []inspect.Frame, filter string) string {
	l.t.Helper()
	out := l.run(tool(l.t, "tshark"), "-n", "-r", l.save(frames), "-Y", filter, "-o", "ip.check_checksum:TRUE",
		"-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE",
		"-d", "tcp.port==32768-65535,data", "-d", "udp.port==32768-65535,data")
	var lines strings.Builder
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, "Running as user") {
			lines.WriteString(line)
		}
	}
	return lines.String()
}

// save writes frames to a capture file.
func (l *lab) save(frames []inspect.Frame) (name string) {
	l.t.Helper()
	fatal := func(err error) {
		if err != nil {
			l.t.Fatal(err)
		}
	}
	name = filepath.Join(l.t.TempDir(), "cables.pcapng")
	f, err := os.Create(name)
	fatal(err)
	var interfaces []inspect.Interface
	for _, c := range l.cables {
		interfaces = append(interfaces, inspect.Interface{Name: c.device.Name(), LinkType: inspect.LinkEthernet})
	}
	w, err := inspect.NewCaptureWriter(f, interfaces)
	fatal(err)
	for _, frame := range frames {
		fatal(w.Write(frame))
	}
	fatal(w.Close())
	return name
}

// count returns how many frames have crossed the cable of which f is true.
func (c *cable) count(f func(*inspect.Packet) bool) int {
	n := 0
	for _, frame := range c.seen() {
		if f(inspect.Dissect(frame.LinkType, frame.Data)) {
			n++
		}
	}
	return n
}

// value returns a field of a packet as it is shown, "" if there is none.
func value(p *inspect.Packet, layer, field string) string {
	if f := p.Layer(layer).Field(field); f != nil {
		return f.Value
	}
	return ""
}

// source returns the IP address of who has sent a packet.
func source(p *inspect.Packet) string {
	return cmp.Or(value(p, "IPv4", "source address"), value(p, "IPv6", "source address"))
}
