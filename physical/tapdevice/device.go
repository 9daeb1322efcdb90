// Package tapdevice joins a network to the real machine. A TAP device is a cable:
// one end is an interface of the kernel, the other a physical.Port, for the card of
// a host or for a switch.
//
// It is the one part of layer 1 that has goroutines: one reads what the kernel
// sends and hands it over with the turn held, many frames a turn if there are many;
// one writes what Transmit has put into a queue, so that no turn waits for the
// kernel. Both queues are bounded: the kernel drops what its interface's queue
// (txqueuelen) cannot hold, and counts it there; Transmit drops what is beyond
// MaxQueued, and counts it in Stats.
//
// The kernel's side must be brought up, and have its addresses, by whoever
// administers the machine: "ip link set tap0 up".
package tapdevice

import (
	"errors"
	"sync"

	"septet/event"
	"septet/packet"
	"septet/physical"
)

// ErrSimulated says that a network whose time is not the machine's cannot have the
// machine's kernel as a neighbour.
var ErrSimulated = errors.New("tapdevice: the network is not in real time")

// ErrMTU says that no frame of the kernel's is as long, or that it is too short for IP.
var ErrMTU = errors.New("tapdevice: MTU out of range")

// The MTUs that a device can have. RFC 791 wants 68 bytes of every link; the upper
// one is Linux's: 65,535 bytes for the whole frame.
const (
	MinMTU = 68
	MaxMTU = 65535 - 14
)

// MaxQueued is how many bytes of frames may wait for the kernel: a few milliseconds of
// what it takes, more than the largest window of one connection.
const MaxQueued = 8 << 20

// Config says which device is meant.
type Config struct {
	// Name of the kernel's interface. It is made if there is none of this name, and
	// goes with Close; one made before ("ip tuntap add mode tap") is taken, and
	// remains. With none, or one like "lab%d", the kernel chooses.
	Name string
	// Namespace is the file of the network namespace in which the interface is, such
	// as /run/netns/NAME or /proc/PID/ns/net; with none it is the process's.
	Namespace string
	// MTU of both ends; zero takes the one of the kernel's interface (1500 if new).
	MTU int
}

// Stats counts frames and their bytes, Ethernet header included.
type Stats struct {
	In, InBytes   uint64 // from the kernel
	Out, OutBytes uint64 // that the kernel took

	InTooLong  uint64 // longer than the MTU allows, dropped
	InLost     uint64 // nobody was at the port
	OutTooLong uint64 // longer than the MTU allows, dropped
	OutDropped uint64 // beyond MaxQueued
	OutRefused uint64 // the kernel did not take it: its interface is down, or gone
	OutClosed  uint64 // transmitted after Close
}

// kernel is the other end of the cable.
type kernel interface {
	// read waits for frames, of at most max bytes, and takes all that are there, as far
	// as f has room.
	read(f *frames, max int) error
	write(frame []byte) error
	// close ends both, also those that wait.
	close() error
}

// burstBytes is how many bytes of frames are handed over in one turn, if there are as
// many.
const burstBytes = 256 << 10

// Device is the port of a TAP device. Close ends it.
type Device struct {
	loop     *event.Loop
	pool     *packet.Pool
	kernel   kernel
	name     string
	mtu      int
	maxFrame int
	receive  func(*packet.Packet)
	carrier  func(up bool)
	closed   bool
	stats    Stats // but for those of the outbox
	out      outbox
	failed   error
	reader   sync.WaitGroup
	writer   sync.WaitGroup
}

// Open opens the TAP device that c describes as a port of l's network, whose packets
// come from pool. It needs the right to administer the network (CAP_NET_ADMIN) unless
// the device was made for the user. The turn must not be held. Errors: ErrSimulated,
// ErrMTU, errors.ErrUnsupported where there are no TAP devices, and the system's,
// such as EPERM, EBUSY if another program has the device, and ENOENT.
func Open(l *event.Loop, pool *packet.Pool, c Config) (*Device, error) {
	if l.Simulated() {
		return nil, ErrSimulated
	}
	if c.MTU != 0 && (c.MTU < MinMTU || c.MTU > MaxMTU) {
		return nil, ErrMTU
	}
	k, name, mtu, err := open(c)
	if err != nil {
		return nil, err
	}
	return start(l, pool, k, name, mtu), nil
}

func start(l *event.Loop, pool *packet.Pool, k kernel, name string, mtu int) *Device {
	d := &Device{loop: l, pool: pool, kernel: k, name: name, mtu: mtu, maxFrame: physical.MaxFrame(mtu)}
	d.out.filled.L = &d.out.mu
	d.reader.Go(d.read)
	d.writer.Go(d.write)
	return d
}

// Name returns the name of the kernel's interface.
func (d *Device) Name() string { return d.name }

// MTU implements physical.Port.
func (d *Device) MTU() int { return d.mtu }

// OnReceive implements physical.Port.
func (d *Device) OnReceive(receive func(*packet.Packet)) { d.receive = receive }

// Up implements physical.Carrier: the kernel's interface is there. Whether it is up as
// well cannot be seen from here; what is sent to one that is not is OutRefused.
func (d *Device) Up() bool { return !d.closed && d.failed == nil }

// OnCarrier implements physical.Carrier.
func (d *Device) OnCarrier(changed func(up bool)) { d.carrier = changed }

// Transmit implements physical.Port. The kernel gets the frame soon, not within the
// turn.
func (d *Device) Transmit(p *packet.Packet) {
	switch {
	case p.Frames() > 1:
		p.Break(d.Transmit)
		return
	case p.Len() > d.maxFrame:
		d.stats.OutTooLong++
	default:
		d.out.put(p.Bytes())
	}
	p.Release()
}

// Stats returns the counters. The turn must be held.
func (d *Device) Stats() Stats {
	s := d.stats
	d.out.count(&s)
	return s
}

// Err returns why nothing comes from the kernel any more, although the device was not
// closed: the interface was removed. The turn must be held.
func (d *Device) Err() error { return d.failed }

// Close sends what is queued and ends the device and its goroutines. An interface that
// Open has made is gone then. The turn must not be held.
func (d *Device) Close() error {
	d.loop.Lock()
	again := d.closed
	d.closed = true
	d.loop.Unlock()
	if again {
		return nil
	}
	d.out.end()
	d.writer.Wait()
	err := d.kernel.close()
	d.reader.Wait()
	return err
}

// read hands over what the kernel sends until the device is closed.
func (d *Device) read() {
	var burst frames
	burst.bytes = make([]byte, 0, burstBytes)
	for {
		burst.clear()
		err := d.kernel.read(&burst, d.maxFrame+1) // one more, to see that it is too long
		if !d.handOver(&burst, err) {
			return
		}
	}
}

// handOver takes a turn for what was read, and reports whether to go on.
func (d *Device) handOver(burst *frames, err error) bool {
	d.loop.Lock()
	defer d.loop.Unlock()
	switch {
	case d.closed:
		return false
	case err != nil:
		d.failed = err
		if d.carrier != nil {
			d.carrier(false)
		}
		return false
	}
	for frame := range burst.all {
		d.deliver(frame)
	}
	return true
}

// deliver hands over one frame.
func (d *Device) deliver(frame []byte) {
	d.stats.In++
	d.stats.InBytes += uint64(len(frame))
	switch {
	case len(frame) > d.maxFrame:
		d.stats.InTooLong++
	case d.receive == nil:
		d.stats.InLost++
	default:
		d.receive(d.pool.From(frame))
	}
}

// write gives the kernel what is queued until the device is closed.
func (d *Device) write() {
	var taken frames
	for d.out.take(&taken) {
		var sent, bytes, refused uint64
		for frame := range taken.all {
			if d.kernel.write(frame) != nil {
				refused++
				continue
			}
			sent++
			bytes += uint64(len(frame))
		}
		d.out.written(sent, bytes, refused)
	}
}
