package host

import "septet/network"

// ICMPError is what a router or the destination says about a request of ours
// that it could not deliver.
type ICMPError = network.Error
