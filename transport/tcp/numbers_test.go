package tcp

import (
	"testing"
	"time"

	ev "septet/event"
	"septet/physical"
)

// goodput sends for so long and returns bytes received in the last part of it, as a
// share of what the rate allows.
func goodput(t *testing.T, seed uint64, rate int64, delay time.Duration, loss float64, warm, span time.Duration) float64 {
	t.Helper()
	p := newPair(t, seed, physical.Impairment{Rate: rate, Delay: delay, Loss: loss}, physical.Impairment{Rate: rate, Delay: delay})
	client, server := p.connect(p.listen(80))
	received := 0
	p.loop.Go("send", func() {
		buf := make([]byte, 1<<20)
		for {
			if _, err := client.Write(buf); err != nil {
				return
			}
		}
	})
	p.loop.Go("receive", func() {
		buf := make([]byte, 1<<20)
		for {
			n, err := server.Read(buf)
			if err != nil {
				return
			}
			received += n
		}
	})
	begin := p.loop.Now()
	p.loop.Run(begin.Add(warm))
	before := received
	p.loop.Run(begin.Add(warm + span))
	share := float64(received-before) * 8 / (float64(rate) * span.Seconds())
	t.Logf("loss %g: %.1f %%, %+v", loss, 100*share, p.a.tcp.stats)
	p.loop.Close()
	return share
}

// TestLongFatLink: 1 Gb/s and a round trip of 100 ms hold 12.5 MB in the network.
func TestLongFatLink(t *testing.T) {
	if testing.Short() {
		notUnderRace(t)
	}
	if share := goodput(t, 1, 1e9, 50*time.Millisecond, 0, 4*time.Second, time.Second); share < 0.90 {
		t.Errorf("within 5 s the link must be filled to 90 %%; in the fifth it is %.1f %%", 100*share)
	}
}

var _ = ev.Never
