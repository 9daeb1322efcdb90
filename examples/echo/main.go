// Echo is an echo server that runs in a lab and on the real machine:
//
//	go run ./examples/echo lab       # two hosts in virtual time, a client on the other one
//	go run ./examples/echo machine   # at 127.0.0.1:7007, for one telnet or nc
package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"septet/event"
	"septet/examples/sockets"
	"septet/host"
	"septet/packet"
	"septet/physical"
	"septet/socket/machine"
)

func main() {
	err := fmt.Errorf("usage: echo lab|machine")
	if len(os.Args) == 2 {
		switch os.Args[1] {
		case "lab":
			err = lab()
		case "machine":
			err = sockets.EchoServer(machine.New(), netip.MustParseAddrPort("127.0.0.1:7007"), nil)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// lab runs the server on one host, and a client on another, 20 ms away.
func lab() error {
	loop, pool := event.NewVirtual(1), new(packet.Pool)
	far := physical.Impairment{Delay: 20 * time.Millisecond}
	wire := physical.NewWire(loop, pool, 1500, far, far)
	server, client := host.New(loop, pool, "server"), host.New(loop, pool, "client")
	if _, err := server.Attach("eth0", wire.A(), netip.MustParsePrefix("192.0.2.1/24")); err != nil {
		return err
	}
	if _, err := client.Attach("eth0", wire.B(), netip.MustParsePrefix("192.0.2.2/24")); err != nil {
		return err
	}
	at := netip.MustParseAddrPort("192.0.2.1:7007")
	var text string
	var serverErr, clientErr error
	loop.Go("server", func() { serverErr = sockets.EchoServer(server.Process(), at, nil) })
	loop.Go("client", func() { text, clientErr = sockets.EchoClient(client.Process(), at, "Hello, world") })
	if err := errors.Join(loop.Run(event.Never), serverErr, clientErr); err != nil {
		return err
	}
	fmt.Println(text)
	return nil
}
