package name_test

import "strings"

// A suite is a machine's files and the calls that are made on it: those of
// testdata/glibc.c, one a line, the arguments after a tab.
type suite struct {
	name, hostname string
	families       string // that the machine has addresses of: "46", "4", "6" or ""
	files          map[string]string
	calls          string
}

func (s *suite) lines() (all []string) {
	for line := range strings.Lines(s.calls) {
		if line = strings.TrimRight(line, "\n"); line != "" && line[0] != '#' {
			all = append(all, strings.ReplaceAll(line, "|", "\t"))
		}
	}
	return all
}

const hostsText = `# a comment
127.0.0.1	localhost
127.0.1.1	pc1.corp.lab pc1   # own name
::1	localhost ip6-localhost ip6-loopback
10.9.0.2	Both both-alias
2001:db8:9::2	Both six-alias
10.9.0.3	twice first-alias
10.9.0.4	twice second-alias twice
fe80::5	linklocal
::ffff:10.9.0.6	mapped
10.9.0.5	third Twice twice
10.9.0.7	WWW.Upper.Case
not-an-address	broken
10.9.0.8
10.9.0.300	broken
  10.9.0.9   indented	tabbed
2001:db8:9::10	onlysix
10.9.0.11	onlyfour four#cut off
010.9.0.12	octal
10.9.13	short
`

const servicesText = `# services
echo	7/tcp
echo	7/udp
http	80/tcp	www   # the web
https 443/tcp
https 443/udp
domain	53/tcp nameserver
domain	53/udp
tftp	69/udp
exec	512/tcp
biff	512/udp	comsat
stream	4000/sctp
calls	4001/dccp
everywhere	4002/tcp
everywhere	4002/udp
everywhere	4002/sctp
high	65535/tcp
bad	notanumber/tcp
bad2	80
`

const protocolsText = `ip	0	IP
icmp	1	ICMP
tcp	6	TCP	# transmission
udp 17 UDP user-datagram
bad	x
ipv6-icmp 58 IPv6-ICMP
`

func etc(resolv string) map[string]string {
	return map[string]string{
		"/etc/hosts": hostsText, "/etc/services": servicesText, "/etc/protocols": protocolsText,
		"/etc/resolv.conf": resolv,
	}
}

var suites = []suite{
	{"texts", "pc1", "46", etc("nameserver 127.0.0.1\n"), texts},
	{"tables", "pc1", "46", etc("nameserver 127.0.0.1\n"), tables},
	{"hints", "pc1", "46", etc("nameserver 127.0.0.1\n"), hintsCalls},
	{"hosts", "pc1", "46", etc("nameserver 127.0.0.1\n"), hostsCalls},
	{"dns", "pc1", "46", etc("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"), dnsCalls},
	{"search", "pc1", "46", etc("search corp.lab example\nnameserver 127.0.0.1\n"), searchCalls},
	{"ndots", "pc1", "46", etc("; old\ndomain corp.lab\nnameserver 127.0.0.1\noptions ndots:2 timeout:x\n"), searchCalls},
	{"domain", "pc1.corp.lab", "46", etc("nameserver 127.0.0.1\n"), searchCalls},
	{"nobody", "pc1", "46", etc("nameserver 127.0.0.2\noptions timeout:1 attempts:1\n"), "gai|www.example||0|0|1|0\nghbn|www.example\nghba|10.1.0.1\ngni|10.1.0.1|80|0\ngni|10.1.0.1|80|8\ngai|localhost||0|0|1|0\ngai|x||0|0|1|0\n"},
	{"second", "pc1", "46", etc("nameserver 127.0.0.2\nnameserver 127.0.0.1\nnameserver junk\noptions rotate timeout:1\n"), "gai|www.example||0|0|1|0\ngai|nowhere.example||0|0|1|0\ngai|fail.example||0|0|1|0\n"},
	{"default", "pc1", "46", etc("# nothing\n"), "gai|www.example||0|0|1|0\nghbn|nowhere.example\n"},
	{"four", "pc1", "4", etc("nameserver 127.0.0.1\n"), familyCalls},
	{"six", "pc1", "6", etc("nameserver 127.0.0.1\n"), familyCalls},
	{"alone", "pc1", "", etc("nameserver 127.0.0.1\n"), familyCalls},
}

// familyCalls are those that depend on the machine's addresses: AI_ADDRCONFIG (32) and
// the order.
const familyCalls = `
gai|www.example||0|0|1|0
gai|localhost||0|0|1|0
gai|NULL|80|0|0|1|0
gai|NULL|80|1|0|1|0
gai|NULL|80|32|0|1|0
gai|NULL|80|33|0|1|0
gai|both||0|0|1|0
gai|www.example||32|0|1|0
gai|www.example||32|2|1|0
gai|www.example||32|10|1|0
gai|www.example||40|10|1|0
gai|www.example||40|0|1|0
gai|www.example||56|10|1|0
gai|v4.example||32|0|1|0
gai|v6.example||32|0|1|0
gai|v4.example||40|10|1|0
gai|localhost||32|0|1|0
gai|localhost||32|10|1|0
gai|1.2.3.4||32|0|1|0
gai|1.2.3.4||32|2|1|0
gai|::1||32|0|1|0
gai|::1||32|10|1|0
gai|2001:db8::1||32|0|1|0
gai|1.2.3.4||40|10|1|0
gai|ula.example||0|0|1|0
`

const texts = `
aton|1.2.3.4
aton|127.1
aton|127.0.1
aton|2130706433
aton|0x7f.1
aton|0177.0.0.1
aton|0x7f000001
aton|0X7F.0x1
aton|1.2.3.4 junk
aton|1.2.3.4junk
aton| 1.2.3.4
aton|1.2.3.4.
aton|1.2.3
aton|1.2.65535
aton|1.2.65536
aton|1.16777215
aton|1.16777216
aton|256.1
aton|1.256.1.1
aton|4294967295
aton|4294967296
aton|08.1.1.1
aton|0x
aton|0x.1
aton|
aton|1..2
aton|.1
aton|-1
aton|+1
aton|1.2.3.4.5
aton|00000000000000000000001.2.3.4
aton|1.2.3.0x100
aton|0xffffffff
aton|0x1ffffffff
aton|99999999999999999999
aton|1.2.3.4%eth0
aton|::1
aton|1e3
aton|0.0.0.0
aton|037777777777
addr|127.1
addr|255.255.255.255
addr|junk
pton|2|1.2.3.4
pton|2|01.2.3.4
pton|2|127.1
pton|2|1.2.3.256
pton|2|1.2.3.4 
pton|2|::1
pton|2|
pton|2|0.0.0.00
pton|3|1.2.3.4
pton|10|::
pton|10|::1
pton|10|1::
pton|10|1:2:3:4:5:6:7:8
pton|10|1:2:3:4:5:6:7::
pton|10|::2:3:4:5:6:7:8
pton|10|1::2:3:4:5:6:7:8
pton|10|1:2:3:4:5:6:7:8::
pton|10|1:2:3:4:5:6:7
pton|10|1:2:3:4:5:6:7:8:9
pton|10|::ffff:1.2.3.4
pton|10|::1.2.3.4
pton|10|1:2:3:4:5:6:1.2.3.4
pton|10|1:2:3:4:5:6:7:1.2.3.4
pton|10|::ffff:1.2.3
pton|10|::ffff:01.2.3.4
pton|10|::1.2.3.4:5
pton|10|12345::
pton|10|00001::
pton|10|::g
pton|10|1:::2
pton|10|1::2::3
pton|10|:1:2:3:4:5:6:7:8
pton|10|:
pton|10|:1
pton|10|1:
pton|10|fe80::1%eth0
pton|10|FE80::Ab
pton|10|1.2.3.4
pton|10|[::1]
pton|10|
ntop|2|7f000001
ntop|2|ffffffff
ntop|10|00000000000000000000000000000000
ntop|10|00000000000000000000000000000001
ntop|10|00000000000000000000ffff01020304
ntop|10|00000000000000000000000001020304
ntop|10|00000000000000000000000000010000
ntop|10|00000000000000000000000000000102
ntop|10|0000000000000000fffe000001020304
ntop|10|0000000000000000ffff000001020304
ntop|10|20010db8000000000001000000000001
ntop|10|20010db8000000010000000000010000
ntop|10|20010db8000000010001000100010001
ntop|10|00010000000000010000000000000000
ntop|10|0001000200030004000500060007ABCD
ntop|10|00000001000200030004000500060007
ntop|10|00000000000200030004000500060007
ntop|10|fe800000000000000000000000000000
ntop|3|7f000001
hton|4660
hton|1
hton|65280
`

const tables = `
gsbn|http|NULL
gsbn|http|tcp
gsbn|http|udp
gsbn|www|tcp
gsbn|HTTP|tcp
gsbn|https|udp
gsbn|comsat|NULL
gsbn|nothing|NULL
gsbn|stream|sctp
gsbn|bad|NULL
gsbn|bad2|NULL
gsbn||NULL
gsbn|http|TCP
gsbp|80|NULL
gsbp|80|udp
gsbp|512|udp
gsbp|512|tcp
gsbp|512|NULL
gsbp|53|udp
gsbp|65535|tcp
gsbp|9|NULL
gpbn|tcp
gpbn|TCP
gpbn|Tcp
gpbn|user-datagram
gpbn|bad
gpbn|nothing
gpb#|0
gpb#|58
gpb#|250
`

const hintsCalls = `
gai|NULL|NULL|0|0|0|0
gai|NULL|80|0|0|0|0
gai|NULL|80|1|0|0|0
gai|NULL|80|1|2|1|0
gai|NULL|80|1|10|1|0
gai|NULL|http|0|0|0|0
gai|NULL|80|2|0|0|0
gai|*|80|0|0|1|0
gai|*|*|0|0|1|0
gai|1.2.3.4|*|0|0|1|0
gai|1.2.3.4||0|0|1|0
gai|1.2.3.4|NULL|0|0|0|0
gai|1.2.3.4|80|0|0|0|0
gai|1.2.3.4|http|0|0|0|0
gai|1.2.3.4|echo|0|0|0|0
gai|1.2.3.4|everywhere|0|0|0|0
gai|1.2.3.4|stream|0|0|0|0
gai|1.2.3.4|stream|0|0|1|0
gai|1.2.3.4|stream|0|0|1|132
gai|1.2.3.4|stream|0|0|5|0
gai|1.2.3.4|calls|0|0|6|0
gai|1.2.3.4|80|0|0|6|0
gai|1.2.3.4|80|0|0|6|6
gai|1.2.3.4|http|0|0|2|0
gai|1.2.3.4|tftp|0|0|2|0
gai|1.2.3.4|tftp|0|0|1|0
gai|1.2.3.4|www|0|0|1|0
gai|1.2.3.4|nothing|0|0|1|0
gai|1.2.3.4|nothing|0|0|0|0
gai|1.2.3.4|80|0|0|3|0
gai|1.2.3.4|http|0|0|3|0
gai|1.2.3.4|NULL|0|0|3|0
gai|1.2.3.4|NULL|0|0|3|1
gai|1.2.3.4|NULL|0|0|3|99
gai|1.2.3.4|NULL|0|0|0|99
gai|1.2.3.4|80|0|0|0|99
gai|1.2.3.4|80|0|0|0|6
gai|1.2.3.4|80|0|0|0|17
gai|1.2.3.4|80|0|0|0|132
gai|1.2.3.4|80|0|0|0|136
gai|1.2.3.4|http|0|0|0|17
gai|1.2.3.4|80|0|0|1|17
gai|1.2.3.4|80|0|0|2|6
gai|1.2.3.4|80|0|0|4|0
gai|1.2.3.4|80|0|0|9|0
gai|1.2.3.4|80|0|0|5|0
gai|1.2.3.4|65535|0|0|1|0
gai|1.2.3.4|65536|0|0|1|0
gai|1.2.3.4|70000|0|0|1|0
gai|1.2.3.4|99999999999|0|0|1|0
gai|1.2.3.4|-1|0|0|1|0
gai|1.2.3.4| 80|0|0|1|0
gai|1.2.3.4|+80|0|0|1|0
gai|1.2.3.4|80 |0|0|1|0
gai|1.2.3.4|0x50|0|0|1|0
gai|1.2.3.4|http|1024|0|1|0
gai|1.2.3.4|80|1024|0|1|0
gai|1.2.3.4|80|2048|0|1|0
gai|1.2.3.4|80|4096|0|1|0
gai|1.2.3.4|80|0|1|1|0
gai|1.2.3.4|80|0|-1|1|0
gai|1.2.3.4|80|0|10|1|0
gai|1.2.3.4|80|8|10|1|0
gai|1.2.3.4|80|24|10|1|0
gai|1.2.3.4|80|0|2|1|0
gai|127.1|80|2|2|1|0
gai|0x7f.1|80|6|0|1|0
gai|010.8.8.8|80|4|0|1|0
gai|1.2.3.4 |80|4|0|1|0
gai|1.2.3.4 junk|80|4|0|1|0
gai|1.2.3.4.|80|4|0|1|0
gai|::1|80|0|0|1|0
gai|::1|80|2|0|1|0
gai|::1|80|0|2|1|0
gai|::1|80|8|2|1|0
gai|::ffff:1.2.3.4|80|0|2|1|0
gai|::ffff:1.2.3.4|80|0|0|1|0
gai|::ffff:1.2.3.4|80|0|10|1|0
gai|fe80::1|80|0|0|1|0
gai|fe80::1%eth0|80|0|0|1|0
gai|fe80::1%eth0|80|2|0|1|0
gai|fe80::1%2|80|0|0|1|0
gai|fe80::1%1|80|0|0|1|0
gai|fe80::1%nothing|80|0|0|1|0
gai|fe80::1%|80|0|0|1|0
gai|fe80::1%0|80|0|0|1|0
gai|ff02::1%eth0|80|0|0|1|0
gai|ff05::1%eth0|80|0|0|1|0
gai|ff05::1%2|80|0|0|1|0
gai|::1%lo|80|0|0|1|0
gai|::1%1|80|0|0|1|0
gai|2001:db8::1%2|80|0|0|1|0
gai|1.2.3.4%eth0|80|4|0|1|0
gai|localhost|80|4|0|1|0
gai|nowhere|80|4|0|1|0
gai|localhost|http|0|0|1|0
gai|localhost|80|0|0|0|0
gai|localhost|80|2|0|0|0
gai|localhost|nothing|0|0|1|0
gai|1.2.3.4|80|32|0|1|0
gai|::1|80|32|0|1|0
gai|localhost|80|32|0|1|0
gai|nowhere.example|nothing|0|0|1|0
gai|1.2.3.4|80|16|10|1|0
`

const hostsCalls = `
gai|localhost||0|2|1|0
gai|localhost||0|10|1|0
gai|LocalHost||2|0|1|0
gai|localhost.||0|0|1|0
gai|ip6-localhost||2|0|1|0
gai|ip6-localhost||2|2|1|0
gai|pc1||2|0|1|0
gai|pc1||0|10|1|0
gai|pc1||8|10|1|0
gai|pc1.corp.lab||2|0|1|0
gai|both||2|0|1|0
gai|both||0|2|1|0
gai|both||0|10|1|0
gai|both||8|10|1|0
gai|both||24|10|1|0
gai|both-alias||2|0|1|0
gai|six-alias||2|0|1|0
gai|twice||2|0|1|0
gai|twice||0|2|2|0
gai|first-alias||2|0|1|0
gai|second-alias||2|0|1|0
gai|linklocal||0|0|1|0
gai|mapped||0|0|1|0
gai|mapped||0|2|1|0
gai|mapped||0|10|1|0
gai|www.upper.case||2|0|1|0
gai|broken||0|0|1|0
gai|tabbed||2|0|1|0
gai|onlysix||0|2|1|0
gai|onlysix||2|0|1|0
gai|onlyfour||0|10|1|0
gai|onlyfour||8|10|1|0
gai|onlyfour||24|10|1|0
gai|four||2|0|1|0
gai|cut||0|0|1|0
gai|octal||0|0|1|0
gai|short||0|0|1|0
ghbn|localhost
ghbn|LOCALHOST
ghbn|ip6-localhost
ghbn|pc1
ghbn|both
ghbn|twice
ghbn|first-alias
ghbn|second-alias
ghbn|mapped
ghbn|onlysix
ghbn|tabbed
ghbn|127.1
ghbn|1.2.3.4
ghbn|1.2.3.4.5
ghbn|1.2.3.400
ghbn|0x7f.1
ghbn|::1
ghbn|nowhere
ghbn|
ghbn|010.1
ghbn|4294967296
ghbn2|localhost|10
ghbn2|both|10
ghbn2|::1|10
ghbn2|::ffff:1.2.3.4|10
ghbn2|1.2.3.4|10
ghbn2|onlyfour|10
ghbn2|fe80::1%eth0|10
ghba|127.0.0.1
ghba|127.0.1.1
ghba|::1
ghba|10.9.0.2
ghba|2001:db8:9::2
ghba|10.9.0.4
ghba|10.9.0.6
ghba|::ffff:10.9.0.6
ghba|::ffff:10.9.0.2
ghba|fe80::5
ghba|10.9.0.99
ghba|0.0.0.0
gni|127.0.0.1|80|0
gni|127.0.0.1|80|1
gni|127.0.0.1|80|2
gni|127.0.0.1|80|3
gni|127.0.0.1|512|0
gni|127.0.0.1|512|16
gni|127.0.0.1|12345|0
gni|127.0.0.1|0|0
gni|127.0.1.1|80|4
gni|127.0.1.1|80|0
gni|10.9.0.99|80|0
gni|10.9.0.99|80|8
gni|10.9.0.99|80|9
gni|127.0.0.1|80|9
gni|127.0.0.1|80|11
gni|127.0.0.1|80|256
gni|::1|80|0
gni|::1|80|3
gni|fe80::5%eth0|80|0
gni|fe80::9%eth0|80|1
gni|fe80::9%1|80|1
gni|ff02::1%eth0|80|1
gni|ff05::1%2|80|1
gni|2001:db8::5%2|80|1
gni|2001:db8::5%1|80|1
gni|::ffff:1.2.3.4|80|1
gni|::1.2.3.4|80|1
gni|::ffff:127.0.0.1|80|0
`
