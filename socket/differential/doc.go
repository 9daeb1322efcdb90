// Package differential holds the judge of the socket calls: the Linux kernel. Each situation
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
// sends is a line, with the time since what happened before it. Nearly all of that is over
// IPv4 and over IPv6. wire_linux_test.go says how; situations that wait long need
// -wire.slow.
//
// To add a situation, write a func(*situation) and put it into the table of its file.
// It makes sockets with s.make, s.pair and their like, which closes them, and writes
// down what calls answer with s.note. Ports differ from run to run: s.bound gives one a
// name. After something was sent, or a program started with s.start, s.settle waits for
// what follows from it. A situation is run in both families and with IPv4-mapped
// addresses, unless its line in the table says in which. One that asks for a number which
// it has closed runs alone: other situations share the process and would be given it.
//
// What is covered, and in which area (the first part of a situation's name):
//
//   - bind in use: binding (states, addresses, SO_REUSEADDR, dual stack, port 0, TIME-WAIT,
//     privilege), sharing (every pair of places and of reuse flags, in six states; a
//     situation has the 20 second sockets that may follow one first)
//   - every call in every state: streams, datagrams; in the wrong order: calls
//   - listen and accept: listening (overflow, closed or reset before accept, inherited
//     options, SO_REUSEPORT, deferred accept), ending
//   - connect: connecting (refused, unreachable, to oneself, to broadcast, to 0.0.0.0),
//     streams (in progress, twice), families
//   - end of stream, reset, shutdown in every order, linger, unread data: ending; urgent
//     data: calls, poll states, listening
//   - flags: arguments, streams, messages; control messages and the queue of errors:
//     messages
//   - options: options (a situation for each that is a number: 16 values in 4 states),
//     messages (every length, short ones too), groups, calls, time-outs
//   - datagrams truncated, empty, too long, connected, refused: datagrams, messages,
//     connecting; broadcast: connecting; membership and sources: groups
//   - raw and packet sockets, headers, filters, devices: raw; tags of frames: auxdata; ping
//     sockets: pings; what is too long for a path: MTU discovery
//   - poll's bits in every state: poll states; poll and epoll: poll, epoll, closing
//   - who wakes whom, and in which order: waking, epoll, ending; time-outs: time-outs
//   - a descriptor closed during every call that blocks: closing
//   - wrong families, lengths, negative sizes, unknown descriptors: arguments, messages,
//     closing, poll
//   - names: names, for what they need of a machine; that the answers and the texts of
//     addresses are glibc's is tested in socket/name
//
// Descriptors of another process, limits, and that nothing is left are no questions for
// the kernel: socket/process_test.go and exhaustion_test.go, and FuzzSystem here.
package differential
