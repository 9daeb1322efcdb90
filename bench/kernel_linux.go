package main

import (
	"fmt"
	"syscall"
)

// pinCubic sets the congestion control of a socket to CUBIC, whatever the
// machine's default is. Accepted connections inherit it from their listener.
func pinCubic(_, _ string, c syscall.RawConn) error {
	var refused error
	err := c.Control(func(fd uintptr) {
		refused = syscall.SetsockoptString(int(fd), syscall.IPPROTO_TCP, syscall.TCP_CONGESTION, "cubic")
	})
	if err == nil && refused != nil {
		err = fmt.Errorf("the kernel refuses CUBIC: %w", refused)
	}
	return err
}
