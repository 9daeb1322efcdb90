package tcp

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// REQUIREMENTS.md: what it looks like.

// document is a standard that Septet follows. later says why nothing of it is
// proved yet.
type document struct{ name, title, later string }

const draftBBR = "BBR"

// documents are in the order of REQUIREMENTS.md.
var documents = []document{
	{"9293", "Transmission Control Protocol", ""},
	{"1122", "Requirements for Internet Hosts", ""},
	{"1191", "Path MTU Discovery", ""},
	{"1337", "TIME-WAIT Assassination Hazards", ""},
	{"2018", "Selective Acknowledgment Options", ""},
	{"2883", "An Extension to the Selective Acknowledgement Option: D-SACK", ""},
	{"3042", "Limited Transmit", ""},
	{"3168", "Explicit Congestion Notification", ""},
	{"3465", "Appropriate Byte Counting", ""},
	{"3708", "Using D-SACKs to Detect Spurious Retransmissions", ""},
	{"4443", "ICMPv6", ""},
	{"4821", "Packetization Layer Path MTU Discovery", ""},
	{"4987", "SYN Flooding Attacks and Common Mitigations", ""},
	{"5482", "User Timeout Option", ""},
	{"5681", "TCP Congestion Control", ""},
	{"5682", "F-RTO: Detecting Spurious Timeouts", ""},
	{"5927", "ICMP Attacks against TCP", ""},
	{"5961", "Robustness to Blind In-Window Attacks", ""},
	{"6056", "Port Randomization", ""},
	{"6093", "The TCP Urgent Mechanism", ""},
	{"6191", "Reducing TIME-WAIT Using Timestamps", ""},
	{"6298", "Computing the Retransmission Timer", ""},
	{"6528", "Defending against Sequence Number Attacks", ""},
	{"6582", "NewReno", ""},
	{"6675", "Loss Recovery Based on SACK", ""},
	{"6928", "Increasing the Initial Window", ""},
	{"7323", "TCP Extensions for High Performance", ""},
	{"7413", "TCP Fast Open", ""},
	{"7661", "Rate-Limited Traffic (it replaces RFC 2861)", ""},
	{"8511", "Alternative Backoff with ECN", ""},
	{"8201", "Path MTU Discovery for IPv6", ""},
	{"8899", "Datagram Packetization Layer Path MTU Discovery", ""},
	{"8985", "RACK-TLP Loss Detection", ""},
	{"9406", "HyStart++", ""},
	{"9438", "CUBIC", ""},
	{"9937", "Proportional Rate Reduction (it replaces RFC 6937)", ""},
	{draftBBR, "draft-ietf-ccwg-bbr: BBR Congestion Control, version 3", ""},
}

func known(name string) bool {
	return slices.ContainsFunc(documents, func(d document) bool { return d.name == name })
}

const tableHead = `# What the standards require of TCP, and the tests that prove it

Every test says which requirement it proves, in a line of its own. This file is made from those lines by

    go test ./transport/tcp -run TestRequirements -update

and ` + "`TestRequirements`" + ` fails when it is out of date, when a MUST of RFC 9293 has no test, when a SHOULD has
neither a test nor a reason, and when a test that is named here does not exist or does not run.

- A test written ` + "`window/Nagle`" + ` is the script "Nagle" in ` + "`testdata/window.script`" + `; it runs alone with
  ` + "`go test ./transport/tcp -run 'TestScripts/window/Nagle$'`" + `. Others are Go tests, of this package unless another is named.
- MUST-13 and the like are RFC 9293's own numbers (SHLD is SHOULD, REC is RECOMMENDED). A *rule* is what an RFC says without
  one of these words. The words are ours.
- **Declined** says why Septet does not do it. If there is a test beside, it shows what happens instead.

`

// markdown writes REQUIREMENTS.md.
func markdown(all []requirement) string {
	slices.SortFunc(all, func(a, b requirement) int {
		return cmp.Or(compareNumbers(a, b), compareSections(a.section, b.section),
			cmp.Compare(slices.Index(levels, a.level), slices.Index(levels, b.level)),
			cmp.Compare(a.words, b.words), cmp.Compare(a.declined, b.declined), cmp.Compare(a.test, b.test))
	})
	var b strings.Builder
	b.WriteString(tableHead)
	b.WriteString(countNumbered(all))
	for _, d := range documents {
		name := "RFC " + d.name + ": "
		if d.name == draftBBR {
			name = ""
		}
		if d.later != "" {
			fmt.Fprintf(&b, "\n## %s%s\n\nLater: %s.\n", name, d.title, d.later)
			continue
		}
		part := slices.DeleteFunc(slices.Clone(all), func(r requirement) bool { return r.document != d.name })
		for _, group := range groups(d.name) {
			rows := slices.DeleteFunc(slices.Clone(part), func(r requirement) bool { return !strings.HasPrefix(r.level, group.prefix) })
			fmt.Fprintf(&b, "\n## %s%s%s\n\n", name, d.title, group.title)
			writeRows(&b, rows)
			part = slices.DeleteFunc(part, func(r requirement) bool { return strings.HasPrefix(r.level, group.prefix) })
		}
	}
	return b.String()
}

type group struct{ prefix, title string }

// groups are the tables of one document.
func groups(name string) []group {
	if name != "9293" {
		return []group{{"", ""}}
	}
	return []group{{"MUST-", ", the MUSTs"}, {"SHLD-", ", the SHOULDs"}, {"", ", what else it says"}}
}

// writeRows writes a table with one row for each requirement.
func writeRows(b *strings.Builder, rows []requirement) {
	b.WriteString("| section | level | requirement | tests |\n|---|---|---|---|\n")
	for len(rows) > 0 {
		r := rows[0]
		n := slices.IndexFunc(rows, func(o requirement) bool {
			return o.section != r.section || o.level != r.level || o.words != r.words || o.declined != r.declined
		})
		if n < 0 {
			n = len(rows)
		}
		words := r.words
		var tests []string
		for _, o := range slices.Compact(rows[:n]) {
			if o.test != "" {
				tests = append(tests, "`"+strings.TrimPrefix(o.test, "TestScripts/")+"`")
			}
		}
		if r.declined != "" {
			words += ". **Declined**: " + r.declined
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", r.section, r.level, words, strings.Join(tests, "<br>"))
		rows = rows[n:]
	}
}

// countNumbered counts RFC 9293's numbers.
func countNumbered(all []requirement) string {
	var b strings.Builder
	b.WriteString("| RFC 9293 | numbered | proved | declined |\n|---|---|---|---|\n")
	for _, level := range []string{"MUST", "SHLD", "REC", "MAY"} {
		state := map[string]bool{}
		for _, r := range all {
			if r.document == "9293" && strings.HasPrefix(r.level, level+"-") {
				state[r.level] = state[r.level] || r.test != "" && r.declined == ""
			}
		}
		proved := 0
		for _, is := range state {
			if is {
				proved++
			}
		}
		fmt.Fprintf(&b, "| %s | %d | %d | %d |\n", level, len(state), proved, len(state)-proved)
	}
	return b.String()
}

// compareNumbers orders RFC 9293's numbers; what has none follows them.
func compareNumbers(a, b requirement) int {
	rank := func(r requirement) (int, int) {
		level, number, ok := strings.Cut(r.level, "-")
		if !ok {
			return 4, 0
		}
		n, _ := strconv.Atoi(number)
		return slices.Index([]string{"MUST", "SHLD", "REC", "MAY"}, level), n
	}
	la, na := rank(a)
	lb, nb := rank(b)
	return cmp.Or(cmp.Compare(la, lb), cmp.Compare(na, nb))
}

// compareSections compares "3.8.6" and "3.10" number by number.
func compareSections(a, b string) int {
	return slices.CompareFunc(strings.Split(a, "."), strings.Split(b, "."), func(p, q string) int {
		m, _ := strconv.Atoi(p)
		n, _ := strconv.Atoi(q)
		return cmp.Compare(m, n)
	})
}
