package tcp

import (
	"net/netip"

	"septet/network"
)

// path looks up the way to remote with these options.
func (l *Layer) path(remote, source netip.Addr, o *Options) (network.Path, error) {
	if o.Device != nil && o.SourceRoute == nil {
		return l.net.PathOn(remote, source, o.Device)
	}
	if o.SourceRoute != nil {
		return l.net.PathVia(remote, source, o.SourceRoute)
	}
	way := &l.scratch().way
	if way.remote == remote && way.source == source && l.net.Fresh(&way.path) {
		return way.path, nil
	}
	path, err := l.net.Path(remote, source)
	if err == nil {
		*way = lookedUp{remote, source, path}
	}
	return path, err
}

// lookedUp is the way that was looked up last: who opens a connection mostly
// opens more to the same host.
type lookedUp struct {
	remote, source netip.Addr
	path           network.Path
}

// broadcast reports whether a is a broadcast address.
func (l *Layer) broadcast(a netip.Addr) bool {
	if way := &l.scratch().way; way.remote == a && l.net.Fresh(&way.path) {
		return way.path.Broadcast()
	}
	return l.net.IsBroadcast(a)
}
