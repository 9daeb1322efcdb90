package differential

import . "septet/socket"

// Every option that is a number, with every value, in every state.

// numberOptions are the options whose value is a number, with the names that a failure
// tells them by.
var numberOptions = []struct {
	level, name int
	text        string
}{
	{SOL_SOCKET, SO_REUSEADDR, "SO_REUSEADDR"}, {SOL_SOCKET, SO_TYPE, "SO_TYPE"},
	{SOL_SOCKET, SO_ERROR, "SO_ERROR"}, {SOL_SOCKET, SO_BROADCAST, "SO_BROADCAST"},
	{SOL_SOCKET, SO_KEEPALIVE, "SO_KEEPALIVE"},
	{SOL_SOCKET, SO_OOBINLINE, "SO_OOBINLINE"}, {SOL_SOCKET, SO_ACCEPTCONN, "SO_ACCEPTCONN"},
	{SOL_SOCKET, SO_PROTOCOL, "SO_PROTOCOL"}, {SOL_SOCKET, SO_DOMAIN, "SO_DOMAIN"},
	{SOL_SOCKET, SO_RCVLOWAT, "SO_RCVLOWAT"}, {SOL_SOCKET, SO_SNDLOWAT, "SO_SNDLOWAT"},
	{SOL_SOCKET, SO_TIMESTAMP, "SO_TIMESTAMP"}, {SOL_SOCKET, SO_TIMESTAMPNS, "SO_TIMESTAMPNS"},
	{SOL_IP, IP_TOS, "IP_TOS"}, {SOL_IP, IP_TTL, "IP_TTL"}, {SOL_IP, IP_HDRINCL, "IP_HDRINCL"},
	{SOL_IP, IP_PKTINFO, "IP_PKTINFO"}, {SOL_IP, IP_MTU_DISCOVER, "IP_MTU_DISCOVER"},
	{SOL_IP, IP_RECVERR, "IP_RECVERR"}, {SOL_IP, IP_RECVTTL, "IP_RECVTTL"},
	{SOL_IP, IP_RECVTOS, "IP_RECVTOS"}, {SOL_IP, IP_MTU, "IP_MTU"},
	{SOL_IP, IP_FREEBIND, "IP_FREEBIND"}, {SOL_IP, IP_RECVORIGDSTADDR, "IP_RECVORIGDSTADDR"},
	{SOL_IP, IP_MULTICAST_TTL, "IP_MULTICAST_TTL"}, {SOL_IP, IP_MULTICAST_LOOP, "IP_MULTICAST_LOOP"},
	{SOL_IP, IP_MULTICAST_ALL, "IP_MULTICAST_ALL"},
	{SOL_IPV6, IPV6_UNICAST_HOPS, "IPV6_UNICAST_HOPS"}, {SOL_IPV6, IPV6_MULTICAST_HOPS, "IPV6_MULTICAST_HOPS"},
	{SOL_IPV6, IPV6_MULTICAST_LOOP, "IPV6_MULTICAST_LOOP"}, {SOL_IPV6, IPV6_MULTICAST_ALL, "IPV6_MULTICAST_ALL"},
	{SOL_IPV6, IPV6_MTU_DISCOVER, "IPV6_MTU_DISCOVER"}, {SOL_IPV6, IPV6_MTU, "IPV6_MTU"},
	{SOL_IPV6, IPV6_RECVERR, "IPV6_RECVERR"}, {SOL_IPV6, IPV6_V6ONLY, "IPV6_V6ONLY"},
	{SOL_IPV6, IPV6_RECVPKTINFO, "IPV6_RECVPKTINFO"}, {SOL_IPV6, IPV6_RECVHOPLIMIT, "IPV6_RECVHOPLIMIT"},
	{SOL_IPV6, IPV6_RECVTCLASS, "IPV6_RECVTCLASS"}, {SOL_IPV6, IPV6_TCLASS, "IPV6_TCLASS"},
	{SOL_TCP, TCP_NODELAY, "TCP_NODELAY"}, {SOL_TCP, TCP_MAXSEG, "TCP_MAXSEG"}, {SOL_TCP, TCP_CORK, "TCP_CORK"},
	{SOL_TCP, TCP_KEEPIDLE, "TCP_KEEPIDLE"}, {SOL_TCP, TCP_KEEPINTVL, "TCP_KEEPINTVL"},
	{SOL_TCP, TCP_KEEPCNT, "TCP_KEEPCNT"}, {SOL_TCP, TCP_SYNCNT, "TCP_SYNCNT"},
	{SOL_TCP, TCP_LINGER2, "TCP_LINGER2"}, {SOL_TCP, TCP_DEFER_ACCEPT, "TCP_DEFER_ACCEPT"},
	{SOL_TCP, TCP_WINDOW_CLAMP, "TCP_WINDOW_CLAMP"}, {SOL_TCP, TCP_QUICKACK, "TCP_QUICKACK"},
	{SOL_TCP, TCP_USER_TIMEOUT, "TCP_USER_TIMEOUT"}, {SOL_TCP, TCP_FASTOPEN, "TCP_FASTOPEN"},
}

// optionValues are good, at an edge and bad for one option or the other.
var optionValues = []int{-2, -1, 0, 1, 2, 3, 4, 6, 87, 127, 128, 255, 256, 32767, 65535, 1 << 20}

// optionStates are sockets in every state in which an option may mean something else.
var optionStates = []struct {
	name string
	make func(s *situation) Descriptor
}{
	{"stream", func(s *situation) Descriptor { return s.make(SOCK_STREAM) }},
	{"listening", func(s *situation) Descriptor { l, _ := s.listener(); return l }},
	{"connected", func(s *situation) Descriptor { c, _ := s.pair(); return c }},
	{"datagram", func(s *situation) Descriptor { return s.make(SOCK_DGRAM) }},
}

// differentOptions are what a connection over "lo" tells otherwise, and why.
var differentOptions = map[string]string{
	"TCP_MAXSEG":       "Linux sends no more than half of the largest window it has seen at once",
	"TCP_WINDOW_CLAMP": "Linux begins with its first window, here there is no bound",
	"IP_MTU":           "that of lo is what an IP datagram can be here, with IPv6 too",
	"IPV6_MTU":         "as IP_MTU",
}

// optionRows is a situation for each option, in which it is set to each value in each
// state, and read before and after.
var optionRows = func() (list []script) {
	for _, o := range numberOptions {
		list = append(list, script{name: o.text, run: func(s *situation) {
			for _, state := range optionStates {
				if state.name == "connected" && differentOptions[o.text] != "" {
					continue
				}
				e := state.make(s)
				s.note(state.name)
				s.values(e, o.level, o.name, optionValues...)
			}
		}})
	}
	return list
}()
