// Package lab builds the network that a lab file describes, starts its services,
// runs its script and lets real clients in.
//
// A Lab lives on one loop. On event.NewReal it runs in real time; on
// event.NewBubble, inside a testing/synctest bubble, in virtual time.
package lab

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"sync/atomic"
	"time"

	"septet/event"
	"septet/host"
	"septet/lab/file"
	"septet/link"
	"septet/network"
	"septet/packet"
	"septet/physical"
)

// Lab is a network with everything in it.
type Lab struct {
	Loop   *event.Loop
	About  *file.Lab
	Origin time.Time // of frames at the loop's time zero

	pool     packet.Pool
	hosts    map[string]*host.Host
	switches map[string]*link.Switch
	wires    map[*file.Link]*physical.Wire
	names    map[netip.Addr]string
	closers  []io.Closer // services and publications, closed before the hosts
	watches  []*Watch
	closing  atomic.Bool // what fails from now on fails because the lab ends

	opened     bool     // the published ports are open
	admissions []func() // what lets clients in, until Publish
}

// Build makes the network of a checked lab file. Nothing runs in it yet.
func Build(l *event.Loop, about *file.Lab) (*Lab, error) {
	b := &Lab{
		Loop: l, About: about, Origin: origin(l),
		hosts:    make(map[string]*host.Host),
		switches: make(map[string]*link.Switch),
		wires:    make(map[*file.Link]*physical.Wire),
		names:    make(map[netip.Addr]string),
	}
	l.Lock()
	for _, s := range about.Switches {
		b.switches[s.Name] = link.NewSwitch(l, &b.pool, s.Name)
	}
	l.Unlock()
	names := host.NewHosts() // of all, known to all
	for _, h := range about.Hosts {
		b.hosts[h.Name] = host.New(l, &b.pool, h.Name)
		b.hosts[h.Name].Network.SetForwarding(h.Router)
		b.hosts[h.Name].Hosts.Share(names)
		for _, a := range h.Addresses() {
			names.Add(h.Name, a)
		}
	}
	for _, k := range about.Links {
		if err := b.connect(k); err != nil {
			return nil, errors.Join(err, b.Close())
		}
	}
	for _, h := range about.Hosts {
		if err := errors.Join(b.configure(h), writeNameservers(b.hosts[h.Name], h)); err != nil {
			return nil, errors.Join(err, b.Close())
		}
	}
	return b, nil
}

// connect lays one cable and plugs both ends in.
func (b *Lab) connect(k *file.Link) error {
	b.Loop.Lock()
	w := physical.NewWire(b.Loop, &b.pool, b.About.MTU(k), impairment(k.Impairments[0]), impairment(k.Impairments[1]))
	b.Loop.Unlock()
	b.wires[k] = w
	for i, port := range []physical.Port{w.A(), w.B()} {
		if err := b.plug(k, k.Ends[i], port); err != nil {
			return fmt.Errorf("link %s: %w", k.Name, err)
		}
	}
	return nil
}

func (b *Lab) plug(k *file.Link, end file.End, port physical.Port) error {
	if s := b.switches[end.Node]; s != nil {
		b.Loop.Lock()
		defer b.Loop.Unlock()
		return b.addPort(s, k, port)
	}
	h := b.About.Host(end.Node)
	interfaces := h.On(end.Interface)
	ports, err := b.split(interfaces, port)
	if err != nil {
		return err
	}
	for n, i := range interfaces {
		if err := b.attach(h, i, ports[n]); err != nil {
			return err
		}
	}
	return nil
}

func (b *Lab) attach(h *file.Host, i *file.Interface, port physical.Port) error {
	attached, err := b.hosts[h.Name].AttachMAC(i.Name, i.MAC, port, i.Address)
	if err != nil {
		return err
	}
	b.Loop.Lock()
	defer b.Loop.Unlock()
	if err := attached.NIC().SetMTU(i.MTU); err != nil {
		return err
	}
	b.learn(h, i)
	return nil
}

// configure gives a host its routes of IPv4.
func (b *Lab) configure(h *file.Host) error {
	machine := b.hosts[h.Name]
	b.Loop.Lock()
	defer b.Loop.Unlock()
	for _, r := range h.Routes {
		if r.To.Addr().Is4() {
			if err := addRoute(machine, r); err != nil {
				return err
			}
		}
	}
	return nil
}

func addRoute(h *host.Host, r file.Route) error {
	if err := h.Network.AddRoute(network.Route{Prefix: r.To, Gateway: r.Via}); err != nil {
		return fmt.Errorf("host %s: route to %v via %v: %w", h.Name(), r.To, r.Via, err)
	}
	return nil
}

// impairment is the same thing in the words of the layer that does it.
func impairment(i file.Impairment) physical.Impairment {
	return physical.Impairment{
		Delay: i.Delay, Jitter: i.Jitter, Rate: i.Rate, Queue: i.Queue,
		Loss: i.Loss, Burst: i.Burst, Duplicate: i.Duplicate,
		Reorder: i.Reorder, ReorderBy: i.ReorderBy, Corrupt: i.Corrupt,
	}
}

// Host returns the host or router of that name, nil if there is none.
func (b *Lab) Host(name string) *host.Host { return b.hosts[name] }

// Wire returns the wire of a link.
func (b *Lab) Wire(k *file.Link) *physical.Wire { return b.wires[k] }

// Direction is one way across a link.
type Direction struct {
	Link     *file.Link
	From, To string // the ends, by the names of their machines
	Stats    physical.Stats
}

// Directions returns the counters of all links, two directions each, in the order
// of the file.
func (b *Lab) Directions() []Direction {
	b.Loop.Lock()
	defer b.Loop.Unlock()
	var all []Direction
	for _, k := range b.About.Links {
		for i, d := range [...]physical.Direction{physical.AToB, physical.BToA} {
			all = append(all, Direction{
				Link: k, From: k.Ends[i].Node, To: k.Ends[1-i].Node, Stats: b.wires[k].Stats(d),
			})
		}
	}
	return all
}

// Close ends everything in the lab: publications, services, hosts. The loop
// remains, and is its owner's to close.
func (b *Lab) Close() error {
	b.closing.Store(true)
	var errs []error
	for _, c := range b.closers {
		errs = append(errs, c.Close())
	}
	b.closers = nil
	for _, h := range b.About.Hosts {
		if machine := b.hosts[h.Name]; machine != nil {
			machine.Close()
		}
	}
	for _, w := range b.watches {
		errs = append(errs, w.stop())
	}
	b.watches = nil
	return errors.Join(errs...)
}
