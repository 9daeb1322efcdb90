// Package inspect shows what is in frames: any frame as a tree of named fields
// with byte ranges (Dissect), what frames say to each other as a ladder with
// the states of both ends (Tracker, Ladder), and capture files (OpenCapture,
// NewCaptureWriter).
//
// It takes frames as bytes and knows nothing of the network they come from, so
// it does the same for a lab's wires and for a capture taken elsewhere. All
// bytes are untrusted: what can be read is shown, and a field named "malformed"
// or "cut" says why the rest is not.
package inspect

import "fmt"

// LinkType says what the bytes of a frame begin with. The values are those of
// capture files (the LINKTYPE_ registry of tcpdump.org).
type LinkType uint16

// Values of LinkType. Raw IP has three: 12 and 14 are what some systems' DLT_RAW
// is, 101 is the registry's.
const (
	LinkNull      LinkType = 0 // BSD loopback: the address family in host byte order
	LinkEthernet  LinkType = 1
	LinkRaw12     LinkType = 12
	LinkRaw14     LinkType = 14
	LinkRaw       LinkType = 101
	LinkLoop      LinkType = 108 // OpenBSD loopback: the family in network byte order
	LinkLinuxSLL  LinkType = 113
	LinkIPv4      LinkType = 228
	LinkIPv6      LinkType = 229
	LinkLinuxSLL2 LinkType = 276
)

var linkNames = map[LinkType]string{
	LinkNull: "BSD loopback", LinkEthernet: "Ethernet", LinkRaw12: "raw IP", LinkRaw14: "raw IP",
	LinkRaw: "raw IP", LinkLoop: "OpenBSD loopback", LinkLinuxSLL: "Linux cooked v1",
	LinkIPv4: "raw IPv4", LinkIPv6: "raw IPv6", LinkLinuxSLL2: "Linux cooked v2",
}

func (l LinkType) String() string {
	if name, ok := linkNames[l]; ok {
		return name
	}
	return fmt.Sprintf("link type %d", uint16(l))
}

// Packet is one dissected frame.
type Packet struct {
	LinkType LinkType
	Frame    []byte
	// Layers are in the order of their bytes and do not overlap: each header
	// once, then the payload, then the padding of a short Ethernet frame.
	Layers []Layer
}

// Layer is one header, or the payload that no further header explains.
type Layer struct {
	Name       string // "Ethernet II", "IPv4", "TCP", "Data" ...
	Start, End int    // the bytes of Frame that it takes: from Start up to End
	Place      Place
	Quoted     bool // stands in the part of a packet that an ICMP error quotes
	Fields     []Field
}

// Field is one named value of a layer.
type Field struct {
	Name       string // the RFC's term
	Value      string
	Start, End int // bytes of Frame, from Start up to End
	// A field of less than a byte, or across bytes, is Bits bits long and begins
	// Bit bits after the start of byte Start, the most significant bit being 0.
	// Bits is zero for whole bytes.
	Bit, Bits int
	Check     Check
	Fields    []Field // the parts of this field: flags, options
}

// Check is the result of looking at a checksum, or at a length that must be
// right.
type Check uint8

// Values of Check.
const (
	NotChecked   Check = iota
	Good               // the checksum is right
	Bad                // it is wrong; Value says what was expected
	Unverifiable       // not all the bytes it covers are in the frame
	Partial            // the sender left it to a network card: only the pseudo-header is in it
	Absent             // UDP over IPv4 without a checksum
	Wrong              // a field that breaks its protocol's rules, or is missing
)

// Layer returns the first layer of that name, nil if there is none.
func (p *Packet) Layer(name string) *Layer {
	for i := range p.Layers {
		if p.Layers[i].Name == name {
			return &p.Layers[i]
		}
	}
	return nil
}

// Field returns the first field of that name, at any depth, nil if there is
// none.
func (l *Layer) Field(name string) *Field {
	if l == nil {
		return nil
	}
	return findField(l.Fields, name)
}

func findField(fields []Field, name string) *Field {
	for i := range fields {
		if fields[i].Name == name {
			return &fields[i]
		}
		if f := findField(fields[i].Fields, name); f != nil {
			return f
		}
	}
	return nil
}

// Malformed returns every field of the packet that breaks a rule or could not
// be read, quoted packets aside: those are cut by their nature.
func (p *Packet) Malformed() []Field {
	var all []Field
	for _, l := range p.Layers {
		if !l.Quoted {
			all = collect(all, l.Fields, Wrong)
		}
	}
	return all
}

// BadChecksums returns every checksum of the packet that is wrong.
func (p *Packet) BadChecksums() []Field {
	var all []Field
	for _, l := range p.Layers {
		if !l.Quoted {
			all = collect(all, l.Fields, Bad)
		}
	}
	return all
}

func collect(into, from []Field, c Check) []Field {
	for _, f := range from {
		if f.Check == c {
			into = append(into, f)
		}
		into = collect(into, f.Fields, c)
	}
	return into
}
