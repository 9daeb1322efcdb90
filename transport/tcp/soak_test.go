package tcp

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	ev "septet/event"
	"septet/packet"
	"septet/physical"
)

var soak = flag.Bool("soak", false, "TestSoak: 64 MiB each way for 100 seeds, instead of a sample")

// capture hashes every frame with its time and direction.
type capture struct {
	hash   hash.Hash
	frames int
}

func (c *capture) Frame(at ev.Time, d physical.Direction, e physical.Event, p *packet.Packet) {
	var head [10]byte
	binary.BigEndian.PutUint64(head[:], uint64(at))
	head[8], head[9] = byte(d), byte(e)
	c.hash.Write(head[:])
	c.hash.Write(p.Bytes())
	c.frames++
}

// TestSoak sends a stream each way over a wire that loses, reorders, duplicates
// and corrupts. It must arrive byte for byte, and one seed must give one capture.
func TestSoak(t *testing.T) {
	seeds, size := uint64(2), 8<<20
	if *soak {
		seeds, size = 100, 64<<20
	}
	if testing.Short() {
		size = 1 << 20
	}
	for seed := range seeds {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			first, took := soakOnce(t, seed, size)
			again, _ := soakOnce(t, seed, size)
			if first != again {
				t.Error("two runs give two captures")
			}
			if *soak {
				t.Logf("%v of virtual time", took)
			}
		})
	}
}

func soakOnce(t *testing.T, seed uint64, size int) (sum string, took time.Duration) {
	bad := physical.Impairment{
		Delay: 5 * time.Millisecond, Loss: 0.05, Reorder: 0.05, Duplicate: 0.02, Corrupt: 0.01,
	}
	p := newPair(t, seed, bad, bad)
	c := &capture{hash: sha256.New()}
	p.wire.Watch(c)
	client, server := p.connect(p.listen(80))
	if err := p.stream(client, server, size, seed); err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	if a, b := p.a.tcp.Count(), p.b.tcp.Count(); a != 0 || b != 0 || p.pool.Live() != 0 {
		t.Errorf("seed %d: left behind: %d and %d connections, %d packets", seed, a, b, p.pool.Live())
	}
	if n := p.a.tcp.stats.InvalidTransitions + p.b.tcp.stats.InvalidTransitions; n != 0 {
		t.Errorf("seed %d: %d transitions that are not in the table", seed, n)
	}
	return fmt.Sprintf("%d frames %x", c.frames, c.hash.Sum(nil)), time.Duration(p.loop.Now())
}

// stream sends size bytes both ways at once, and checks each as it arrives.
func (p *pair) stream(client, server *stream, size int, seed uint64) error {
	var errs []error
	source := func(n byte) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{n, byte(seed)}) }
	send := func(s *stream, from *rand.ChaCha8) func() {
		return func() {
			b := make([]byte, 64<<10)
			for left := size; left > 0; left -= len(b) {
				from.Read(b)
				if _, err := s.Write(b); err != nil {
					errs = append(errs, fmt.Errorf("send: %w", err))
					return
				}
			}
			s.CloseWrite()
		}
	}
	receive := func(s *stream, want *rand.ChaCha8) func() {
		return func() {
			got, expected := make([]byte, 64<<10), make([]byte, 64<<10)
			for n := 0; ; {
				m, err := io.ReadFull(s, got)
				want.Read(expected[:m])
				if !bytes.Equal(got[:m], expected[:m]) {
					errs = append(errs, fmt.Errorf("wrong bytes after %d", n))
				}
				if n += m; err != nil {
					if n != size || !errors.Is(err, io.EOF) {
						errs = append(errs, fmt.Errorf("received %d of %d bytes: %w", n, size, err))
					}
					return
				}
			}
		}
	}
	p.loop.Go("client sends", send(client, source(1)))
	p.loop.Go("server sends", send(server, source(2)))
	p.loop.Go("client receives", receive(client, source(2)))
	p.loop.Go("server receives", receive(server, source(1)))
	if err := p.loop.Run(ev.Never); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
