package lab

import (
	"septet/lab/file"
	"septet/link"
	"septet/physical"
)

// addPort gives a switch one more port, at the end of a link, and sets its VLANs.
func (b *Lab) addPort(s *link.Switch, k *file.Link, port physical.Port) error {
	n := s.AddPort(port)
	switch {
	case !b.heedsVLANs(s.Name()):
		return nil
	case k.VLANs.Tagged == nil:
		return s.SetAccess(n, k.VLANs.Untagged)
	}
	var tagged link.VLANSet
	for _, v := range k.VLANs.Tagged {
		if err := tagged.Add(v); err != nil {
			return err
		}
	}
	return s.SetTrunk(n, k.VLANs.Untagged, tagged)
}

func (b *Lab) heedsVLANs(name string) bool {
	for _, s := range b.About.Switches {
		if s.Name == name {
			return s.VLANs
		}
	}
	return false
}

// split returns a port for each interface of a card: the card's own for one that knows
// nothing of VLANs.
func (b *Lab) split(interfaces []*file.Interface, port physical.Port) ([]physical.Port, error) {
	if len(interfaces) == 1 && interfaces[0].VLAN == 0 {
		return []physical.Port{port}, nil
	}
	b.Loop.Lock()
	defer b.Loop.Unlock()
	splitter := link.NewSplitter(port)
	var ports []physical.Port
	for _, i := range interfaces {
		p, err := splitter.Port(i.VLAN)
		if err != nil {
			return nil, err
		}
		ports = append(ports, p)
	}
	return ports, nil
}
