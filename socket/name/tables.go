package name

import _ "embed"

// Services and Protocols are the files services(5) and protocols(5) of a lab host: the
// usual entries of IANA's registries of service names, port numbers and protocol numbers.
var (
	//go:embed services
	Services []byte
	//go:embed protocols
	Protocols []byte
)
