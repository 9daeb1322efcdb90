//go:build !amd64 && !arm64

package packet

func prefetch(*Packet) {}
