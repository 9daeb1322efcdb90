//go:build race

package tcp

// underRace says that the race detector slows everything down.
const underRace = true
