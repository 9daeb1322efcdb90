package name_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"septet/socket"
	"septet/socket/name"
)

// play makes one call of testdata/glibc.c, and returns what came of it in the same words.
func play(sys socket.System, line string) string {
	arg := append(strings.Split(line, "\t"), make([]string, 8)...)
	text := func(n int) string {
		if arg[n] == "NULL" {
			return ""
		}
		return arg[n]
	}
	num := func(n int) int { v, _ := strconv.Atoi(arg[n]); return v }
	switch arg[0] {
	case "aton":
		a, err := name.InetAton(arg[1])
		if err != nil {
			return "0"
		}
		return name.InetNtoa(a)
	case "addr":
		return fmt.Sprint(name.InetAddr(arg[1]))
	case "pton":
		return playPton(num(1), arg[2])
	case "ntop":
		b, _ := hex.DecodeString(arg[2])
		s, err := name.InetNtop(num(1), b)
		if err != nil {
			s = "Address family not supported by protocol"
		}
		return s
	case "gai":
		return playAddrInfo(name.GetAddrInfo(sys, text(1), text(2),
			&name.Hints{Flags: num(3), Family: num(4), SockType: num(5), Protocol: num(6)}))
	case "gni":
		return playNameInfo(sys, text(1), text(2), num(3))
	case "ghbn":
		return playHost(name.GetHostByNameEx(sys, arg[1]))
	case "ghbn2":
		return playHost(name.GetHostByName2(sys, arg[1], num(2)))
	case "ghba":
		return playHost(name.GetHostByAddr(sys, netip.MustParseAddr(arg[1])))
	case "gsbn":
		return playServ(name.GetServByName(sys, arg[1], text(2)))
	case "gsbp":
		return playServ(name.GetServByPort(sys, num(1), text(2)))
	case "gpbn":
		return playProto(name.GetProtoByName(sys, arg[1]))
	case "gpb#":
		return playProto(name.GetProtoByNumber(sys, num(1)))
	case "hton":
		return fmt.Sprint(name.Htons(uint16(num(1))), name.Htonl(uint32(num(1))))
	}
	return "unknown call"
}

func playPton(family int, s string) string {
	b, err := name.InetPton(family, s)
	switch {
	case err == name.ErrNotAddress:
		return "0"
	case err != nil:
		return "-1"
	}
	return "1 " + fmt.Sprintf("% x", b)
}

func playError(err error) string {
	var e name.EAIError
	if !errors.As(err, &e) {
		return "not an EAIError: " + err.Error()
	}
	return fmt.Sprintf("%d %s", int(e), e)
}

func playAddrInfo(all []name.AddrInfo, err error) string {
	if err != nil {
		return playError(err)
	}
	var texts []string
	for _, a := range all {
		s := fmt.Sprintf("%d/%d/%d %s", a.Family, a.SockType, a.Protocol, show(a.Addr.Addr()))
		if zone := a.Addr.Addr().Zone(); zone != "" {
			s += "%" + zone
		}
		s += fmt.Sprintf(" %d", a.Addr.Port())
		if a.CanonName != "" {
			s += " = " + a.CanonName
		}
		texts = append(texts, s)
	}
	return strings.Join(texts, "; ")
}

func show(a netip.Addr) string {
	family := socket.AF_INET6
	if a.Is4() {
		family = socket.AF_INET
	}
	s, _ := name.InetNtop(family, a.AsSlice())
	return s
}

func playNameInfo(sys socket.System, node, service string, flags int) string {
	all, err := name.GetAddrInfo(sys, node, service, &name.Hints{Flags: name.AI_NUMERICHOST, SockType: socket.SOCK_STREAM})
	if err != nil {
		return playError(err)
	}
	host, serv, err := name.GetNameInfo(sys, all[0].Addr, flags)
	if err != nil {
		return playError(err)
	}
	return host + " " + serv
}

func playHost(h *name.HostEnt, err error) string {
	var e name.HostError
	if errors.As(err, &e) {
		return fmt.Sprintf("h_errno %d %s", int(e), e)
	}
	if err != nil {
		return err.Error()
	}
	s := fmt.Sprintf("%s %v", h.Name, h.Aliases)
	for _, a := range h.Addrs {
		s += " " + show(a)
	}
	return s
}

func playServ(s *name.Serv, err error) string {
	if err != nil {
		return "none"
	}
	return fmt.Sprintf("%s %v %d %s", s.Name, s.Aliases, s.Port, s.Proto)
}

func playProto(p *name.Proto, err error) string {
	if err != nil {
		return "none"
	}
	return fmt.Sprintf("%s %v %d", p.Name, p.Aliases, p.Number)
}
