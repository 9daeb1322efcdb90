// Package sockets holds the judge of the socket calls: the Linux kernel. Each situation
// is a small program against socket.System. It runs on a host of a lab, in virtual time,
// and on the kernel, and both write down what their calls answer; the two texts must be
// the same, line for line. Where they are meant to differ, socket/DEVIATIONS.md says so
// and why.
//
// Both have the same two machines at one cable:
//
//	here eth0 ---------------- eth0 there      192.0.2.0/24, 2001:db8::/64
//	  .1, ::1                    .2, ::2
//
// The kernel's are two network namespaces, which need root. Without it the machine's own
// loopback serves, and the situations that need more are skipped with the reason.
//
// In TestOnTheWire the other machine is the script itself: it sends the host frames of its
// own making, through a TAP device or over a lab's wire, and every frame that the host
// sends is a line, with the time since what happened before it. wire_linux_test.go says
// how; situations that wait long need -wire.slow.
//
// To add a situation, write a func(*situation) and put it into the table of its file.
// It makes sockets with s.make, s.pair and their like, which closes them, and writes
// down what calls answer with s.note. Ports differ from run to run: s.bound gives one a
// name. After something was sent, or a program started with s.start, s.settle waits for
// what follows from it. A situation is run in both families and with IPv4-mapped
// addresses, unless its line in the table says in which.
package sockets
