package inspect

import (
	"errors"
	"io"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// Epoch is the moment at which virtual time begins in captures, so that one
// seed gives one file.
var Epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// Application is the name of the program in the files that CaptureWriter writes.
const Application = "septet"

// Interface describes a wire in a capture file.
type Interface struct {
	Name        string
	Description string
	LinkType    LinkType
}

// CaptureWriter writes a pcapng file with timestamps in nanoseconds. The same
// frames give the same bytes on every machine: nothing in the file comes from
// the clock or the system.
type CaptureWriter struct {
	w     *pcapgo.NgWriter
	under io.Writer
}

// NewCaptureWriter begins a file with the given interfaces, of which there must
// be at least one. Frame.Interface counts them from 0.
func NewCaptureWriter(w io.Writer, interfaces []Interface) (*CaptureWriter, error) {
	if len(interfaces) == 0 {
		return nil, errors.New("a capture needs at least one interface")
	}
	options := pcapgo.NgWriterOptions{SectionInfo: pcapgo.NgSectionInfo{Application: Application}}
	ng, err := pcapgo.NewNgWriterInterface(w, interfaces[0].ng(), options)
	if err != nil {
		return nil, err
	}
	c := &CaptureWriter{w: ng, under: w}
	for _, i := range interfaces[1:] {
		if _, err := c.AddInterface(i); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (i Interface) ng() pcapgo.NgInterface {
	return pcapgo.NgInterface{Name: i.Name, Description: i.Description, LinkType: layers.LinkType(i.LinkType)}
}

// AddInterface adds one more interface and returns its number.
func (c *CaptureWriter) AddInterface(i Interface) (int, error) { return c.w.AddInterface(i.ng()) }

// Write adds a frame. The time of a lab's frame is Epoch plus its virtual time.
func (c *CaptureWriter) Write(f Frame) error {
	return c.w.WritePacket(gopacket.CaptureInfo{
		Timestamp: f.Time, CaptureLength: len(f.Data),
		Length: max(f.Length, len(f.Data)), InterfaceIndex: f.Interface,
	}, f.Data)
}

// Flush writes out what is buffered.
func (c *CaptureWriter) Flush() error { return c.w.Flush() }

// Close flushes, and closes what is written to if it can be closed.
func (c *CaptureWriter) Close() error {
	err := c.w.Flush()
	if closer, ok := c.under.(io.Closer); ok {
		err = errors.Join(err, closer.Close())
	}
	return err
}
