package file

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const labsDir = "../../labs"

// mustRead parses one of the labs that come with Septet.
func mustRead(t *testing.T, name string) *Lab {
	t.Helper()
	path := filepath.Join(labsDir, name)
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lab, err := Parse(path, src)
	if err != nil {
		t.Fatalf("%s must be without mistakes:\n%v", name, err)
	}
	return lab
}

func TestEveryLabParses(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(labsDir, "*.yaml"))
	if err != nil || len(paths) < 2 {
		t.Fatalf("found the labs %v (%v), want first.yaml and lossy.yaml at least", paths, err)
	}
	for _, p := range paths {
		mustRead(t, filepath.Base(p))
	}
}

func TestFirstLabHosts(t *testing.T) {
	lab := mustRead(t, "first.yaml")
	if lab.Name != "first light" || lab.Seed != 1 {
		t.Errorf("name %q seed %d, want first light and the default seed 1", lab.Name, lab.Seed)
	}
	var names []string
	for _, h := range lab.Hosts {
		names = append(names, h.Name)
	}
	if got := strings.Join(names, " "); got != "pc1 pc2 www r1" {
		t.Errorf("hosts are %s, want pc1 pc2 www r1: as in the file, routers after hosts", got)
	}
	pc1, r1 := lab.Host("pc1"), lab.Host("r1")
	if pc1.Router || !r1.Router {
		t.Error("r1 alone must forward")
	}
	if pc1.Interfaces[0].Name != "eth0" || pc1.Interfaces[0].Address != netip.MustParsePrefix("10.0.1.10/24") {
		t.Errorf("pc1 has %s %v, want eth0 10.0.1.10/24", pc1.Interfaces[0].Name, pc1.Interfaces[0].Address)
	}
	if pc1.Interfaces[0].MTU != 1500 || pc1.Interfaces[0].MAC.String() != "02:00:0a:00:01:0a" {
		t.Errorf("pc1 has MTU %d and MAC %v, want Ethernet's 1500 and a local address made of 10.0.1.10", pc1.Interfaces[0].MTU, pc1.Interfaces[0].MAC)
	}
	want := Route{To: netip.MustParsePrefix("0.0.0.0/0"), Via: netip.MustParseAddr("10.0.1.1")}
	if len(pc1.Routes) != 1 || pc1.Routes[0].To != want.To || pc1.Routes[0].Via != want.Via {
		t.Errorf("pc1 has routes %v, want the gateway as the only one", pc1.Routes)
	}
	if len(r1.Interfaces) != 2 || r1.Interface("eth1") == nil || r1.Addresses()[0] != netip.MustParseAddr("10.0.1.1") {
		t.Errorf("r1 has interfaces %v, want eth0 and eth1, its name standing for the first", r1.interfaceNames())
	}
	echo, web := lab.Host("pc2").Services[0], lab.Host("www").Services[0]
	if echo.Kind != "echo" || echo.Bind != netip.MustParseAddrPort("0.0.0.0:8888") {
		t.Errorf("pc2 serves %s at %v, want echo at 0.0.0.0:8888", echo.Kind, echo.Bind)
	}
	if web.Kind != "web" || web.Title != "First light" || web.Pages["/"] != "This page came through a router, packet by packet.\n" {
		t.Errorf("www serves %s %q %q, want the page of the file", web.Kind, web.Title, web.Pages)
	}
}

func TestFirstLabLinksAndPorts(t *testing.T) {
	lab := mustRead(t, "first.yaml")
	l := lab.Links[3]
	if l.Name != "r1:eth1 - www" || l.Ends[0].String() != "r1:eth1" || l.Ends[1].String() != "www:eth0" {
		t.Errorf("link %q is from %v to %v, want r1:eth1 to www:eth0, www's only interface", l.Name, l.Ends[0], l.Ends[1])
	}
	if l.Impairments[0].Delay != 10*time.Millisecond || l.Impairments[0] != l.Impairments[1] {
		t.Errorf("link to www has %+v, want 10 ms each way", l.Impairments)
	}
	if lab.Links[0].Ends[1] != (End{Position: Position{51, 18}, Node: "s1"}) {
		t.Errorf("pc1's link ends at %+v, want the switch s1, which stands at 51:18", lab.Links[0].Ends[1])
	}
	p := lab.Published[1]
	if p.Protocol != "tcp" || p.Listen != netip.MustParseAddrPort("127.0.0.1:8080") || p.From != "pc1" ||
		p.To.Name != "www" || !only(p.To, "10.0.2.80") || p.To.Port != 80 {
		t.Errorf("second published port is %+v, want 127.0.0.1:8080 through pc1 to www's 10.0.2.80:80", p)
	}
}

func TestFirstLabScript(t *testing.T) {
	lab := mustRead(t, "first.yaml")
	if len(lab.Script) != 5 {
		t.Fatalf("the script has %d steps, want 5", len(lab.Script))
	}
	for i, s := range lab.Script {
		if s.Host != "pc1" || !s.Follows || s.Timeout != DefaultTimeout {
			t.Errorf("step %d is %+v, want one of pc1 that follows the one before", i, s)
		}
	}
	ping, ok := lab.Script[1].Action.(*Ping)
	if !ok || ping.Count != 3 || !only(ping.To, "10.0.2.80") || ping.Interval != time.Second || ping.Size != 56 {
		t.Errorf("second step is %+v, want 3 pings to www, one a second, 56 bytes", lab.Script[1].Action)
	}
	connect, ok := lab.Script[2].Action.(*Connect)
	if !ok || string(connect.Send) != "hello over TCP\n" || string(connect.Expect) != "hello over TCP\n" || connect.To.Port != 8888 {
		t.Errorf("third step is %+v, want the line to pc2:8888 and back, with its newline", lab.Script[2].Action)
	}
	if d, ok := lab.Script[3].Action.(*Datagram); !ok || string(d.Send) != "hello over UDP\n" || d.To.Name != "pc2" {
		t.Errorf("fourth step is %+v, want a datagram to pc2", lab.Script[3].Action)
	}
	get, ok := lab.Script[4].Action.(*Get)
	if !ok || get.URL != "http://www/" || get.To.Port != 80 || !only(get.To, "10.0.2.80") {
		t.Errorf("fifth step is %+v, want the page of www at port 80", lab.Script[4].Action)
	}
}

func TestLossyLab(t *testing.T) {
	lab := mustRead(t, "lossy.yaml")
	line := lab.Links[2]
	there := Impairment{Delay: 20 * time.Millisecond, Jitter: 2 * time.Millisecond, Rate: 1_000_000, Queue: 30_000, Loss: 0.02}
	back := Impairment{Delay: 20 * time.Millisecond, Jitter: 2 * time.Millisecond, Rate: 10_000_000, Loss: 0.04, Burst: 3,
		Reorder: 0.05, ReorderBy: 5 * time.Millisecond}
	if line.Impairments[0] != there {
		t.Errorf("from r1 the line has %+v, want %+v", line.Impairments[0], there)
	}
	if line.Impairments[1] != back {
		t.Errorf("from r2 the line has %+v, want %+v", line.Impairments[1], back)
	}
	if lab.Links[0].Impairments != [2]Impairment{} {
		t.Errorf("a link without properties has %+v, want none", lab.Links[0].Impairments)
	}
	if s := lab.Script[2]; !s.Follows {
		t.Errorf("the third step begins at %v, want it to follow the second", s.At)
	}
	s := lab.Script[3]
	set, ok := s.Action.(*SetLink)
	if !ok || s.At != 5*time.Second || s.Follows || set.Link != line {
		t.Fatalf("the fourth step is %+v, want a change of the line at 5 s", s)
	}
	set.Changes[0].Apply(&there)
	set.Changes[1].Apply(&back)
	if there.Loss != 0.1 || there.Delay != 20*time.Millisecond || there.Rate != 1_000_000 || there.Duplicate != 0.01 {
		t.Errorf("after the change the line has %+v from r1, want loss 10 %% and duplicates 1 %%, the rest as it was", there)
	}
	if back.Loss != 0.1 || back.Delay != 60*time.Millisecond || back.Burst != 3 {
		t.Errorf("after the change the line has %+v from r2, want loss 10 %% and 60 ms, the rest as it was", back)
	}
	if down, ok := lab.Script[4].Action.(*LinkState); !ok || down.Up || down.Link != line {
		t.Errorf("the fifth step is %+v, want the line down", lab.Script[4].Action)
	}
}

// only reports whether a target has one address, this one.
func only(t Target, address string) bool {
	return len(t.Addrs) == 1 && t.Addrs[0] == netip.MustParseAddr(address)
}

// oneMistake parses a file that has exactly one.
func oneMistake(t *testing.T, src string) Mistake {
	t.Helper()
	lab, err := Parse("x.yaml", []byte(src))
	var ms Mistakes
	if !errors.As(err, &ms) || len(ms) != 1 || lab != nil {
		t.Fatalf("Parse gave %v, %v; want no lab and one mistake", lab, err)
	}
	return ms[0]
}

func TestErrorText(t *testing.T) {
	src := "hosts:\n  pc1: {address: 10.0.1.10/24}\n  r1: {address: 10.0.1.1/24}\nlinks:\n  - link: pc9 – r1\n"
	_, err := Parse("labs/x.yaml", []byte(src))
	want := "labs/x.yaml:5:11: unknown host \"pc9\"; did you mean \"pc1\"? hosts and switches here are pc1, r1\n" +
		"     5 |   - link: pc9 – r1\n" +
		"       |           ^^^"
	if err == nil || err.Error() != want {
		t.Errorf("the error reads\n%v\nwant\n%s", err, want)
	}
	var one Mistake
	if !errors.As(err, &one) || one.Line != 5 || one.Column != 11 || one.Width != 3 {
		t.Errorf("errors.As found %+v, want the mistake at 5:11, 3 wide", one)
	}
}

// A column is a character, not a byte, so that editors jump to the right one.
func TestColumnsCountCharacters(t *testing.T) {
	m := oneMistake(t, "hosts:\n  a: {address: 10.0.1.10/24}\n  b: {address: 10.0.1.11/24}\nname: {é: ü}\nlinks: [a – b]\n")
	if m.Line != 4 || m.Column != 7 {
		t.Errorf("mistake at %d:%d, want 4:7", m.Line, m.Column)
	}
	m = oneMistake(t, "hosts:\n  a: {address: 10.0.1.10/24}\n  b: {address: 10.0.1.11/24}\nlinks: [\"a – bé\"]\n")
	if m.Column != 14 || m.Width != 2 {
		t.Errorf("mistake at column %d, %d wide, want bé: column 14, behind a quote and a three-byte dash, 2 wide", m.Column, m.Width)
	}
	m = oneMistake(t, "\ufeffhosts:\r\n  a: {address: 10.0.1.10/24}\r\n  b: {address: 10.0.1.11/24}\r\nlinks: [a - c]\r\n")
	if m.Line != 4 || m.Column != 13 || m.Source != "links: [a - c]" {
		t.Errorf("mistake at %d:%d in %q, want 4:13; byte order mark and CRLF do not count", m.Line, m.Column, m.Source)
	}
}

func TestMarksStandUnderTabs(t *testing.T) {
	m := Mistake{File: "x", Position: Position{3, 4}, Width: 2, Source: "a:\tbc", Problem: "p"}
	want := "x:3:4: p\n     3 | a:\tbc\n       |   \t^^"
	if got := m.Error(); got != want {
		t.Errorf("mistake reads\n%q, want\n%q: a tab above a tab", got, want)
	}
}

func TestHostileLineIsShownHarmless(t *testing.T) {
	m := Mistake{File: "x", Position: Position{1, 1001}, Width: 1, Source: strings.Repeat("a", 1000) + "\x1b]0;evil\x07", Problem: "p"}
	got := m.Error()
	if strings.ContainsAny(got, "\x1b\x07") || len(got) > 400 {
		t.Errorf("mistake reads %q, want no control characters and only a part of the long line", got)
	}
}

func TestMistakesAreBounded(t *testing.T) {
	_, err := Parse("x", []byte("hosts: {a: {address: 10.0.0.1/24}}\nlinks:\n"+strings.Repeat("  - a - nobody\n", 10_000)))
	var ms Mistakes
	if !errors.As(err, &ms) || len(ms) != MaxMistakes {
		t.Fatalf("%d mistakes, want the first %d of many", len(ms), MaxMistakes)
	}
	if !strings.Contains(err.Error(), "there may be more") {
		t.Error("the text must say that there may be more mistakes")
	}
}

// Inputs that cost a careless YAML reader its stack, its memory or its time: it
// would not come back from them.
func TestCostlyFilesAreRefused(t *testing.T) {
	const n = 1 << 18
	for name, src := range map[string]string{
		"brackets":    strings.Repeat("[", n),
		"braces":      strings.Repeat("{a: ", n/4),
		"dashes":      strings.Repeat("- ", n/2),
		"questions":   strings.Repeat("? ", n/2),
		"colons":      strings.Repeat("a: ", n/3),
		"tags":        strings.Repeat("!a ", n/3),
		"anchors":     strings.Repeat("&a ", n/3),
		"laughs":      "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
		"big":         strings.Repeat("#", MaxSize+1),
		"long line":   "name: {" + strings.Repeat("é: a, ", n/7) + "}",
		"long list":   "links: [" + strings.Repeat("a, ", n/8) + "]",
		"many words":  strings.Repeat("a, ", n/3),
		"staircase":   staircase(1000),
		"many hosts":  "hosts:\n" + strings.Repeat("  a: {}\n", n/8),
		"not UTF-8":   "name: \xff\n",
		"no document": "",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("x", []byte(src))
			var ms Mistakes
			if !errors.As(err, &ms) {
				t.Errorf("error is %v, want Mistakes", err)
			}
		})
	}
}

func staircase(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

// The reference must have every key that the parser knows.
func TestREADMEHasEveryKey(t *testing.T) {
	src, err := os.ReadFile(filepath.Join(labsDir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, ks := range formatKeys {
		for _, key := range ks.names {
			if !strings.Contains(string(src), "`"+key+"`") {
				t.Errorf("labs/README.md does not explain `%s`, a key of %s", key, ks.of)
			}
		}
	}
}

// Every example in the reference that is a whole lab must be right.
func TestREADMEExamples(t *testing.T) {
	src, err := os.ReadFile(filepath.Join(labsDir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	examples := 0
	for i, block := range strings.Split(string(src), "```yaml\n")[1:] {
		text, _, _ := strings.Cut(block, "```")
		if !strings.HasPrefix(text, "# a whole lab") {
			continue
		}
		examples++
		if _, err := Parse("README.md", []byte(text)); err != nil {
			t.Errorf("example %d has mistakes:\n%v", i+1, err)
		}
	}
	if examples == 0 {
		t.Error("labs/README.md has no example that begins with \"# a whole lab\"")
	}
}

func FuzzParse(f *testing.F) {
	for _, pattern := range []string{labsDir + "/*.yaml", "testdata/*.yaml"} {
		paths, _ := filepath.Glob(pattern)
		for _, p := range paths {
			if src, err := os.ReadFile(p); err == nil {
				f.Add(src)
			}
		}
	}
	f.Add([]byte("hosts: {a: {address: 10.0.0.1/32}}\nlinks: [a - a]\n"))
	f.Add([]byte("? [a]\n: &x *x"))
	f.Fuzz(func(t *testing.T, src []byte) {
		lab, err := Parse("x.yaml", src)
		var ms Mistakes
		switch {
		case err == nil && lab == nil:
			t.Error("neither a lab nor a mistake")
		case err != nil && (!errors.As(err, &ms) || len(ms) == 0 || len(ms) > MaxMistakes):
			t.Errorf("the error is %v, want 1 to %d Mistakes", err, MaxMistakes)
		}
		for _, m := range ms {
			if m.Line < 1 || m.Column < 1 || m.Width < 1 || m.Error() == "" {
				t.Errorf("a mistake without a place: %+v", m)
			}
		}
	})
}

// RFC 3986, section 3.2.2: the host of a URL is case-insensitive.
func TestHostsInURLsAndShortForms(t *testing.T) {
	lab, err := Parse("x", []byte("hosts:\n  a: {address: 10.0.0.1/24}\n  www: {address: 10.0.0.2/24}\nlinks: [a - www]\n"+
		"script:\n  - {host: a, get: HTTP://WWW:8080/Path}\n  - {host: a, udp: www:7}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if g := lab.Script[0].Action.(*Get); g.URL != "http://www:8080/Path" || g.To.Name != "www" {
		t.Errorf("the page is %s of %q, want http://www:8080/Path of www: the path keeps its case", g.URL, g.To.Name)
	}
	if d := lab.Script[1].Action.(*Datagram); d.To.Port != 7 || len(d.Send)+len(d.Expect) != 0 {
		t.Errorf("the short form of udp is %+v, want an empty datagram to port 7", d)
	}
}
