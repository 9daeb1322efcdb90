package inspect

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

var be = binary.BigEndian

// Dissect reads a frame layer by layer, as a receiver would take the headers
// off. The result refers to frame, which must not change while it is used.
func Dissect(link LinkType, frame []byte) *Packet {
	d := &dissection{packet: &Packet{LinkType: link, Frame: frame}}
	d.link(link, region{0, len(frame)})
	return d.packet
}

// region is a part of the frame: from byte start up to end.
type region struct{ start, end int }

func (r region) len() int { return r.end - r.start }

// after returns the region without its first n bytes.
func (r region) after(n int) region { return region{r.start + n, r.end} }

// first returns the first n bytes of the region, or all of it if it is shorter.
func (r region) first(n int) region { return region{r.start, min(r.end, r.start+n)} }

// dissection is the state while a frame is read from left to right.
type dissection struct {
	packet *Packet
	quoted bool // inside the packet that an ICMP error quotes
	depth  int  // of packets in packets
}

// maxDepth bounds quotations in quotations and VLAN tags on tags.
const maxDepth = 8

func (d *dissection) bytes(r region) []byte { return d.packet.Frame[r.start:r.end] }

// layer begins a layer of which n bytes are needed. When fewer are there it
// says so in the layer and returns false.
func (d *dissection) layer(name string, p Place, r region, n int) (*builder, bool) {
	d.packet.Layers = append(d.packet.Layers, Layer{
		Name: name, Start: r.start, End: min(r.end, r.start+n), Place: p, Quoted: d.quoted,
	})
	b := &builder{dissection: d, index: len(d.packet.Layers) - 1, at: r.start, raw: d.packet.Frame}
	if r.len() < n {
		b.malformed(fmt.Sprintf("%d bytes are here, the header needs %d", r.len(), n), r)
		return b, false
	}
	return b, true
}

// data shows what no protocol explains.
func (d *dissection) data(r region, p Place) {
	if r.len() == 0 {
		return
	}
	b, _ := d.layer("Data", p, r, r.len())
	b.add(Field{Name: "data", Value: sized(r.len()), Start: r.start, End: r.end})
}

// builder adds fields to one layer. Its offsets are relative to the layer, so
// that the code reads like the picture in the RFC.
type builder struct {
	*dissection
	index int
	at    int
	raw   []byte
}

func (b *builder) layerPtr() *Layer { return &b.packet.Layers[b.index] }

// end sets where the layer ends, relative to its start.
func (b *builder) end(n int) { b.layerPtr().End = b.at + n }

func (b *builder) add(f Field) *Field {
	l := b.layerPtr()
	l.Fields = append(l.Fields, f)
	return &l.Fields[len(l.Fields)-1]
}

// field adds the n bytes at offset from.
func (b *builder) field(name string, from, n int, value string) *Field {
	return b.add(b.part(name, from, n, value))
}

// part makes a field without adding it, to be nested in another.
func (b *builder) part(name string, from, n int, value string) Field {
	return Field{Name: name, Value: value, Start: b.at + from, End: b.at + from + n}
}

// bits makes a field of n bits that begins bit bits after byte from.
func (b *builder) bits(name string, from, bit, n int, value string) Field {
	from, bit = from+bit/8, bit%8
	f := b.part(name, from, (bit+n+7)/8, value)
	f.Bit, f.Bits = bit, n
	return f
}

// flag makes a field of one bit.
func (b *builder) flag(name string, from, bit int) Field {
	set := b.raw[b.at+from+bit/8]&(0x80>>(bit%8)) != 0
	if set {
		return b.bits(name, from, bit, 1, "set")
	}
	return b.bits(name, from, bit, 1, "not set")
}

func (b *builder) malformed(why string, r region) {
	b.add(Field{Name: "malformed", Value: why, Start: r.start, End: r.end, Check: Wrong})
}

func (b *builder) u8(from int) byte    { return b.raw[b.at+from] }
func (b *builder) u16(from int) uint16 { return be.Uint16(b.raw[b.at+from:]) }
func (b *builder) u32(from int) uint32 { return be.Uint32(b.raw[b.at+from:]) }

// number adds a decimal field of one, two or four bytes.
func (b *builder) number(name string, from, n int) *Field {
	return b.field(name, from, n, fmt.Sprint(b.uint(from, n)))
}

func (b *builder) uint(from, n int) uint32 {
	switch n {
	case 1:
		return uint32(b.u8(from))
	case 2:
		return uint32(b.u16(from))
	default:
		return b.u32(from)
	}
}

// hexed adds a field shown as a hexadecimal number.
func (b *builder) hexed(name string, from, n int) *Field {
	return b.field(name, from, n, fmt.Sprintf("0x%0*x", 2*n, b.uint(from, n)))
}

func sized(n int) string {
	if n == 1 {
		return "1 byte"
	}
	return fmt.Sprintf("%d bytes", n)
}

// named prints a number with its name, "IPv4 (0x0800)", or alone when it has
// none.
func named(name, number string) string {
	if name == "" {
		return number
	}
	return name + " (" + number + ")"
}

// hexString prints at most limit bytes.
func hexString(b []byte, limit int) string {
	if len(b) > limit {
		return hex.EncodeToString(b[:limit]) + "..."
	}
	return hex.EncodeToString(b)
}
