package socket

import (
	"syscall"
	"time"

	"septet/network"
	"septet/transport/tcp"
)

func (t *stream) linger() Linger {
	v := Linger{On: t.lingers}
	if rare := t.socket.rare; rare != nil {
		v.Time = rare.linger.Time
	}
	return v
}

func (t *stream) setLinger(v Linger) {
	if t.lingers = v.On; v != t.linger() {
		t.socket.needRare().linger = v
	}
}

// multicast is what a stream has joined of a family's groups. As on Linux that is nothing to
// the stream itself, but the host is a member.
func (t *stream) multicast(six bool) *network.Multicast {
	m := &t.socket.needRare().groups[number(six)]
	if *m == nil {
		*m = network.NewMulticast()
	}
	return *m
}

// leaveGroups ends its memberships.
func (t *stream) leaveGroups() {
	if t.socket.rare == nil {
		return
	}
	for _, m := range t.socket.rare.groups {
		if m != nil {
			m.Close()
		}
	}
}

func (t *stream) reroute() {}

// tcpOptions returns the options of the connection or listener, or those that
// the next one will have.
func (t *stream) tcpOptions() tcp.Options {
	switch {
	case t.conn != nil:
		return t.conn.Options()
	case t.listener != nil:
		return t.listener.Options()
	case t.options != nil:
		return *t.options
	}
	return tcp.Options{}
}

func (t *stream) setTCPOptions(o tcp.Options) {
	switch {
	case t.conn != nil:
		t.conn.SetOptions(o)
	case t.listener != nil:
		t.listener.SetOptions(o)
		t.listener.SetSharing(o.Sharing)
	default:
		t.options = &o
		if t.port != nil {
			t.port.SetSharing(o.Sharing)
		}
	}
}

// applyRare has TCP heed options that few set.
func (t *stream) applyRare(kept map[option]int) {
	was := t.tcpOptions()
	o := was
	o.Anywhere = kept[option{SOL_IP, IP_FREEBIND}] != 0
	o.WindowClamp = kept[option{SOL_TCP, TCP_WINDOW_CLAMP}]
	o.TellErrors = kept[option{SOL_IP, IP_RECVERR}] != 0
	o.TellErrors6 = kept[option{SOL_IPV6, IPV6_RECVERR}] != 0
	d, set := kept[option{SOL_IP, IP_MTU_DISCOVER}]
	o.MayCut = set && d != IP_PMTUDISC_WANT && d != IP_PMTUDISC_DO
	if o != was {
		t.setTCPOptions(o)
	}
}

// or returns the value that was set, or the usual one.
func or[T comparable](value, usual T) T {
	var unset T
	if value == unset {
		return usual
	}
	return value
}

func (t *stream) option(level, name int) (int, error) {
	o, usual := t.tcpOptions(), &tcp.LinuxPersonality
	switch level {
	case SOL_SOCKET:
		switch name {
		case SO_PROTOCOL:
			return IPPROTO_TCP, nil
		case SO_ACCEPTCONN:
			return number(t.state == listening), nil
		case SO_RCVBUF:
			return 2 * or(o.ReceiveBuffer, usual.ReceiveBuffer), nil
		case SO_SNDBUF:
			return 2 * or(o.SendBuffer, usual.SendBuffer), nil
		case SO_OOBINLINE:
			return number(o.OOBInline), nil
		}
	case SOL_IP:
		switch name {
		case IP_TTL:
			return getTTL(o.TTL), nil
		case IP_TOS:
			return int(o.TOS), nil
		case IP_MTU:
			return t.pathMTU()
		}
	case SOL_IPV6:
		switch name {
		case IPV6_UNICAST_HOPS:
			return getTTL(o.HopLimit), nil
		case IPV6_TCLASS:
			return int(o.TrafficClass), nil
		}
	case SOL_TCP:
		return t.tcpOption(name, &o, usual)
	}
	return 0, syscall.ENOPROTOOPT
}

// pathMTU is what is known of the path of a connection (IP_MTU).
func (t *stream) pathMTU() (int, error) {
	if t.conn == nil || !t.conn.Connected() {
		return 0, syscall.ENOTCONN
	}
	return t.conn.Info().PathMTU, nil
}

func (t *stream) tcpOption(name int, o *tcp.Options, usual *tcp.Personality) (int, error) {
	switch name {
	case TCP_NODELAY:
		return number(o.NoDelay), nil
	case TCP_MAXSEG:
		if t.conn != nil {
			return t.conn.MSS(), nil
		}
		return or(o.MaxSegment, usual.DefaultMSS), nil
	case TCP_CORK:
		return number(o.Cork), nil
	case TCP_KEEPIDLE:
		return int(or(o.KeepAlive.Idle, usual.KeepIdle) / time.Second), nil
	case TCP_KEEPINTVL:
		return int(or(o.KeepAlive.Interval, usual.KeepInterval) / time.Second), nil
	case TCP_KEEPCNT:
		return or(o.KeepAlive.Count, usual.KeepCount), nil
	case TCP_SYNCNT:
		return or(o.SynRetries, usual.SynRetries), nil
	case TCP_LINGER2:
		return linger2(o.FinWait2, usual.FinWait2), nil
	case TCP_DEFER_ACCEPT:
		return int(o.DeferAccept / time.Second), nil
	case TCP_QUICKACK:
		if t.conn != nil {
			return number(t.conn.QuickACKs()), nil
		}
		return number(!t.slowACKs), nil
	case TCP_USER_TIMEOUT:
		return int(o.UserTimeout / time.Millisecond), nil
	case TCP_FASTOPEN:
		return o.FastOpen, nil
	}
	return 0, syscall.ENOPROTOOPT
}

func (t *stream) setOption(level, name, value int) error {
	o := t.tcpOptions()
	var err error
	switch level {
	case SOL_SOCKET:
		switch name {
		case SO_REUSEADDR:
			o.ReuseAddr = value != 0
		case SO_REUSEPORT:
			o.ReusePort = value != 0
		case SO_BROADCAST:
			return nil // it means nothing here
		case SO_KEEPALIVE:
			o.KeepAlive.Enabled = value != 0
		case SO_OOBINLINE:
			o.OOBInline = value != 0
		case SO_RCVBUF:
			o.ReceiveBuffer = clampBuffer(value, minReceiveBuffer)
		case SO_SNDBUF:
			o.SendBuffer = clampBuffer(value, minSendBuffer)
		default:
			return syscall.ENOPROTOOPT
		}
	case SOL_IP:
		switch name {
		case IP_TTL:
			err = setTTL(&o.TTL, value)
		case IP_TOS:
			o.TOS = uint8(value) &^ ecnBits
		default:
			return syscall.ENOPROTOOPT
		}
	case SOL_IPV6:
		switch name {
		case IPV6_UNICAST_HOPS:
			err = setTTL(&o.HopLimit, value)
		case IPV6_TCLASS:
			o.TrafficClass = uint8(value) &^ ecnBits
		default:
			return syscall.ENOPROTOOPT
		}
	case SOL_TCP:
		if name == TCP_QUICKACK {
			t.quickACK(value != 0)
			return nil
		}
		err = t.setTCPOption(name, value, &o)
	default:
		return syscall.ENOPROTOOPT
	}
	if err == nil {
		t.setTCPOptions(o)
		if t.socket.watched() {
			t.tell(tcp.Writable) // a larger buffer has room
		}
	}
	return err
}

// ecnBits of the type of service are TCP's own on a stream, not the user's.
const ecnBits = 3

// Bounds of TCP's options (tcp(7)).
const (
	maxKeepSeconds = 32767
	maxKeepCount   = 127
	maxSynCount    = 127
	minMaxSeg      = 88
	maxMaxSeg      = 32767
)

func (t *stream) setTCPOption(name, value int, o *tcp.Options) (err error) {
	k := &o.KeepAlive
	switch name {
	case TCP_NODELAY:
		o.NoDelay = value != 0
	case TCP_MAXSEG:
		if value != 0 {
			err = within(&o.MaxSegment, value, minMaxSeg, maxMaxSeg)
		} else {
			o.MaxSegment = 0
		}
	case TCP_CORK:
		o.Cork = value != 0
	case TCP_KEEPIDLE:
		k.Idle, err = seconds(value)
	case TCP_KEEPINTVL:
		k.Interval, err = seconds(value)
	case TCP_KEEPCNT:
		err = within(&k.Count, value, 1, maxKeepCount)
	case TCP_SYNCNT:
		err = within(&o.SynRetries, value, 1, maxSynCount)
	case TCP_LINGER2:
		o.FinWait2 = max(time.Duration(value)*time.Second, -1)
		if o.FinWait2 > 2*time.Minute {
			o.FinWait2 = 2 * time.Minute // TCP_FIN_TIMEOUT_MAX
		}
	case TCP_DEFER_ACCEPT:
		o.DeferAccept = deferTime(value)
	case TCP_USER_TIMEOUT:
		if value < 0 {
			return syscall.EINVAL
		}
		o.UserTimeout = time.Duration(value) * time.Millisecond
	case TCP_FASTOPEN:
		if value < 0 || t.conn != nil {
			return syscall.EINVAL
		}
		o.FastOpen = min(value, SOMAXCONN)
	default:
		return syscall.ENOPROTOOPT
	}
	return err
}

// linger2 is the value of TCP_LINGER2 in seconds, -1 for no waiting.
func linger2(set, usual time.Duration) int {
	if set < 0 {
		return -1
	}
	return int(or(set, usual) / time.Second)
}

func (t *stream) quickACK(on bool) {
	t.slowACKs = !on
	if t.conn != nil {
		t.conn.QuickACK(on)
	}
}

// deferTime returns the time of TCP_DEFER_ACCEPT for so many seconds. Linux counts
// it in retransmissions of the SYN,ACK, after 1, 2, 4 ... seconds.
func deferTime(value int) time.Duration {
	const most = 255 // retransmissions are counted in a byte
	sum, step := 0, 1
	for n := 0; sum < value && n < most; n++ {
		sum += step
		step = min(2*step, int(tcp.LinuxPersonality.MaxRTO/time.Second))
	}
	return time.Duration(sum) * time.Second
}

func within(to *int, value, least, most int) error {
	if value < least || value > most {
		return syscall.EINVAL
	}
	*to = value
	return nil
}

func seconds(value int) (time.Duration, error) {
	if value < 1 || value > maxKeepSeconds {
		return 0, syscall.EINVAL
	}
	return time.Duration(value) * time.Second, nil
}
