//go:build !singleframes

package packet

// trains says whether trains may be made at all. With the build tag singleframes
// they are not: the whole suite must hold with them and without.
const trains = true
