//go:build linux && cgo

package main

// #include "interface.h"
// #include <stdint.h>
//
// // Who calls: the engine's handle, and whether it is not the main thread.
// struct septet_caller {
//	uintptr_t engine;
//	int side;
// };
import "C"

import (
	"errors"
	"fmt"
	"os"
	"runtime/cgo"
	"syscall"
	"time"
	"unsafe"

	"septet/conformance/packetdrill/engine"
)

// Every function here stands for one slot of the table. It returns what the call
// returns, or a negative errno.

type result = C.longlong

func caller(c C.struct_septet_caller) engine.Caller {
	e := cgo.Handle(c.engine).Value().(*engine.Engine)
	if c.side != 0 {
		return e.Side()
	}
	return e.Main()
}

func answer(n int, err error) result {
	if err == nil {
		return result(n)
	}
	errno := syscall.EIO
	errors.As(err, &errno)
	return -result(errno)
}

// memory returns the n bytes at p, none at NULL.
func memory[N C.size_t | C.socklen_t](p unsafe.Pointer, n N) []byte {
	if p == nil {
		return nil
	}
	return unsafe.Slice((*byte)(p), int(n))
}

// nulls makes descriptors out of the kernel's: the tool closes them with close(2).
type nulls struct{}

func (nulls) Open() (int, error) {
	return syscall.Open("/dev/null", syscall.O_RDWR|syscall.O_CLOEXEC, 0)
}

func (nulls) Close(fd int) error { return syscall.Close(fd) }

//export septet_new
func septet_new(flags *C.char) C.uintptr_t {
	config, err := engine.ParseFlags(C.GoString(flags)) // "" for NULL
	var e *engine.Engine
	if err == nil {
		e, err = engine.New(config, nulls{})
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "libseptet: %v\n", err)
		return 0
	}
	return C.uintptr_t(cgo.NewHandle(e))
}

// septet_free leaves the handle alone: a thread that was blocked may still ask for
// the time.
//
//export septet_free
func septet_free(c C.struct_septet_caller) {
	cgo.Handle(c.engine).Value().(*engine.Engine).Free()
}

//export septet_socket
func septet_socket(c C.struct_septet_caller, domain, kind, protocol C.int) result {
	return answer(caller(c).Socket(int(domain), int(kind), int(protocol)))
}

//export septet_bind
func septet_bind(c C.struct_septet_caller, fd C.int, a unsafe.Pointer, n C.socklen_t) result {
	return answer(0, caller(c).Bind(int(fd), memory(a, n)))
}

//export septet_listen
func septet_listen(c C.struct_septet_caller, fd, backlog C.int) result {
	return answer(0, caller(c).Listen(int(fd), int(backlog)))
}

//export septet_accept
func septet_accept(c C.struct_septet_caller, fd C.int, a unsafe.Pointer, n *C.socklen_t) result {
	conn, peer, err := caller(c).Accept(int(fd))
	if err == nil && a != nil && n != nil {
		*n = putName(a, *n, peer)
	}
	return answer(conn, err)
}

// putName copies what fits of a socket address and returns its whole length.
func putName(to unsafe.Pointer, room C.socklen_t, name []byte) C.socklen_t {
	copy(memory(to, room), name)
	return C.socklen_t(len(name))
}

//export septet_connect
func septet_connect(c C.struct_septet_caller, fd C.int, a unsafe.Pointer, n C.socklen_t) result {
	return answer(0, caller(c).Connect(int(fd), memory(a, n)))
}

//export septet_recvmsg
func septet_recvmsg(c C.struct_septet_caller, fd C.int, m *C.struct_msghdr, flags C.int) result {
	got, err := caller(c).Receive(int(fd), buffers(m), int(flags))
	if err != nil {
		return answer(0, err)
	}
	if m.msg_name != nil {
		m.msg_namelen = putName(m.msg_name, m.msg_namelen, got.From)
	}
	putInq(m, &got)
	m.msg_flags = C.int(got.Flags)
	return result(got.N)
}

// putInq writes the control message of TCP_INQ, or says that it found no room.
func putInq(m *C.struct_msghdr, got *engine.Message) {
	const (
		length  = C.sizeof_struct_cmsghdr + 4
		padded  = C.sizeof_struct_cmsghdr + 8 // CMSG_SPACE
		tcpCMSG = 36                          // TCP_CM_INQ
		solTCP  = 6
	)
	room := m.msg_controllen
	m.msg_controllen = 0
	switch {
	case got.Inq < 0:
	case m.msg_control == nil || room < length:
		got.Flags |= C.MSG_CTRUNC
	default:
		h := (*C.struct_cmsghdr)(m.msg_control)
		h.cmsg_len, h.cmsg_level, h.cmsg_type = length, solTCP, tcpCMSG
		*(*C.int)(unsafe.Add(m.msg_control, C.sizeof_struct_cmsghdr)) = C.int(got.Inq)
		m.msg_controllen = min(room, padded)
	}
}

//export septet_sendmsg
func septet_sendmsg(c C.struct_septet_caller, fd C.int, m *C.struct_msghdr, flags C.int) result {
	if m.msg_controllen > 0 {
		return answer(0, syscall.EINVAL) // no control message is known
	}
	var to []byte
	if m.msg_name != nil {
		to = memory(m.msg_name, m.msg_namelen)
	}
	return answer(caller(c).Send(int(fd), buffers(m), int(flags), to))
}

// buffers returns the memory that a message header points to.
func buffers(m *C.struct_msghdr) (list [][]byte) {
	for _, v := range unsafe.Slice(m.msg_iov, int(m.msg_iovlen)) {
		list = append(list, memory(v.iov_base, v.iov_len))
	}
	return list
}

//export septet_fcntl
func septet_fcntl(c C.struct_septet_caller, fd, command, argument C.int) result {
	return answer(caller(c).Fcntl(int(fd), int(command), int(argument)))
}

//export septet_ioctl
func septet_ioctl(c C.struct_septet_caller, fd C.int, request C.ulong, argument *C.int) result {
	if argument == nil {
		return answer(0, syscall.EFAULT)
	}
	n, err := caller(c).Ioctl(int(fd), uint(request), int(*argument))
	if err == nil {
		*argument = C.int(n)
	}
	return answer(0, err)
}

//export septet_close
func septet_close(c C.struct_septet_caller, fd C.int) result {
	return answer(0, caller(c).Close(int(fd)))
}

//export septet_shutdown
func septet_shutdown(c C.struct_septet_caller, fd, how C.int) result {
	return answer(0, caller(c).Shutdown(int(fd), int(how)))
}

//export septet_getsockopt
func septet_getsockopt(c C.struct_septet_caller, fd, level, name C.int, value unsafe.Pointer, n *C.socklen_t) result {
	if n == nil {
		return answer(0, syscall.EFAULT)
	}
	room := C.int(*n)
	b, err := caller(c).GetSockOpt(int(fd), int(level), int(name), int(room))
	if err == nil {
		*n = putName(value, *n, b)
	}
	return answer(0, err)
}

//export septet_setsockopt
func septet_setsockopt(c C.struct_septet_caller, fd, level, name C.int, value unsafe.Pointer, n C.socklen_t) result {
	return answer(0, caller(c).SetSockOpt(int(fd), int(level), int(name), memory(value, n)))
}

//export septet_poll
func septet_poll(c C.struct_septet_caller, fds *C.struct_pollfd, n C.nfds_t, milliseconds C.int) result {
	list := unsafe.Slice(fds, int(n))
	asked := make([]engine.PollFD, len(list))
	for i, f := range list {
		asked[i] = engine.PollFD{FD: int(f.fd), Events: uint16(f.events)}
	}
	ready, err := caller(c).Poll(asked, int(milliseconds))
	for i := range list {
		list[i].revents = C.short(asked[i].Revents)
	}
	return answer(ready, err)
}

//export septet_netdev_send
func septet_netdev_send(c C.struct_septet_caller, b unsafe.Pointer, n C.size_t) result {
	return answer(0, caller(c).SendPacket(memory(b, n)))
}

//export septet_netdev_receive
func septet_netdev_receive(c C.struct_septet_caller, b unsafe.Pointer, n *C.size_t, microseconds *C.longlong) result {
	const room = 65536 // the tool's buffer; no IP packet is as long
	p, ok := caller(c).ReceivePacket()
	*n = 0
	if ok {
		*n = C.size_t(copy(memory(b, C.size_t(room)), p.Bytes))
		*microseconds = C.longlong(p.Micro)
	}
	return 0
}

//export septet_usleep
func septet_usleep(c C.struct_septet_caller, d C.uint) {
	caller(c).Sleep(time.Duration(d) * time.Microsecond)
}

//export septet_gettimeofday
func septet_gettimeofday(c C.struct_septet_caller) C.longlong {
	return C.longlong(caller(c).GetTimeOfDay())
}

//export septet_epoll_create
func septet_epoll_create(c C.struct_septet_caller, size C.int) result {
	return answer(caller(c).EpollCreate(int(size)))
}

//export septet_epoll_ctl
func septet_epoll_ctl(c C.struct_septet_caller, epfd, op, fd C.int, events C.uint32_t, data C.uint64_t) result {
	ev := engine.EpollEvent{Events: uint32(events), Data: uint64(data)}
	return answer(0, caller(c).EpollCtl(int(epfd), int(op), int(fd), ev))
}

//export septet_epoll_wait
func septet_epoll_wait(c C.struct_septet_caller, epfd C.int, events *C.uint32_t, data *C.uint64_t, most, milliseconds C.int) result {
	ready, err := caller(c).EpollWait(int(epfd), int(most), int(milliseconds))
	if err != nil {
		return answer(0, err)
	}
	for i, ev := range ready {
		unsafe.Slice(events, len(ready))[i] = C.uint32_t(ev.Events)
		unsafe.Slice(data, len(ready))[i] = C.uint64_t(ev.Data)
	}
	return result(len(ready))
}

//export septet_pipe
func septet_pipe(c C.struct_septet_caller, fds *C.int) result {
	pair, err := caller(c).Pipe()
	if err == nil {
		for i, fd := range pair {
			unsafe.Slice(fds, 2)[i] = C.int(fd)
		}
	}
	return answer(0, err)
}

//export septet_splice
func septet_splice(c C.struct_septet_caller, in, out C.int, n C.size_t, flags C.uint) result {
	return answer(caller(c).Splice(int(in), int(out), int(n), int(flags)))
}
