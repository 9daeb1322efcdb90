package tapdevice

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"septet/event"
	"septet/packet"
	"septet/physical"
)

// played is a kernel that the test plays.
type played struct {
	sends chan []byte // to the device; closed when the interface is gone
	gate  chan struct{}
	ended chan struct{}

	mu  sync.Mutex
	got [][]byte
}

func newPlayed() *played {
	return &played{sends: make(chan []byte), ended: make(chan struct{})}
}

func (k *played) read(f *frames, max int) error {
	select {
	case b, ok := <-k.sends:
		if !ok {
			return io.ErrUnexpectedEOF
		}
		f.took(copy(f.room(max), b))
		return nil
	case <-k.ended:
		return io.EOF
	}
}

var errDown = errors.New("the interface is down")

func (k *played) write(b []byte) error {
	if k.gate != nil {
		<-k.gate
	}
	if bytes.HasPrefix(b, []byte("down")) {
		return errDown
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.got = append(k.got, bytes.Clone(b))
	return nil
}

func (k *played) close() error {
	close(k.ended)
	return nil
}

func newDevice(t *testing.T, k *played) (*Device, *event.Loop, *packet.Pool) {
	l, pool := event.NewReal(1), new(packet.Pool)
	d := start(l, pool, k, "tap0", 100)
	t.Cleanup(func() {
		d.Close()
		l.Close()
		if n := pool.Live(); n != 0 {
			t.Errorf("%d packets have an owner after the end, all should be released", n)
		}
	})
	return d, l, pool
}

func stats(l *event.Loop, d *Device) Stats {
	l.Lock()
	defer l.Unlock()
	return d.Stats()
}

// What the network transmits reaches the kernel whole and in order, before Close
// returns; what the kernel does not take is counted.
func TestTransmit(t *testing.T) {
	k := newPlayed()
	d, l, pool := newDevice(t, k)
	var want [][]byte
	l.Lock()
	for n := range 300 {
		frame := bytes.Repeat([]byte{byte(n)}, 14+n%100)
		want = append(want, frame)
		d.Transmit(pool.From(frame))
	}
	d.Transmit(pool.From([]byte("down, says the kernel")))
	d.Transmit(pool.From(make([]byte, 119)))
	l.Unlock()
	if err := d.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if len(k.got) != len(want) {
		t.Fatalf("the kernel has %d frames, %d were transmitted", len(k.got), len(want))
	}
	for n := range want {
		if !bytes.Equal(k.got[n], want[n]) {
			t.Fatalf("frame %d arrived as % x, it was % x", n, k.got[n], want[n])
		}
	}
	l.Lock()
	d.Transmit(pool.From(make([]byte, 20)))
	l.Unlock()
	s := stats(l, d)
	if s.Out != 300 || s.OutRefused != 1 || s.OutTooLong != 1 || s.OutClosed != 1 {
		t.Errorf("%+v: there were 300 good frames, one refused, one too long and one after Close", s)
	}
}

// A kernel that takes nothing costs neither time nor more memory than MaxQueued.
func TestQueueIsCapped(t *testing.T) {
	k := newPlayed()
	k.gate = make(chan struct{})
	d, l, pool := newDevice(t, k)
	const size, most = 100, 2 * MaxQueued / 100
	l.Lock()
	for range 3 * MaxQueued / size {
		d.Transmit(pool.From(make([]byte, size)))
	}
	l.Unlock()
	dropped := stats(l, d).OutDropped
	if dropped < 3*MaxQueued/size-most {
		t.Errorf("%d frames were dropped: more than one full queue, and another taken from it, were kept", dropped)
	}
	close(k.gate)
	d.Close()
	if s := stats(l, d); s.Out+s.OutDropped != 3*MaxQueued/size {
		t.Errorf("%d frames went out and %d were dropped, together they should be all %d",
			s.Out, s.OutDropped, 3*MaxQueued/size)
	}
}

// What the kernel sends is received in a turn, unless nobody is there or it is too long.
func TestReceive(t *testing.T) {
	k := newPlayed()
	d, l, _ := newDevice(t, k)
	got := make(chan string, 10)
	k.sends <- []byte("nobody is at the port")
	for stats(l, d).InLost == 0 {
		runtime.Gosched()
	}
	l.Lock()
	d.OnReceive(func(p *packet.Packet) {
		got <- string(p.Bytes())
		p.Release()
	})
	l.Unlock()
	k.sends <- make([]byte, 200)
	k.sends <- []byte("a frame")
	k.sends <- []byte("another")
	if a, b := <-got, <-got; a != "a frame" || b != "another" {
		t.Errorf("received %q and %q, sent were a frame and another", a, b)
	}
	if s := stats(l, d); s.In != 4 || s.InTooLong != 1 || s.InLost != 1 {
		t.Errorf("%+v: of four frames one was too long and one came before anybody was there", s)
	}
}

// An interface that goes away ends the reading, not the network; the port has lost its
// carrier, and the error says why.
func TestInterfaceGoes(t *testing.T) {
	k := newPlayed()
	d, l, _ := newDevice(t, k)
	var port physical.Carrier = d
	lost := false
	l.Lock()
	port.OnCarrier(func(up bool) { lost = !up })
	if !port.Up() {
		t.Error("the interface is there, and the port is not up")
	}
	l.Unlock()
	close(k.sends)
	failed := func() error {
		l.Lock()
		defer l.Unlock()
		return d.Err()
	}
	for failed() == nil {
		runtime.Gosched()
	}
	if err := failed(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("Err is %v, it should be what the kernel said", err)
	}
	l.Lock()
	defer l.Unlock()
	if port.Up() || !lost {
		t.Errorf("up: %v, told: %v; the interface has gone and who listens should know", port.Up(), lost)
	}
}

// After Close no goroutine of the device is left, whatever it was doing, and a second
// Close does nothing.
func TestCloseLeavesNothing(t *testing.T) {
	k := newPlayed()
	d, _, _ := newDevice(t, k)
	for range 2 {
		if err := d.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	for limit := time.Now().Add(5 * time.Second); ; runtime.Gosched() {
		buf := make([]byte, 1<<20)
		all := string(buf[:runtime.Stack(buf, true)])
		if !strings.Contains(all, "(*Device).read") && !strings.Contains(all, "(*Device).write") {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("a goroutine of the device is left:\n%s", all)
		}
	}
}

// A network in virtual time has no machine's kernel beside it.
func TestOpenRefuses(t *testing.T) {
	l := event.NewVirtual(1)
	if _, err := Open(l, new(packet.Pool), Config{}); !errors.Is(err, ErrSimulated) {
		t.Errorf("Open in virtual time: %v, it should be ErrSimulated", err)
	}
	l.Close()
	real := event.NewReal(1)
	defer real.Close()
	for _, mtu := range []int{-1, 67, MaxMTU + 1} {
		if _, err := Open(real, new(packet.Pool), Config{MTU: mtu}); !errors.Is(err, ErrMTU) {
			t.Errorf("Open with an MTU of %d: %v, it should be ErrMTU", mtu, err)
		}
	}
}
