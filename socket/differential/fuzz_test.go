package differential

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"septet/event"
	"septet/host"
	"septet/packet"
	"septet/physical"
	. "septet/socket"
)

// FuzzSystem makes any calls with any arguments on two hosts of a lab: none panics, none
// blocks for ever, and nothing is left after all descriptors are closed.
func FuzzSystem(f *testing.F) {
	for seed := range uint64(40) {
		f.Add(randomBytes(seed, 1500))
	}
	f.Fuzz(func(t *testing.T, program []byte) {
		program = program[:min(len(program), 5000)]
		l := event.NewVirtual(1)
		defer l.Close()
		pool := new(packet.Pool)
		l.Lock()
		// Unjudged: raw and packet sockets send what no host may send.
		wire := physical.NewWire(l, pool, 1500, physical.Impairment{}, physical.Impairment{})
		l.Unlock()
		here, there := host.New(l, pool, "here"), host.New(l, pool, "there")
		for _, at := range []struct {
			h    *host.Host
			port physical.Port
			four string
		}{{here, wire.A(), "192.0.2.1/24"}, {there, wire.B(), "192.0.2.2/24"}} {
			if _, err := at.h.Attach("eth0", at.port, netip.MustParsePrefix(at.four)); err != nil {
				t.Fatal(err)
			}
		}
		here.Sockets.SetPingGroupRange(0, 1000)
		m := &monkey{input: program, systems: []System{here.Process(), there.Process()}}
		l.Go("monkey", m.run)
		// Not for as long as TIME-WAIT and every retransmission may take: nothing waits.
		if err := l.Run(event.Time(2 * time.Hour)); err != nil {
			t.Errorf("a call is blocked for ever: %v", err)
		}
		for _, sys := range m.systems {
			if d, err := sys.Socket(AF_INET, SOCK_DGRAM, 0); err != nil || d.FD() > 3 {
				t.Errorf("a new descriptor is %v, %v: all others were closed", d, err)
			}
		}
		here.Close()
		there.Close()
	})
}

// randomBytes are the same for a seed.
func randomBytes(seed uint64, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		seed = seed*6364136223846793005 + 1442695040888963407
		b[i] = byte(seed >> 56)
	}
	return b
}

// monkey turns bytes into calls.
type monkey struct {
	input   []byte
	systems []System
	sockets []Descriptor
	sets    []Epoll
}

func (m *monkey) byte() byte {
	if len(m.input) == 0 {
		return 0
	}
	b := m.input[0]
	m.input = m.input[1:]
	return b
}

func pick[T any](m *monkey, list ...T) T { return list[int(m.byte())%len(list)] }

// number is a small one, one at an edge, or any.
func (m *monkey) number() int {
	switch b := m.byte(); {
	case b < 200:
		return int(b) - 2
	case b < 230:
		return pick(m, -1<<31, -1, 0, 255, 256, 32767, 65535, 65536, 1<<31-1)
	default:
		return int(int32(binary.LittleEndian.Uint32([]byte{m.byte(), m.byte(), m.byte(), m.byte()})))
	}
}

func (m *monkey) address() netip.AddrPort {
	a := pick(m, "127.0.0.1", "192.0.2.1", "192.0.2.2", "192.0.2.255", "0.0.0.0", "224.0.0.9", "255.255.255.255",
		"::1", "::", "::ffff:127.0.0.1", "::ffff:192.0.2.2", "ff02::1", "fe80::1%eth0", "2001:db8::5", "")
	if a == "" {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(netip.MustParseAddr(a), pick[uint16](m, 0, 1, 80, 5000, 5001, 5002, 65535))
}

func (m *monkey) buffer() []byte {
	return make([]byte, pick(m, 0, 1, 4, 8, 16, 20, 100, 1500, 9000, 65507, 65536))
}

func (m *monkey) flags() int {
	return pick(m, 0, MSG_PEEK, MSG_TRUNC, MSG_WAITALL, MSG_OOB, MSG_ERRQUEUE, MSG_MORE, MSG_FASTOPEN, m.number())
}

func (m *monkey) run() {
	for len(m.input) > 0 {
		sys := pick(m, m.systems...)
		switch op := m.byte() % 24; {
		case op < 4 || len(m.sockets) == 0:
			m.open(sys)
		case op < 20:
			m.call(pick(m, m.sockets...), op)
		default:
			m.wait(sys, op)
		}
	}
	for _, d := range m.sockets {
		_ = d.Close()
	}
	for _, e := range m.sets {
		_ = e.Close()
	}
}

func (m *monkey) open(sys System) {
	d, err := sys.Socket(pick(m, AF_INET, AF_INET, AF_INET6, AF_PACKET, m.number()), pick(m, SOCK_STREAM, SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, m.number()),
		pick(m, 0, 0, 0, IPPROTO_ICMP, 58, 200, 255, m.number()))
	if err == nil {
		m.keep(d)
	}
}

// keep has d never block for long.
func (m *monkey) keep(d Descriptor) {
	m.sockets = append(m.sockets, d)
	second := binary.NativeEndian.AppendUint64(binary.NativeEndian.AppendUint64(nil, 1), 0)
	_ = d.SetSockOptBytes(SOL_SOCKET, SO_RCVTIMEO, second)
	_ = d.SetSockOptBytes(SOL_SOCKET, SO_SNDTIMEO, second)
	_ = d.SetNonblock(m.byte()%4 != 0)
}

func (m *monkey) call(d Descriptor, op byte) {
	level := pick(m, SOL_SOCKET, SOL_IP, SOL_IPV6, SOL_TCP, SOL_RAW, SOL_PACKET, 58, m.number())
	switch op {
	case 4, 5:
		_ = d.Bind(m.address())
	case 6:
		_ = d.Listen(m.number())
	case 7:
		if c, _, err := d.Accept(); err == nil {
			m.keep(c)
		}
	case 8, 9:
		_ = d.Connect(m.address())
	case 10:
		_ = d.Shutdown(m.number())
	case 11:
		_ = d.Close()
	case 12, 13:
		_, _ = d.SendTo(m.buffer(), m.flags(), m.address())
	case 14:
		control := ControlMessage{Level: level, Type: m.number(), Data: m.buffer()[:0]}
		_, _ = d.SendMsg(&Message{Name: m.address(), Buffers: [][]byte{m.buffer(), m.buffer()}, Control: []ControlMessage{control}}, m.flags())
	case 15:
		_, _, _ = d.RecvFrom(m.buffer(), m.flags())
	case 16:
		_, _ = d.RecvMsg(&Message{Buffers: [][]byte{m.buffer(), m.buffer()}, ControlSize: len(m.buffer())}, m.flags())
	case 17:
		if name := m.number(); name != SO_RCVTIMEO && name != SO_SNDTIMEO && name != SO_RCVTIMEO_NEW && name != SO_SNDTIMEO_NEW {
			_ = d.SetSockOpt(level, name, m.number())
			b := m.buffer()
			_ = d.SetSockOptBytes(level, name, b[:min(len(b), 300)])
		}
	case 18:
		_, _ = d.GetSockOpt(level, m.number())
		_, _ = d.GetSockOptBytes(level, m.number(), m.buffer())
	case 19:
		_, _ = d.GetSockName()
		_, _ = d.GetPeerName()
		_, _ = d.AtMark()
		if p, ok := d.(LinkDescriptor); ok {
			a := LinkAddress{Protocol: uint16(m.number()), Interface: m.number()}
			_ = p.BindLink(a)
			_, _ = p.SendLink(m.buffer(), 0, &a)
			_, _, _ = p.RecvLink(m.buffer(), MSG_DONTWAIT)
		}
	}
}

func (m *monkey) wait(sys System, op byte) {
	switch op {
	case 20:
		if e, err := sys.EpollCreate(); err == nil {
			m.sets = append(m.sets, e)
		}
	case 21:
		var fds []PollFD
		for range m.byte() % 5 {
			fds = append(fds, PollFD{FD: m.number(), Events: Readiness(m.number())})
		}
		_, _ = sys.Poll(fds, time.Duration(m.byte())*time.Millisecond)
	default:
		if len(m.sets) == 0 {
			return
		}
		e := pick(m, m.sets...)
		_ = e.Ctl(pick(m, EPOLL_CTL_ADD, EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL, m.number()), m.number(),
			EpollEvent{Events: uint32(m.number())})
		_, _ = e.Wait(make([]EpollEvent, m.byte()%4), time.Duration(m.byte())*time.Millisecond)
	}
}
