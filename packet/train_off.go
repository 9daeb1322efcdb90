//go:build singleframes

package packet

const trains = false
