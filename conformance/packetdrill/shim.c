//go:build linux && cgo

// The C side of the library: it knows which thread calls, sets errno on it, and
// takes what is variable in C's calls (arguments, buffers, headers) apart. What
// the calls do is in Go.

#define _GNU_SOURCE
#include "interface.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "_cgo_export.h"

// The thread that called packetdrill_interface_init drives the test; any other
// one is there to be blocked.
static pthread_t main_thread;

static struct septet_caller by(void *userdata)
{
	struct septet_caller c = {(uintptr_t)userdata, !pthread_equal(pthread_self(), main_thread)};
	return c;
}

// answer returns a call's result; Go returns an error as a negative errno.
static long long answer(long long result)
{
	if (result >= 0)
		return result;
	errno = (int)-result;
	return -1;
}

static void pd_free(void *u) { septet_free(by(u)); }

static int pd_socket(void *u, int domain, int type, int protocol)
{
	return answer(septet_socket(by(u), domain, type, protocol));
}

static int pd_bind(void *u, int fd, const struct sockaddr *a, socklen_t n)
{
	return answer(septet_bind(by(u), fd, (void *)a, n));
}

static int pd_listen(void *u, int fd, int backlog) { return answer(septet_listen(by(u), fd, backlog)); }

static int pd_accept(void *u, int fd, struct sockaddr *a, socklen_t *n)
{
	return answer(septet_accept(by(u), fd, a, n));
}

static int pd_connect(void *u, int fd, const struct sockaddr *a, socklen_t n)
{
	return answer(septet_connect(by(u), fd, (void *)a, n));
}

static ssize_t pd_recvmsg(void *u, int fd, struct msghdr *m, int flags)
{
	return answer(septet_recvmsg(by(u), fd, m, flags));
}

static ssize_t pd_readv(void *u, int fd, const struct iovec *v, int n)
{
	struct msghdr m = {.msg_iov = (struct iovec *)v, .msg_iovlen = n < 0 ? 0 : n};
	if (n < 0)
		return answer(-EINVAL);
	return pd_recvmsg(u, fd, &m, 0);
}

static ssize_t pd_recvfrom(void *u, int fd, void *b, size_t n, int flags, struct sockaddr *a, socklen_t *len)
{
	struct iovec v = {b, n};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_name = a, .msg_namelen = a && len ? *len : 0};
	ssize_t result = pd_recvmsg(u, fd, &m, flags);
	if (result >= 0 && a && len)
		*len = m.msg_namelen;
	return result;
}

static ssize_t pd_recv(void *u, int fd, void *b, size_t n, int flags)
{
	return pd_recvfrom(u, fd, b, n, flags, NULL, NULL);
}

static ssize_t pd_read(void *u, int fd, void *b, size_t n) { return pd_recv(u, fd, b, n, 0); }

static ssize_t pd_sendmsg(void *u, int fd, const struct msghdr *m, int flags)
{
	return answer(septet_sendmsg(by(u), fd, (struct msghdr *)m, flags));
}

static ssize_t pd_writev(void *u, int fd, const struct iovec *v, int n)
{
	struct msghdr m = {.msg_iov = (struct iovec *)v, .msg_iovlen = n < 0 ? 0 : n};
	if (n < 0)
		return answer(-EINVAL);
	return pd_sendmsg(u, fd, &m, 0);
}

static ssize_t pd_sendto(void *u, int fd, const void *b, size_t n, int flags, const struct sockaddr *a, socklen_t len)
{
	struct iovec v = {(void *)b, n};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_name = (void *)a, .msg_namelen = len};
	return pd_sendmsg(u, fd, &m, flags);
}

static ssize_t pd_send(void *u, int fd, const void *b, size_t n, int flags)
{
	return pd_sendto(u, fd, b, n, flags, NULL, 0);
}

static ssize_t pd_write(void *u, int fd, const void *b, size_t n) { return pd_send(u, fd, b, n, 0); }

static int pd_fcntl(void *u, int fd, int command, ...)
{
	int argument = 0;
	if (command != F_GETFL && command != F_GETFD) {
		va_list more;
		va_start(more, command);
		argument = va_arg(more, int);
		va_end(more);
	}
	return answer(septet_fcntl(by(u), fd, command, argument));
}

static int pd_ioctl(void *u, int fd, unsigned long request, ...)
{
	va_list more;
	va_start(more, request);
	int *argument = va_arg(more, int *);
	va_end(more);
	return answer(septet_ioctl(by(u), fd, request, argument));
}

static int pd_close(void *u, int fd) { return answer(septet_close(by(u), fd)); }

static int pd_shutdown(void *u, int fd, int how) { return answer(septet_shutdown(by(u), fd, how)); }

static int pd_getsockopt(void *u, int fd, int level, int name, void *value, socklen_t *n)
{
	return answer(septet_getsockopt(by(u), fd, level, name, value, n));
}

static int pd_setsockopt(void *u, int fd, int level, int name, const void *value, socklen_t n)
{
	return answer(septet_setsockopt(by(u), fd, level, name, (void *)value, n));
}

static int pd_poll(void *u, struct pollfd *fds, nfds_t n, int ms)
{
	return answer(septet_poll(by(u), fds, n, ms));
}

static int pd_netdev_send(void *u, const void *b, size_t n)
{
	return answer(septet_netdev_send(by(u), (void *)b, n));
}

static int pd_netdev_receive(void *u, void *b, size_t *n, long long *usecs)
{
	return answer(septet_netdev_receive(by(u), b, n, usecs));
}

static int pd_usleep(void *u, unsigned d)
{
	septet_usleep(by(u), d);
	return 0;
}

static int pd_gettimeofday(void *u, struct timeval *tv, struct timezone *tz)
{
	long long usecs = septet_gettimeofday(by(u));
	if (tv) {
		tv->tv_sec = usecs / 1000000;
		tv->tv_usec = usecs % 1000000;
	}
	if (tz)
		memset(tz, 0, sizeof *tz);
	return 0;
}

static int pd_epoll_create(void *u, int size) { return answer(septet_epoll_create(by(u), size)); }

// struct epoll_event is packed, which Go cannot read: its parts go one by one.
static int pd_epoll_ctl(void *u, int epfd, int op, int fd, struct epoll_event *e)
{
	return answer(septet_epoll_ctl(by(u), epfd, op, fd, e ? e->events : 0, e ? e->data.u64 : 0));
}

enum { max_epoll_events = 256 };

static int pd_epoll_wait(void *u, int epfd, struct epoll_event *e, int most, int ms)
{
	uint32_t events[max_epoll_events];
	uint64_t data[max_epoll_events];
	if (most > max_epoll_events)
		most = max_epoll_events;
	int n = answer(septet_epoll_wait(by(u), epfd, events, data, most, ms));
	for (int i = 0; i < n; i++) {
		e[i].events = events[i];
		e[i].data.u64 = data[i];
	}
	return n;
}

static int pd_pipe(void *u, int fds[2]) { return answer(septet_pipe(by(u), fds)); }

static int pd_splice(void *u, int in, loff_t *in_at, int out, loff_t *out_at, size_t n, unsigned flags)
{
	if (in_at || out_at)
		return answer(-ESPIPE);
	return answer(septet_splice(by(u), in, out, n, flags));
}

void packetdrill_interface_init(const char *flags, struct packetdrill_interface *table)
{
	uintptr_t engine = septet_new((char *)flags);
	if (!engine)
		exit(2); // what is wrong with the flags has been said
	main_thread = pthread_self();
	*table = (struct packetdrill_interface){
		.userdata = (void *)engine,
		.free = pd_free,
		.socket = pd_socket,
		.bind = pd_bind,
		.listen = pd_listen,
		.accept = pd_accept,
		.connect = pd_connect,
		.read = pd_read,
		.readv = pd_readv,
		.recv = pd_recv,
		.recvfrom = pd_recvfrom,
		.recvmsg = pd_recvmsg,
		.write = pd_write,
		.writev = pd_writev,
		.send = pd_send,
		.sendto = pd_sendto,
		.sendmsg = pd_sendmsg,
		.fcntl = pd_fcntl,
		.ioctl = pd_ioctl,
		.close = pd_close,
		.shutdown = pd_shutdown,
		.getsockopt = pd_getsockopt,
		.setsockopt = pd_setsockopt,
		.poll = pd_poll,
		.netdev_send = pd_netdev_send,
		.netdev_receive = pd_netdev_receive,
		.usleep = pd_usleep,
		.gettimeofday = pd_gettimeofday,
		.epoll_create = pd_epoll_create,
		.epoll_ctl = pd_epoll_ctl,
		.epoll_wait = pd_epoll_wait,
		.pipe = pd_pipe,
		.splice = pd_splice,
	};
}
