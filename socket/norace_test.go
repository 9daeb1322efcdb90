//go:build !race

package socket_test

// underRace says that the race detector slows everything down.
const underRace = false
