package host_test

import (
	"bufio"
	"fmt"
	"net/netip"
	"time"

	"septet/event"
	"septet/host"
	"septet/packet"
	"septet/physical"
)

// Two hosts on a wire that loses a tenth of the frames, in virtual time: the
// same every time, and over in a moment. Unjudged: an example shows what a user
// writes.
func Example() {
	loop := event.NewVirtual(42)
	defer loop.Close()
	pool := &packet.Pool{}
	bad := physical.Impairment{Delay: 20 * time.Millisecond, Loss: 0.1}
	wire := physical.NewWire(loop, pool, 1500, bad, bad)
	client, server := host.New(loop, pool, "client"), host.New(loop, pool, "server")
	client.Attach("eth0", wire.A(), netip.MustParsePrefix("10.0.0.1/24"))
	server.Attach("eth0", wire.B(), netip.MustParsePrefix("10.0.0.2/24"))

	loop.Go("server", func() {
		listener, err := server.Listen("tcp", ":80")
		if err != nil {
			panic(err)
		}
		c, err := listener.Accept()
		if err != nil {
			panic(err)
		}
		line, _ := bufio.NewReader(c).ReadString('\n')
		fmt.Fprintf(c, "you said %s", line)
		c.Close()
	})
	loop.Go("client", func() {
		c, err := client.Dial("tcp", "10.0.0.2:80")
		if err != nil {
			panic(err)
		}
		fmt.Fprintln(c, "hello")
		answer, _ := bufio.NewReader(c).ReadString('\n')
		fmt.Print(answer)
		c.Close()
	})
	if err := loop.Run(event.Never); err != nil {
		fmt.Println(err)
	}
	// Output: you said hello
}
