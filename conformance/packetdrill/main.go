// Command packetdrill is no command: built with
//
//	go build -buildmode=c-shared -o libseptet.so ./conformance/packetdrill
//
// it is the shared library through which packetdrill, Google's tool for testing
// TCP by scripts of segments, drives Septet's stack in virtual time. README.md in
// the folder above says how to run it.
//
// The library is in three parts: interface.h is the table of functions that
// packetdrill calls, shim.c fills it in and sets errno, and exports.go turns the
// calls' C arguments into Go's for package engine, where everything happens. They
// need Linux and cgo; elsewhere this program is empty.
package main

func main() {}
