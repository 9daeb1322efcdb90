package host_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/netip"
	"testing"
	"time"

	"septet/event"
	"septet/host"
	"septet/link"
	"septet/network"
	"septet/packet"
	"septet/physical"
)

// frameLog is a tap that notes every frame that somebody put on a wire.
type frameLog struct {
	wire string
	to   *[]string
}

func (f frameLog) Frame(at event.Time, d physical.Direction, e physical.Event, p *packet.Packet) {
	if e == physical.Sent {
		b := p.Bytes()
		*f.to = append(*f.to, fmt.Sprintf("%v %s %v %d bytes %x", at, f.wire, d, len(b), sha256.Sum256(b)))
	}
}

// trainSpotter is a port that counts the trains given to it.
type trainSpotter struct {
	physical.Trainway
	trains *int
}

func (s trainSpotter) Transmit(p *packet.Packet) {
	if p.Frames() > 1 {
		*s.trains++
	}
	s.Trainway.Transmit(p)
}

// trainScene is four hosts: two on a switch, with a router to a third network on
// which one is near and one behind a slow, lossy wire.
type trainScene struct {
	t     *testing.T
	loop  *event.Loop
	pool  packet.Pool
	hosts map[string]*host.Host
	log   []string
	ports []*physical.Wire

	trains int // given to wires by hosts
}

func newTrainScene(t *testing.T, singleFrames bool) *trainScene {
	s := &trainScene{t: t, loop: event.NewVirtual(7), hosts: map[string]*host.Host{}}
	s.pool.SingleFrames = singleFrames
	bare := physical.Impairment{}
	slow := physical.Impairment{Rate: 50e6, Delay: 2 * time.Millisecond, Loss: 0.002}
	for _, name := range []string{"a", "b", "c", "d", "router"} {
		s.hosts[name] = host.New(s.loop, &s.pool, name)
	}
	left, right := link.NewSwitch(s.loop, &s.pool, "left"), link.NewSwitch(s.loop, &s.pool, "right")
	s.cable(left, "a", "10.0.0.1/24", bare)
	s.cable(left, "b", "10.0.0.2/24", bare)
	s.cable(left, "router", "10.0.0.254/24", bare)
	s.cable(right, "router", "10.0.1.254/24", bare)
	s.cable(right, "c", "10.0.1.1/24", bare)
	s.cable(right, "d", "10.0.1.2/24", slow)
	s.hosts["router"].Network.SetForwarding(true)
	for name, gateway := range map[string]string{"a": "10.0.0.254", "b": "10.0.0.254", "c": "10.0.1.254", "d": "10.0.1.254"} {
		err := s.hosts[name].Network.AddRoute(network.Route{
			Prefix: netip.MustParsePrefix("0.0.0.0/0"), Gateway: netip.MustParseAddr(gateway),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// cable connects a host to a switch. Unjudged: the judge sees arrivals, for which
// trains are taken apart; what they hold is compared with single frames.
func (s *trainScene) cable(sw *link.Switch, name, prefix string, i physical.Impairment) {
	w := physical.NewWire(s.loop, &s.pool, 1500, i, i)
	wire := fmt.Sprintf("wire %d to %s", len(s.ports), name)
	s.ports = append(s.ports, w)
	w.Watch(frameLog{wire, &s.log})
	sw.AddPort(w.A())
	eth := fmt.Sprintf("eth%d", len(s.ports))
	if _, err := s.hosts[name].Attach(eth, trainSpotter{w.B().(physical.Trainway), &s.trains}, netip.MustParsePrefix(prefix)); err != nil {
		s.t.Fatal(err)
	}
}

// serve sends back, on each connection, what comes until its end, and then closes.
func (s *trainScene) serve(name string) {
	s.loop.Go("serve "+name, func() {
		l, err := s.hosts[name].Listen("tcp", ":80")
		if err != nil {
			s.t.Error(err)
			return
		}
		for range 2 {
			c, err := l.Accept()
			if err != nil {
				s.t.Error(err)
				return
			}
			s.loop.Go("echo on "+name, func() {
				_, err := io.Copy(c, c)
				if err != nil {
					s.t.Error(err)
				}
				c.Close()
			})
		}
		l.Close()
	})
}

// exchange sends n bytes to a server and checks that they come back.
func (s *trainScene) exchange(from, to string, n int) {
	s.loop.Go(from+" to "+to, func() {
		c, err := s.hosts[from].Dial("tcp", to+":80")
		if err != nil {
			s.t.Error(err)
			return
		}
		s.loop.Go(from+" writes to "+to, func() {
			b := make([]byte, 100_000)
			for i := range n {
				b[i%len(b)] = byte(i * i >> 7)
				if i%len(b) == len(b)-1 || i == n-1 {
					if _, err := c.Write(b[:i%len(b)+1]); err != nil {
						s.t.Error(err)
					}
				}
			}
			c.(interface{ CloseWrite() error }).CloseWrite()
		})
		got, err := io.ReadAll(c)
		if err != nil || len(got) != n {
			s.t.Errorf("%d of %d bytes came back, and %v", len(got), n, err)
		}
		for i, x := range got {
			if x != byte(i*i>>7) {
				s.t.Errorf("byte %d of %d came back wrong", i, n)
				break
			}
		}
		c.Close()
	})
}

// Segment trains are a matter of cost alone: with the same seed the same frames
// cross the same wires at the same moments, to the byte, whether TCP hands down
// trains or single frames; through switches and a router, to a host that trains
// reach whole and to one whose wire takes them apart.
func TestTrainsAndSingleFramesAreTheSameOnTheWire(t *testing.T) {
	var logs [2][]string
	var nics [2]string
	for i, single := range []bool{false, true} {
		s := newTrainScene(t, single)
		s.serve("c")
		s.serve("d")
		s.exchange("a", "10.0.1.1", 2_000_000)
		s.exchange("b", "10.0.1.1", 700_001)
		s.exchange("a", "10.0.1.2", 500_000)
		s.exchange("b", "10.0.1.2", 300_000)
		if err := s.loop.Run(event.Never); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"a", "b", "c", "d", "router"} {
			h := s.hosts[name]
			nics[i] += fmt.Sprintf("%s: %+v\n%+v\n", name, h.Network.Stats(), h.TCP.Stats())
			h.Close()
		}
		for k, w := range s.ports {
			nics[i] += fmt.Sprintf("wire %d: %+v, %+v\n", k, w.Stats(physical.AToB), w.Stats(physical.BToA))
		}
		if err := s.loop.Run(event.Never); err != nil {
			t.Fatal(err)
		}
		s.loop.Close()
		if n := s.pool.Live(); n != 0 {
			t.Errorf("%d packets are left", n)
		}
		if single != (s.trains == 0) {
			t.Errorf("with single frames %v the hosts sent %d trains", single, s.trains)
		}
		logs[i] = s.log
	}
	if len(logs[0]) < 10_000 {
		t.Fatalf("only %d frames were seen: nothing has been compared", len(logs[0]))
	}
	for k := range min(len(logs[0]), len(logs[1])) {
		if logs[0][k] != logs[1][k] {
			t.Fatalf("frame %d differs:\nwith trains   %s\nwithout them  %s", k, logs[0][k], logs[1][k])
		}
	}
	if len(logs[0]) != len(logs[1]) {
		t.Errorf("%d frames with trains, %d without", len(logs[0]), len(logs[1]))
	}
	if nics[0] != nics[1] {
		t.Errorf("the counters differ:\nwith trains\n%s\nwithout\n%s", nics[0], nics[1])
	}
}
