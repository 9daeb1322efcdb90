package udp_test

import (
	"testing"

	"septet/event"
	"septet/network"
	"septet/packet"
	"septet/transport/udp"
)

// In real time a sender that never blocks lets a reader in whom it has woken, before he
// finds so many datagrams that they are out of the caches, or dropped.
func TestReaderIsLetIn(t *testing.T) {
	loop := event.NewReal(1)
	defer loop.Close()
	loop.Lock()
	host := udp.New(network.New(loop, new(packet.Pool)))
	reader, sender := host.Open(every()), host.Open(every())
	check(t, reader.Bind(addr("127.0.0.1:7")))
	loop.Unlock()

	taken, done := 0, make(chan struct{})
	go func() {
		defer close(done)
		loop.Lock()
		defer loop.Unlock()
		if err := loop.Wait(&reader.Readable, event.Never); err != nil {
			t.Errorf("waiting for a datagram: %v", err)
		}
		var q packet.Queue
		reader.Take(&q, reader.ReceiveBuffer())
		taken = q.Len()
		q.Release()
	}()
	for waits := false; !waits; {
		check(t, loop.Sleep(1))
		loop.Lock()
		waits = reader.Readable.Awaited()
		loop.Unlock()
	}
	for range 100 {
		loop.Lock()
		check(t, sender.Send(make([]byte, 1200), addr("127.0.0.1:7")))
		loop.Unlock()
	}
	loop.Lock()
	if taken == 0 {
		t.Errorf("%d datagrams of 1200 bytes wait, should be fewer: the reader was woken by the first", reader.Queued())
	}
	loop.Unlock()
	<-done
}
