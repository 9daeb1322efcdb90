//go:build !linux

package tapdevice

import (
	"errors"
	"fmt"
	"runtime"
)

func open(Config) (k kernel, name string, mtu int, err error) {
	return nil, "", 0, fmt.Errorf("tapdevice: not on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}
