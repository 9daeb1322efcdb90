package socket

import (
	"syscall"
	"time"

	"septet/transport/tcp"
)

func (t *stream) linger() Linger { return Linger{t.lingers, t.lingerBy} }

func (t *stream) setLinger(v Linger) { t.lingers, t.lingerBy = v.On, v.Time }

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
	default:
		t.options = &o
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
		}
	case SOL_TCP:
		switch name {
		case TCP_NODELAY:
			return number(o.NoDelay), nil
		case TCP_KEEPIDLE:
			return int(or(o.KeepAlive.Idle, usual.KeepIdle) / time.Second), nil
		case TCP_KEEPINTVL:
			return int(or(o.KeepAlive.Interval, usual.KeepInterval) / time.Second), nil
		case TCP_KEEPCNT:
			return or(o.KeepAlive.Count, usual.KeepCount), nil
		}
	}
	return 0, syscall.ENOPROTOOPT
}

// Bounds of the keepalive options (tcp(7)): seconds, and probes.
const (
	maxKeepSeconds = 32767
	maxKeepCount   = 127
)

func (t *stream) setOption(level, name, value int) error {
	o := t.tcpOptions()
	k := &o.KeepAlive
	var err error
	switch {
	case level == SOL_SOCKET && (name == SO_REUSEADDR || name == SO_BROADCAST):
		return nil // the first counts at bind, the second means nothing here
	case level == SOL_SOCKET && name == SO_KEEPALIVE:
		k.Enabled = value != 0
	case level == SOL_SOCKET && name == SO_RCVBUF:
		o.ReceiveBuffer = clampBuffer(value, minReceiveBuffer)
	case level == SOL_SOCKET && name == SO_SNDBUF:
		o.SendBuffer = clampBuffer(value, minSendBuffer)
	case level == SOL_TCP && name == TCP_NODELAY:
		o.NoDelay = value != 0
	case level == SOL_TCP && name == TCP_KEEPIDLE:
		k.Idle, err = seconds(value)
	case level == SOL_TCP && name == TCP_KEEPINTVL:
		k.Interval, err = seconds(value)
	case level == SOL_TCP && name == TCP_KEEPCNT:
		if value < 1 || value > maxKeepCount {
			return syscall.EINVAL
		}
		k.Count = value
	default:
		return syscall.ENOPROTOOPT
	}
	if err == nil {
		t.setTCPOptions(o)
	}
	return err
}

func seconds(value int) (time.Duration, error) {
	if value < 1 || value > maxKeepSeconds {
		return 0, syscall.EINVAL
	}
	return time.Duration(value) * time.Second, nil
}
