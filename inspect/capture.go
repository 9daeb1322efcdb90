package inspect

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// Frame is what was seen on a wire at one moment.
type Frame struct {
	Time      time.Time
	Interface int // the number of the wire or network interface on which it was seen
	LinkType  LinkType
	Length    int    // on the wire; zero means len(Data)
	Data      []byte // may be less, if the capture cut it
	Fate      Fate   // what this sighting is about; a capture file has none but Sent
}

// ErrCapture is what every error about the content of a capture file is.
var ErrCapture = errors.New("not a readable capture")

// CaptureError says what is wrong with a capture file, and where.
type CaptureError struct {
	Name   string // of the file, if it has one
	Packet int    // the number of the packet that could not be read, from 1; 0 before the first
	Offset int64  // where in the file the part that could not be read begins
	Err    error  // io.ErrUnexpectedEOF when the file ends too early
}

func (e *CaptureError) Error() string {
	name := e.Name
	if name == "" {
		name = "capture"
	}
	where := "its header"
	if e.Packet > 0 {
		where = fmt.Sprintf("packet %d, which begins at or after byte %d", e.Packet, e.Offset)
	}
	switch {
	case errors.Is(e.Err, io.ErrUnexpectedEOF):
		return fmt.Sprintf("%s: the file ends in the middle of %s", name, where)
	case e.Packet == 0:
		return fmt.Sprintf("%s: %v", name, e.Err)
	}
	return fmt.Sprintf("%s: %s: %v", name, where, e.Err)
}

// Unwrap makes errors.Is(err, ErrCapture) hold, and what the cause is.
func (e *CaptureError) Unwrap() []error { return []error{ErrCapture, e.Err} }

// Capture reads a capture file, pcap or pcapng.
type Capture struct {
	name    string
	counter *countingReader
	buffer  *bufio.Reader
	file    *os.File
	size    int64
	packets int
	err     error

	plain *pcapgo.Reader
	ng    *pcapgo.NgReader
	base  int // pcapng: the interfaces of earlier sections
}

// OpenCapture opens a capture file. Close it after use.
func OpenCapture(path string) (*Capture, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	c, err := newCapture(f, path)
	if err != nil {
		f.Close()
		return nil, err
	}
	c.file = f
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		c.size = info.Size()
	}
	return c, nil
}

// NewCapture reads a capture from a stream, such as a pipe from tcpdump.
func NewCapture(r io.Reader) (*Capture, error) { return newCapture(r, "") }

// The first four bytes of the formats, read as little-endian.
const (
	magicPcapng = 0x0a0d0d0a // the same in both byte orders
	magicGzip   = 0x8b1f
	magicMicro  = 0xa1b2c3d4 // pcap with microseconds
	magicNano   = 0xa1b23c4d // and with nanoseconds
)

// isPcap reports whether a file that begins so is a pcap file, of either byte
// order.
func isPcap(magic []byte) bool {
	little, big := binary.LittleEndian.Uint32(magic), binary.BigEndian.Uint32(magic)
	return little == magicMicro || little == magicNano || big == magicMicro || big == magicNano
}

func newCapture(r io.Reader, name string) (*Capture, error) {
	c := &Capture{name: name, counter: &countingReader{r: r}}
	c.buffer = bufio.NewReaderSize(c.counter, 64<<10)
	magic, err := c.buffer.Peek(4)
	switch {
	case len(magic) == 0 && err == io.EOF:
		return nil, c.fail(errors.New("the file is empty"))
	case err != nil:
		return nil, c.fail(unexpected(err))
	case binary.LittleEndian.Uint16(magic) == magicGzip:
		return nil, c.fail(errors.New("it is compressed with gzip: unpack it first"))
	case binary.LittleEndian.Uint32(magic) == magicPcapng:
		// The readers use c.buffer as it is, so the offset stays exact.
		c.ng, err = pcapgo.NewNgReader(c.buffer, pcapgo.NgReaderOptions{
			WantMixedLinkType:  true,
			SkipUnknownVersion: true,
			SectionEndCallback: func(i []pcapgo.NgInterface, _ pcapgo.NgSectionInfo) { c.base += len(i) },
		})
	case !isPcap(magic):
		return nil, c.fail(errors.New("it is not a capture file: it begins neither as pcap nor as pcapng"))
	default:
		c.plain, err = pcapgo.NewReader(c.buffer)
	}
	if err != nil {
		return nil, c.fail(unexpected(err))
	}
	return c, nil
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (c *Capture) fail(err error) error {
	return &CaptureError{Name: c.name, Packet: c.packets, Offset: c.Offset(), Err: err}
}

// Next returns the next packet, io.EOF after the last, or a *CaptureError when
// the file is damaged. The packet's data is valid until the next call.
func (c *Capture) Next() (Frame, error) {
	if c.err != nil {
		return Frame{}, c.err
	}
	begin := c.Offset()
	f, err := c.read()
	if err == nil {
		c.packets++
		return f, nil
	}
	// Only between packets the file may end.
	if err == io.EOF && c.Offset() == begin {
		c.err = io.EOF
		return Frame{}, io.EOF
	}
	if err == io.EOF && c.ng != nil {
		c.err = io.EOF // blocks without a packet stood at the end
		return Frame{}, io.EOF
	}
	c.err = &CaptureError{Name: c.name, Packet: c.packets + 1, Offset: begin, Err: unexpected(err)}
	return Frame{}, c.err
}

func (c *Capture) read() (Frame, error) {
	if c.plain != nil {
		data, info, err := c.plain.ZeroCopyReadPacketData()
		return Frame{Time: info.Timestamp, LinkType: LinkType(c.plain.LinkType()), Length: info.Length, Data: data}, err
	}
	data, info, err := c.ng.ZeroCopyReadPacketData()
	if err != nil {
		return Frame{}, err
	}
	link, _ := info.AncillaryData[0].(layers.LinkType)
	return Frame{
		Time: info.Timestamp, Interface: c.base + info.InterfaceIndex,
		LinkType: LinkType(link), Length: info.Length, Data: data,
	}, nil
}

// InterfaceName returns the name of an interface of the section that is being
// read, empty if it has none.
func (c *Capture) InterfaceName(number int) string {
	if c.ng == nil {
		return ""
	}
	i, err := c.ng.Interface(number - c.base)
	if err != nil {
		return ""
	}
	return i.Name
}

// Application returns the name of the program that wrote the section that is
// being read, empty if it does not say.
func (c *Capture) Application() string {
	if c.ng == nil {
		return ""
	}
	return c.ng.SectionInfo().Application
}

// Packets returns how many packets have been read.
func (c *Capture) Packets() int { return c.packets }

// Offset returns how many bytes of the file have been read.
func (c *Capture) Offset() int64 { return c.counter.n - int64(c.buffer.Buffered()) }

// Size returns the length of the file, zero when it is not known.
func (c *Capture) Size() int64 { return c.size }

// Close closes the file, if OpenCapture opened it.
func (c *Capture) Close() error {
	if c.file == nil {
		return nil
	}
	return c.file.Close()
}

type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}
