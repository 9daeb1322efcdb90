//go:build amd64 || arm64

package packet

// prefetch asks for the first prefetched bytes of a framePacket.
//
//go:noescape
func prefetch(p *Packet)
