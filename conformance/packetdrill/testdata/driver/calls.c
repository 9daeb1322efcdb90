// The calls one by one: errors, options, messages, readiness, pipes, datagrams.

#define _GNU_SOURCE
#include "driver.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static struct packet p;

void errors(void)
{
	char b[1];
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x08080808)};
	int v = 1;
	socklen_t n = sizeof v;

	FAILS(t.read(U, 999, b, 1), EBADF);
	FAILS(t.close(U, 999), EBADF);
	FAILS(t.fcntl(U, 999, F_GETFL), EBADF);
	FAILS(t.socket(U, AF_UNIX, SOCK_STREAM, 0), EAFNOSUPPORT);
	FAILS(t.socket(U, AF_INET, SOCK_STREAM, IPPROTO_UDP), EPROTONOSUPPORT);

	int fd = t.socket(U, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	FAILS(t.bind(U, fd, (void *)&a, 8), EINVAL);
	FAILS(t.bind(U, fd, (void *)&a, sizeof a), EADDRNOTAVAIL);
	a.sin_family = AF_INET6;
	FAILS(t.bind(U, fd, (void *)&a, sizeof a), EINVAL); // too short for its family
	FAILS(t.accept(U, fd, NULL, NULL), EINVAL);
	FAILS(t.read(U, fd, b, 1), ENOTCONN);
	FAILS(t.shutdown(U, fd, SHUT_RDWR), ENOTCONN);
	FAILS(t.getsockopt(U, fd, SOL_SOCKET, 9999, &v, &n), ENOPROTOOPT);
	FAILS(t.setsockopt(U, fd, IPPROTO_TCP, 9999, &v, sizeof v), ENOPROTOOPT);
	FAILS(t.setsockopt(U, fd, SOL_SOCKET, SO_REUSEADDR, &v, 1), EINVAL);
	FAILS(t.ioctl(U, fd, 0x1234, &v), ENOTTY);

	int ep = t.epoll_create(U, 1);
	FAILS(t.bind(U, ep, (void *)&a, sizeof a), ENOTSOCK);
	FAILS(t.epoll_wait(U, fd, NULL, 1, 0), EINVAL);
	FAILS(t.netdev_send(U, "\x10", 1), EINVAL);

	// A socket closed with close(2): its number means the next socket.
	CHECK(close(fd) == 0, "close(2) works on it");
	int again = t.socket(U, AF_INET, SOCK_DGRAM, 0);
	CHECK(again == fd, "the kernel gives the lowest number");
	n = sizeof v;
	CHECK(t.getsockopt(U, again, SOL_SOCKET, SO_TYPE, &v, &n) == 0 && v == SOCK_DGRAM, "it is the new socket");
}

void options(void)
{
	struct peer r;
	int fd = established(&r), v;
	socklen_t n;

	static const struct { int level, name, value; } set[] = {
		{SOL_SOCKET, SO_REUSEADDR, 1}, {SOL_SOCKET, SO_KEEPALIVE, 1},
		{IPPROTO_TCP, TCP_NODELAY, 1}, {IPPROTO_TCP, TCP_KEEPIDLE, 30},
		{IPPROTO_TCP, TCP_KEEPINTVL, 5}, {IPPROTO_TCP, TCP_KEEPCNT, 3},
	};
	for (size_t i = 0; i < sizeof set / sizeof *set; i++) {
		v = set[i].value;
		CHECK(t.setsockopt(U, fd, set[i].level, set[i].name, &v, sizeof v) == 0, "set option %zu", i);
		n = 100; // more room than needed
		long value[16];
		CHECK(t.getsockopt(U, fd, set[i].level, set[i].name, value, &n) == 0 && n == sizeof v &&
		      *(int *)value == set[i].value, "get option %zu: the value that was set, in 4 bytes", i);
	}
	v = 20000;
	CHECK(t.setsockopt(U, fd, SOL_SOCKET, SO_RCVBUF, &v, sizeof v) == 0, "SO_RCVBUF");
	n = sizeof v;
	CHECK(t.getsockopt(U, fd, SOL_SOCKET, SO_RCVBUF, &v, &n) == 0 && v == 40000, "Linux tells the double");

	struct linger l = {1, 7}, got = {0};
	CHECK(t.setsockopt(U, fd, SOL_SOCKET, SO_LINGER, &l, sizeof l) == 0, "SO_LINGER");
	n = sizeof got;
	CHECK(t.getsockopt(U, fd, SOL_SOCKET, SO_LINGER, &got, &n) == 0 && n == sizeof got && got.l_onoff == 1 &&
	      got.l_linger == 7, "SO_LINGER as it was set");
	struct timeval tv = {2, 500000}, tvgot = {0};
	CHECK(t.setsockopt(U, fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv) == 0, "SO_RCVTIMEO");
	n = sizeof tvgot;
	CHECK(t.getsockopt(U, fd, SOL_SOCKET, SO_RCVTIMEO, &tvgot, &n) == 0 && n == sizeof tvgot && tvgot.tv_sec == 2 &&
	      tvgot.tv_usec == 500000, "SO_RCVTIMEO as it was set");

	char name[16];
	CHECK(t.setsockopt(U, fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4) == 0, "reno is there");
	FAILS(t.setsockopt(U, fd, IPPROTO_TCP, TCP_CONGESTION, "vegas", 5), ENOENT);
	n = sizeof name;
	CHECK(t.getsockopt(U, fd, IPPROTO_TCP, TCP_CONGESTION, name, &n) == 0 && n == 16 && !strcmp(name, "reno"), "its name");
	unsigned char cc[64];
	n = sizeof cc;
	CHECK(t.getsockopt(U, fd, IPPROTO_TCP, TCP_CC_INFO, cc, &n) == 0 && n == 0, "reno has nothing to tell");

	unsigned mem[9];
	send_segment(&r, ACK | PSH, NULL, 0, "unread", 6);
	n = sizeof mem;
	CHECK(t.getsockopt(U, fd, SOL_SOCKET, 55, mem, &n) == 0 && n == sizeof mem, "SO_MEMINFO has nine numbers");
	CHECK(mem[0] == 6 && mem[1] == 40000 && mem[8] == 0, "6 bytes of 40000 are used, nothing was dropped");
	v = 0;
	CHECK(t.ioctl(U, fd, FIONREAD, &v) == 0 && v == 6, "SIOCINQ");

	struct tcp_info info;
	n = 8; // as an old program would ask
	CHECK(t.getsockopt(U, fd, IPPROTO_TCP, TCP_INFO, &info, &n) == 0 && n == 8, "TCP_INFO is cut to the room there is");

	// Closing with unread bytes is a reset (RFC 9293, section 3.6.1).
	expect(&p, &r, ACK, "", 0, NULL, 0);
	CHECK(t.close(U, fd) == 0, "close");
	expect(&p, &r, RST | ACK, "", 0, NULL, 0);
}

void messages(void)
{
	struct peer r;
	int fd = established(&r);
	char a[3] = "abc", b[4] = "defg", control[64];
	struct iovec v[] = {{a, 3}, {b, 4}};

	CHECK(t.writev(U, fd, v, 2) == 7, "writev");
	expect(&p, &r, ACK | PSH, "", 0, "abcdefg", 7);
	send_segment(&r, ACK | PSH, NULL, 0, "1234567", 7);
	expect(&p, &r, ACK, "", 0, NULL, 0);
	CHECK(t.recv(U, fd, a, 3, MSG_PEEK) == 3 && !memcmp(a, "123", 3), "MSG_PEEK");
	CHECK(t.readv(U, fd, v, 2) == 7 && !memcmp(a, "123", 3) && !memcmp(b, "4567", 4), "readv fills one after the other");
	FAILS(t.recv(U, fd, a, 1, MSG_DONTWAIT), EAGAIN);

	struct sockaddr_in from;
	struct msghdr m = {
		.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = v, .msg_iovlen = 2,
		.msg_control = control, .msg_controllen = sizeof control, .msg_flags = -1,
	};
	send_segment(&r, ACK | PSH, NULL, 0, "xyz", 3);
	expect(&p, &r, ACK, "", 0, NULL, 0);
	CHECK(t.recvmsg(U, fd, &m, 0) == 3 && !memcmp(a, "xyz", 3), "recvmsg");
	CHECK(m.msg_flags == 0 && m.msg_controllen == 0 && m.msg_namelen == 0, "a stream has neither flags nor sender");
	m = (struct msghdr){.msg_iov = v, .msg_iovlen = 1};
	CHECK(t.sendmsg(U, fd, &m, MSG_NOSIGNAL) == 3, "sendmsg");
	expect(&p, &r, ACK | PSH, "", 0, "xyz", 3);
	CHECK(t.sendto(U, fd, "q", 1, 0, NULL, 0) == 1, "sendto");
	send_segment(&r, ACK, NULL, 0, NULL, 0);
	expect(&p, &r, ACK | PSH, "", 0, "q", 1);
}

void readiness(void)
{
	struct peer r;
	int fd = established(&r);
	struct pollfd f = {fd, POLLIN | POLLOUT, -1};

	CHECK(t.poll(U, &f, 1, 0) == 1 && f.revents == POLLOUT, "a fresh connection can be written to");
	f.events = POLLIN;
	f.revents = -1;
	long long begin = now();
	CHECK(t.poll(U, &f, 1, 50) == 0 && f.revents == 0, "nothing to read: revents is overwritten with 0");
	long long took = now() - begin;
	CHECK(took >= 50000 && took < 50010, "poll should wait its 50 ms, not %lld us", took);
	struct pollfd bad = {12345, POLLIN, 0};
	CHECK(t.poll(U, &bad, 1, 0) == 1 && bad.revents == POLLNVAL, "no such descriptor");

	int ep = t.epoll_create(U, 1);
	CHECK(fcntl(ep, F_GETFD) >= 0, "an epoll is a descriptor of the kernel's too");
	struct epoll_event e = {.events = EPOLLIN | EPOLLET, .data.u64 = 0x123456789abcdefull}, got[4];
	CHECK(t.epoll_ctl(U, ep, EPOLL_CTL_ADD, fd, &e) == 0, "EPOLL_CTL_ADD");
	FAILS(t.epoll_ctl(U, ep, EPOLL_CTL_ADD, fd, &e), EEXIST);
	CHECK(t.epoll_wait(U, ep, got, 4, 0) == 0, "no event yet");
	send_segment(&r, ACK | PSH, NULL, 0, "a", 1);
	CHECK(t.epoll_wait(U, ep, got, 4, 0) == 1 && got[0].events == EPOLLIN && got[0].data.u64 == e.data.u64, "one event");
	CHECK(t.epoll_wait(U, ep, got, 4, 0) == 0, "an edge is told once");
	send_segment(&r, ACK | PSH, NULL, 0, "b", 1);
	CHECK(t.epoll_wait(U, ep, got, 4, 0) == 1, "more data is another edge");
	e.events = EPOLLIN;
	CHECK(t.epoll_ctl(U, ep, EPOLL_CTL_MOD, fd, &e) == 0, "EPOLL_CTL_MOD");
	CHECK(t.epoll_wait(U, ep, got, 4, 0) == 1 && t.epoll_wait(U, ep, got, 4, 0) == 1, "a level is told again and again");
	CHECK(t.poll(U, &f, 1, 0) == 1 && f.revents == POLLIN, "poll says the same");
	CHECK(t.epoll_ctl(U, ep, EPOLL_CTL_DEL, fd, NULL) == 0, "EPOLL_CTL_DEL");
	FAILS(t.epoll_ctl(U, ep, EPOLL_CTL_DEL, fd, NULL), ENOENT);

	send_segment(&r, RST | ACK, NULL, 0, NULL, 0);
	f.events = POLLIN | POLLOUT | POLLRDHUP;
	CHECK(t.poll(U, &f, 1, -1) == 1 && f.revents == (POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP),
	      "after a reset everything is ready, got %#x", f.revents);
}

void pipes(void)
{
	struct peer r;
	int fd = established(&r), ends[2];
	char b[16];

	CHECK(t.pipe(U, ends) == 0 && fcntl(ends[0], F_GETFD) >= 0 && fcntl(ends[1], F_GETFD) >= 0, "pipe");
	send_segment(&r, ACK | PSH, NULL, 0, "through", 7);
	expect(&p, &r, ACK, "", 0, NULL, 0);
	CHECK(t.splice(U, fd, NULL, ends[1], NULL, 4, 0) == 4, "splice from a socket");
	CHECK(t.read(U, ends[0], b, sizeof b) == 4 && !memcmp(b, "thro", 4), "read from the pipe");
	CHECK(t.write(U, ends[1], "back", 4) == 4, "write to the pipe");
	CHECK(t.splice(U, ends[0], NULL, fd, NULL, 100, 0) == 4, "splice to a socket");
	expect(&p, &r, ACK | PSH, "", 0, "back", 4);
	FAILS(t.splice(U, fd, NULL, fd, NULL, 1, 0), EINVAL);
	FAILS(t.write(U, ends[0], b, 1), EBADF);
	CHECK(t.close(U, ends[1]) == 0 && t.read(U, ends[0], b, 1) == 0, "the end of a pipe");
}

void datagrams(void)
{
	int fd = t.socket(U, AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(53), .sin_addr.s_addr = htonl(REMOTE_IP)};
	CHECK(t.sendto(U, fd, "query", 5, 0, (void *)&to, sizeof to) == 5, "sendto");
	CHECK(t.netdev_receive(U, p.b, &p.n, &p.at) == 0 && p.n == 33, "a datagram of 33 bytes");
	CHECK(p.b[9] == 17 && !memcmp(p.b + 28, "query", 5), "UDP, with the bytes given");

	// The answer: addresses and ports change places.
	unsigned char b[33];
	memcpy(b, p.b, sizeof b);
	memcpy(b + 12, p.b + 16, 4), memcpy(b + 16, p.b + 12, 4);
	memcpy(b + 20, p.b + 22, 2), memcpy(b + 22, p.b + 20, 2); // the sums stay as they are
	CHECK(t.netdev_send(U, b, sizeof b) == 0, "netdev_send");
	struct sockaddr_in from;
	struct iovec v = {b, 3};
	struct msghdr m = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &v, .msg_iovlen = 1};
	CHECK(t.recvmsg(U, fd, &m, 0) == 3 && !memcmp(b, "que", 3), "the first three bytes");
	CHECK(m.msg_flags == MSG_TRUNC && m.msg_namelen == sizeof from && from.sin_port == to.sin_port,
	      "the rest is lost, which MSG_TRUNC tells");
	FAILS(t.recv(U, fd, b, 1, MSG_DONTWAIT), EAGAIN);
}
