package inspect

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// WriteLayers writes every header of a packet with its fields and its layer in
// the three models.
func WriteLayers(w io.Writer, p *Packet, style Style) error {
	out := bufio.NewWriter(w)
	for i := range p.Layers {
		l := &p.Layers[i]
		writeHeading(out, l, style)
		width := nameWidth(l.Fields, 0)
		for j := range l.Fields {
			writeField(out, &l.Fields[j], 1, width, style)
		}
	}
	return out.Flush()
}

func writeHeading(w io.Writer, l *Layer, style Style) {
	name := l.Name
	if l.Quoted {
		name = "quoted " + name
	}
	fmt.Fprintf(w, "%s  %-14s %s\n", style.mark(bold, pad(name, 18)), byteRange(l.Start, l.End),
		style.mark(dim, fmt.Sprintf("OSI %s · five-layer %s · TCP/IP %s", l.Place.OSI, l.Place.Five, l.Place.Four)))
}

// byteRange prints the first and the last byte, as people count them.
func byteRange(start, end int) string {
	switch end - start {
	case 0:
		return "no bytes"
	case 1:
		return fmt.Sprintf("byte %d", start)
	}
	return fmt.Sprintf("bytes %d-%d", start, end-1)
}

const indent = 4

// nameWidth is the width of the column of names, so that all values of a layer
// stand below each other.
func nameWidth(fields []Field, depth int) int {
	w := 0
	for i := range fields {
		w = max(w, depth*indent+len(fields[i].Name), nameWidth(fields[i].Fields, depth+1))
	}
	return min(w, 40)
}

func writeField(w io.Writer, f *Field, depth, width int, style Style) {
	lead := strings.Repeat(" ", depth*indent)
	name := pad(f.Name, width-(depth-1)*indent)
	line := lead + style.mark(cyan, name) + "  " + style.mark(f.Check.colour(), f.Value)
	fmt.Fprintln(w, strings.TrimRight(line, " "))
	for i := range f.Fields {
		writeField(w, &f.Fields[i], depth+1, width, style)
	}
}

func (c Check) colour() string {
	switch c {
	case Good:
		return green
	case Bad, Wrong:
		return red
	case Unverifiable, Partial, Absent:
		return yellow
	}
	return plain
}

// pad fills text up to width columns.
func pad(text string, width int) string {
	if n := columns(text); n < width {
		return text + strings.Repeat(" ", width-n)
	}
	return text
}

// columns counts characters, each of which is taken to be one column wide.
func columns(s string) int {
	n := 0
	for range s {
		n++
	}
	return n
}

const hexWidth = 16

// WriteBytes writes a packet's bytes, then each field with the bytes that it
// takes.
func WriteBytes(w io.Writer, p *Packet, style Style) error {
	out := bufio.NewWriter(w)
	for at := 0; at < len(p.Frame); at += hexWidth {
		writeHexLine(out, p.Frame, at, style)
	}
	for i := range p.Layers {
		l := &p.Layers[i]
		fmt.Fprintln(out)
		writeHeading(out, l, style)
		width := nameWidth(l.Fields, 0)
		for j := range l.Fields {
			writeFieldBytes(out, p.Frame, &l.Fields[j], 0, width, style)
		}
	}
	return out.Flush()
}

func writeHexLine(w io.Writer, frame []byte, at int, style Style) {
	line := frame[at:min(len(frame), at+hexWidth)]
	var digits, text strings.Builder
	for i, c := range line {
		if i == hexWidth/2 {
			digits.WriteByte(' ')
		}
		fmt.Fprintf(&digits, "%02x ", c)
		if c < ' ' || c > '~' {
			c = '.'
		}
		text.WriteByte(c)
	}
	fmt.Fprintf(w, "%s  %-49s %s\n", style.mark(dim, fmt.Sprintf("%04x", at)), digits.String(), text.String())
}

// fieldBytes is how many of a field's bytes stand in its line.
const fieldBytes = 8

func writeFieldBytes(w io.Writer, frame []byte, f *Field, depth, width int, style Style) {
	where := fmt.Sprintf("%04x", f.Start)
	if f.End > f.Start+1 {
		where = fmt.Sprintf("%04x-%04x", f.Start, f.End-1)
	}
	if f.Bits > 0 {
		where += fmt.Sprintf(" bit %d", f.Bit)
		if f.Bits > 1 {
			where += fmt.Sprintf("-%d", f.Bit+f.Bits-1)
		}
	}
	digits := strings.Repeat(" ", depth*2)
	if f.Bits > 0 {
		digits += bitString(frame, f)
	} else {
		digits += strings.TrimSpace(fmt.Sprintf("% x", frame[f.Start:min(f.End, f.Start+fieldBytes)]))
		if f.End > f.Start+fieldBytes {
			digits += " .."
		}
	}
	line := fmt.Sprintf("  %s  %s  %s  %s", style.mark(dim, pad(where, 18)), pad(digits, 3*fieldBytes+2),
		style.mark(cyan, pad(strings.Repeat(" ", depth*2)+f.Name, width)), style.mark(f.Check.colour(), f.Value))
	fmt.Fprintln(w, strings.TrimRight(line, " "))
	for i := range f.Fields {
		writeFieldBytes(w, frame, &f.Fields[i], depth+1, width, style)
	}
}

// bitString shows a field's bits in their bytes, a dot for each bit that is not
// the field's: "..0. ....".
func bitString(frame []byte, f *Field) string {
	var s strings.Builder
	for i := range (f.End - f.Start) * 8 {
		if i > 0 && i%4 == 0 {
			s.WriteByte(' ')
		}
		switch {
		case i < f.Bit || i >= f.Bit+f.Bits:
			s.WriteByte('.')
		case frame[f.Start+i/8]&(0x80>>(i%8)) != 0:
			s.WriteByte('1')
		default:
			s.WriteByte('0')
		}
	}
	return s.String()
}
