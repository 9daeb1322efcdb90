package socket

import "time"

// Address families.
const (
	AF_UNSPEC = 0
	AF_INET   = 2
	AF_INET6  = 10
)

// Kinds of sockets. SOCK_NONBLOCK may be added to any of them.
const (
	SOCK_STREAM   = 1
	SOCK_DGRAM    = 2
	SOCK_RAW      = 3
	SOCK_NONBLOCK = 0x800
)

// Protocols, the third argument of socket.
const (
	IPPROTO_IP   = 0
	IPPROTO_ICMP = 1
	IPPROTO_TCP  = 6
	IPPROTO_UDP  = 17
	IPPROTO_IPV6 = 41
	IPPROTO_RAW  = 255
)

// Ways to shut a connection down.
const (
	SHUT_RD   = 0
	SHUT_WR   = 1
	SHUT_RDWR = 2
)

// Flags of the sending and receiving calls.
const (
	MSG_OOB      = 0x1
	MSG_PEEK     = 0x2
	MSG_CTRUNC   = 0x8 // out only: a control message did not fit
	MSG_TRUNC    = 0x20
	MSG_DONTWAIT = 0x40
	MSG_WAITALL  = 0x100
	MSG_ERRQUEUE = 0x2000 // receive from the error queue
	MSG_NOSIGNAL = 0x4000 // accepted: there are no signals here
	MSG_MORE     = 0x8000
	MSG_FASTOPEN = 0x20000000
)

// SOMAXCONN is the longest backlog that Listen takes; a longer one is cut to it.
const SOMAXCONN = 4096

// Levels of options.
const (
	SOL_SOCKET = 1
	SOL_IP     = IPPROTO_IP
	SOL_TCP    = IPPROTO_TCP
	SOL_IPV6   = IPPROTO_IPV6
)

// Options of the level SOL_SOCKET, with Linux's numbers.
const (
	SO_REUSEADDR  = 2
	SO_TYPE       = 3
	SO_ERROR      = 4
	SO_BROADCAST  = 6
	SO_SNDBUF     = 7
	SO_RCVBUF     = 8
	SO_KEEPALIVE  = 9
	SO_OOBINLINE  = 10
	SO_NO_CHECK   = 11 // datagrams over IPv4 have no checksum
	SO_LINGER     = 13
	SO_RCVLOWAT   = 18
	SO_SNDLOWAT   = 19
	SO_RCVTIMEO   = 20
	SO_SNDTIMEO   = 21
	SO_TIMESTAMP  = 29
	SO_ACCEPTCONN = 30
	SO_PROTOCOL   = 38
	SO_DOMAIN     = 39

	SO_TIMESTAMPNS = 35

	SO_RCVTIMEO_NEW = 66
	SO_SNDTIMEO_NEW = 67
)

// Options of the level SOL_IP.
const (
	IP_TOS     = 1
	IP_TTL     = 2
	IP_HDRINCL = 3

	IP_PKTINFO      = 8
	IP_MTU_DISCOVER = 10
	IP_RECVERR      = 11
	IP_RECVTTL      = 12
	IP_RECVTOS      = 13
	IP_MTU          = 14
	IP_FREEBIND     = 15

	IP_RECVORIGDSTADDR = 20

	IP_MULTICAST_IF           = 32
	IP_MULTICAST_TTL          = 33
	IP_MULTICAST_LOOP         = 34
	IP_ADD_MEMBERSHIP         = 35
	IP_DROP_MEMBERSHIP        = 36
	IP_UNBLOCK_SOURCE         = 37
	IP_BLOCK_SOURCE           = 38
	IP_ADD_SOURCE_MEMBERSHIP  = 39
	IP_DROP_SOURCE_MEMBERSHIP = 40
	IP_MULTICAST_ALL          = 49
)

// Values of IP_MTU_DISCOVER and IPV6_MTU_DISCOVER.
const (
	IP_PMTUDISC_DONT  = 0
	IP_PMTUDISC_WANT  = 1
	IP_PMTUDISC_DO    = 2
	IP_PMTUDISC_PROBE = 3

	IP_PMTUDISC_INTERFACE = 4
	IP_PMTUDISC_OMIT      = 5
)

// Options of the levels SOL_IP and SOL_IPV6 (RFC 3678, section 5).
const (
	MCAST_JOIN_GROUP         = 42
	MCAST_BLOCK_SOURCE       = 43
	MCAST_UNBLOCK_SOURCE     = 44
	MCAST_LEAVE_GROUP        = 45
	MCAST_JOIN_SOURCE_GROUP  = 46
	MCAST_LEAVE_SOURCE_GROUP = 47
)

// Options of the level SOL_IPV6.
const (
	IPV6_UNICAST_HOPS   = 16
	IPV6_MULTICAST_IF   = 17
	IPV6_MULTICAST_HOPS = 18
	IPV6_MULTICAST_LOOP = 19
	IPV6_JOIN_GROUP     = 20
	IPV6_LEAVE_GROUP    = 21
	IPV6_MTU_DISCOVER   = 23
	IPV6_MTU            = 24
	IPV6_RECVERR        = 25
	IPV6_V6ONLY         = 26
	IPV6_MULTICAST_ALL  = 29
	IPV6_RECVPKTINFO    = 49
	IPV6_PKTINFO        = 50
	IPV6_RECVHOPLIMIT   = 51
	IPV6_HOPLIMIT       = 52
	IPV6_RECVTCLASS     = 66
	IPV6_TCLASS         = 67
)

// Options of the level SOL_TCP.
const (
	TCP_NODELAY      = 1
	TCP_MAXSEG       = 2
	TCP_CORK         = 3
	TCP_KEEPIDLE     = 4
	TCP_KEEPINTVL    = 5
	TCP_KEEPCNT      = 6
	TCP_SYNCNT       = 7
	TCP_LINGER2      = 8
	TCP_DEFER_ACCEPT = 9
	TCP_WINDOW_CLAMP = 10
	TCP_INFO         = 11
	TCP_QUICKACK     = 12
	TCP_CONGESTION   = 13
	TCP_USER_TIMEOUT = 18
	TCP_FASTOPEN     = 23
)

// UDP_CORK is an option of the level IPPROTO_UDP: what is sent is put together to one
// datagram until it is taken off (udp(7)).
const UDP_CORK = 1

// Linger is the value of SO_LINGER. With On, Close waits up to Time for the
// data to be acknowledged; with a Time of zero it resets the connection.
type Linger struct {
	On   bool
	Time time.Duration
}
