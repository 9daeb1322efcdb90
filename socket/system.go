package socket

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// System is a machine as a program sees it that makes sockets: a Process on a host of a
// lab, or the machine on which this program runs (package socket/machine). A program
// that is given one runs on both.
//
// Calls and errors are those of Linux: errors are syscall.Errno values. The methods may
// be called by several goroutines; in virtual time by tasks, or by the goroutine that
// drives the loop.
type System interface {
	// Socket makes a socket, as socket(2) does. Errors: those of Stack.Socket, EMFILE
	// if the process has too many descriptors, EPERM for a kind of socket that it may
	// not have.
	Socket(domain, kind, protocol int) (Descriptor, error)

	// Poll waits until one of the descriptors is ready, as poll(2) does, and returns how
	// many are: their Revents are not zero. A negative timeout is for ever, zero not at
	// all. A negative descriptor is passed over, an unknown one has POLLNVAL.
	Poll(fds []PollFD, timeout time.Duration) (int, error)
	// EpollCreate makes an empty epoll(7) set. Errors: EMFILE.
	EpollCreate() (Epoll, error)

	Clock
	Shapes
	Surroundings
}

// Descriptor is an open socket of a System.
type Descriptor interface {
	// FD is the number of the descriptor in its process, -1 once it is closed.
	FD() int

	Bind(local netip.AddrPort) error
	Listen(backlog int) error
	Accept() (Descriptor, netip.AddrPort, error)
	Connect(to netip.AddrPort) error
	Shutdown(how int) error
	Close() error

	Send(b []byte, flags int) (int, error)
	SendTo(b []byte, flags int, to netip.AddrPort) (int, error)
	SendMsg(m *Message, flags int) (int, error)
	Recv(b []byte, flags int) (int, error)
	RecvFrom(b []byte, flags int) (int, netip.AddrPort, error)
	RecvMsg(m *Message, flags int) (int, error)

	GetSockName() (netip.AddrPort, error)
	GetPeerName() (netip.AddrPort, error)
	SetNonblock(on bool) error
	AtMark() (bool, error)

	// GetSockOpt and SetSockOpt are for options that are a number, the others for any,
	// in the layout that Linux gives it, host byte order.
	GetSockOpt(level, name int) (int, error)
	SetSockOpt(level, name, value int) error
	// GetSockOptBytes writes the value into b, cut to its length, and returns how many
	// bytes that are.
	GetSockOptBytes(level, name int, b []byte) (int, error)
	SetSockOptBytes(level, name int, value []byte) error
}

// Message is what SendMsg sends and RecvMsg receives into: struct msghdr.
type Message struct {
	// Name is the other end. Not valid: the connected peer; a stream has none.
	Name    netip.AddrPort
	Buffers [][]byte
	// Control is what goes with the data. RecvMsg receives as much as fits into
	// ControlSize bytes in the layout of Linux (cmsg(3)), MSG_CTRUNC says that some did not.
	Control     []ControlMessage
	ControlSize int
	// Flags are RecvMsg's: MSG_TRUNC, MSG_CTRUNC, MSG_OOB, MSG_ERRQUEUE, MSG_EOR.
	Flags int
}

// ControlMessage is one of the things that go with the data of a message: struct cmsghdr
// and what follows it. Data has the layout of Linux.
type ControlMessage struct {
	Level, Type int
	Data        []byte
}

// PollFD is one of those that Poll waits for: struct pollfd.
type PollFD struct {
	FD      int
	Events  Readiness // POLLERR, POLLHUP and POLLNVAL are always asked for
	Revents Readiness
}

// Epoll is a set of descriptors that is kept between waits, as epoll(7) has it.
type Epoll interface {
	FD() int
	// Ctl changes the set: EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL. Errors: EBADF,
	// EEXIST, ENOENT, EINVAL, EPERM, ELOOP.
	Ctl(op, fd int, e EpollEvent) error
	// Wait fills events with those that are ready and returns how many they are.
	// The timeout is as in Poll. Errors: EBADF, EINVAL if there is no room for an event.
	Wait(events []EpollEvent, timeout time.Duration) (int, error)
	Close() error
}

// EpollEvent is struct epoll_event.
type EpollEvent struct {
	Events uint32 // bits of Readiness, EPOLLET, EPOLLONESHOT, EPOLLEXCLUSIVE
	Data   uint64 // the program's own
}

// Clock is a System's time, and how a program does several things at once on it.
type Clock interface {
	Now() time.Time
	Sleep(d time.Duration) error
	// Go starts a task; the name is for messages about tasks that are blocked for ever.
	Go(name string, task func())
}

// Shapes are the calls of package net.
type Shapes interface {
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
	Listen(network, address string) (net.Listener, error)
	ListenPacket(network, address string) (net.PacketConn, error)
}

// Surroundings are what a program finds on a machine beside the network: its name, its
// files that have to do with names (/etc/hosts, /etc/services, /etc/resolv.conf ...), its
// interfaces.
type Surroundings interface {
	Hostname() (string, error)
	// ReadFile reads a whole file. Errors: fs.ErrNotExist.
	ReadFile(name string) ([]byte, error)
	// A System may have more methods, of which package name makes use: GetIfAddrs()
	// ([]netip.Prefix, error), as getifaddrs(3); GetRandom([]byte) (int, error), as
	// getrandom(2); HostsWith, see Process.

	// InterfaceName and InterfaceIndex are if_indextoname(3) and if_nametoindex(3), ENXIO
	// and ENODEV without such an interface.
	InterfaceName(index int) (string, error)
	InterfaceIndex(name string) (int, error)
}
