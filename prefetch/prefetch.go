//go:build amd64 || arm64

// Package prefetch asks for memory before it is needed.
//
// With thousands of frames on the way none is in the processor's caches, and waiting for
// the memory takes longer than all the work on a frame at a hop. What is asked for early
// comes while something else is done. It is a hint: nothing else depends on it.
package prefetch

import "unsafe"

// Bytes asks for n bytes from p on. They need not be anybody's.
//
//go:noescape
func Bytes(p unsafe.Pointer, n int)
