// Package kernel holds tests in which the Linux kernel is a neighbour of our hosts
// and routers: in a network namespace of its own, at the other end of a TAP device.
// The kernel's own programs (ping, traceroute, radvd) are the peers, tshark reads what
// crossed the cable, and so does the judge of package inspect/check.
//
// They need root, /dev/net/tun and those programs, and are skipped with the reason
// where one is missing; with SEPTET_REAL_PEERS set that is a failure. Each test makes
// its namespace and is its only inhabitant: nothing of it is seen outside, and it goes
// with the process that holds it, however the test ends.
//
//	go test ./conformance/kernel
//	go test ./conformance/kernel -grid    # TCP with every combination of options
package kernel
