// What a Linux host does on the wire, and the options that show it. The expected
// values are those of the man pages, of ip-sysctl in the kernel's documentation, and
// of a Linux 6.18 kernel to which the same exchanges were played.

#define _GNU_SOURCE
#include "driver.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>

static struct packet p;
static char text[40000];

static void set(int fd, int level, int name, int value)
{
	CHECK(t.setsockopt(U, fd, level, name, &value, sizeof value) == 0, "option %d of level %d, errno %d", name, level, errno);
}

static int get(int fd, int level, int name)
{
	int value = -1;
	socklen_t n = sizeof value;
	CHECK(t.getsockopt(U, fd, level, name, &value, &n) == 0 && n == sizeof value, "option %d of level %d, errno %d", name, level, errno);
	return value;
}

// MSG_MORE: what is not full waits for more, or for 200 ms (send(2)).
void more(void)
{
	struct peer r;
	int fd = established(&r);

	CHECK(t.send(U, fd, text, 100, MSG_MORE) == 100, "send");
	CHECK(t.send(U, fd, text, 100, 0) == 100, "send");
	expect(&p, &r, ACK | PSH, "", 0, text, 200);
	send_segment(&r, ACK, NULL, 0, NULL, 0);
	long long at = now();
	CHECK(t.send(U, fd, text, 50, MSG_MORE) == 50, "send");
	expect(&p, &r, ACK | PSH, "", 0, text, 50); // it waits no longer: that is the window probe of Linux, which is pushed
	CHECK(p.at - at >= 150000 && p.at - at <= 201000, "it waits no longer than 200 ms, not %lld us", p.at - at);
}

void cork(void)
{
	struct peer r;
	int fd = established(&r);

	set(fd, IPPROTO_TCP, TCP_CORK, 1);
	CHECK(get(fd, IPPROTO_TCP, TCP_CORK) == 1, "TCP_CORK as it was set");
	CHECK(t.write(U, fd, text, 1560) == 1560, "write");
	expect(&p, &r, ACK, "", 0, text, 1460);
	set(fd, IPPROTO_TCP, TCP_CORK, 0);
	expect(&p, &r, ACK | PSH, "", 0, text, 100);
}

// Minshall's variation of Nagle's algorithm: only a small segment waits for a small
// one.
void nagle(void)
{
	struct peer r;
	int fd = established(&r);

	CHECK(t.write(U, fd, text, 1560) == 1560, "write");
	expect(&p, &r, ACK | PSH, "", 0, text, 1560); // the rest does not wait for the full one
	long long at = p.at;
	CHECK(t.write(U, fd, text, 10) == 10, "write");
	t.usleep(U, 20000);
	send_segment(&r, ACK, NULL, 0, NULL, 0);
	expect(&p, &r, ACK | PSH, "", 0, text, 10);
	CHECK(p.at >= at + 20000, "the second small segment waits for the first, not %lld us", p.at - at);
	set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	CHECK(t.write(U, fd, text, 10) == 10, "write");
	expect(&p, &r, ACK | PSH, "", 0, text, 10);
}

// Segment offload: segments that leave together are one packet, of half the window
// at most and with PSH.
void trains(void)
{
	struct peer r;
	int fd = established(&r);

	CHECK(t.write(U, fd, text, 12 * 1460) == 12 * 1460, "write");
	expect(&p, &r, ACK | PSH, "", 0, text, 5 * 1460);
	expect(&p, &r, ACK | PSH, "", 0, text, 5 * 1460);
	t.usleep(U, 1000);
	send_segment(&r, ACK, NULL, 0, NULL, 0);
	expect(&p, &r, ACK | PSH, "", 0, text, 2 * 1460);
}

// A window probe has an old sequence number and no text; the next comes after twice
// the time.
void window_probes(void)
{
	struct peer r;
	int fd = established(&r);

	CHECK(t.write(U, fd, text, 32792) == 32792, "write what the window takes");
	for (size_t done = 0; done < 10 * 1460; done += 5 * 1460)
		expect(&p, &r, ACK | PSH, "", 0, text, 5 * 1460);
	shut_window(&r);
	r.ack--;
	expect(&p, &r, ACK, "", 0, NULL, 0);
	long long first = p.at;
	expect(&p, &r, ACK, "", 0, NULL, 0);
	long long second = p.at;
	expect(&p, &r, ACK, "", 0, NULL, 0);
	long long third = p.at;
	CHECK(third - second >= 2 * (second - first) - 10 && third - second <= 2 * (second - first) + 10,
	      "each probe waits twice as long as the one before: %lld and %lld us", second - first, third - second);
	r.ack++;
	send_segment(&r, ACK, NULL, 0, NULL, 0);
	CHECK(t.netdev_receive(U, p.b, &p.n, &p.at) == 0 && p.n > 1460, "the window is open: data follows");
}

void urgent(void)
{
	struct peer r;
	char b[4];
	int fd = established(&r), mark = -1;

	CHECK(t.send(U, fd, "ab!", 3, MSG_OOB) == 3, "send MSG_OOB");
	CHECK(t.netdev_receive(U, p.b, &p.n, &p.at) == 0 && p.n == 43, "three bytes go out");
	CHECK((p.b[33] & 0x20) && p.b[38] == 0 && p.b[39] == 3, "URG, and the pointer is behind the urgent byte");
	r.ack += 3;
	send_urgent(&r, "xy!", 3);
	struct pollfd f = {fd, POLLPRI, 0};
	CHECK(t.poll(U, &f, 1, 0) == 1 && f.revents == POLLPRI, "POLLPRI, got %#x", f.revents);
	CHECK(t.ioctl(U, fd, SIOCATMARK, &mark) == 0 && mark == 0, "not at the mark yet");
	CHECK(t.read(U, fd, b, 4) == 2, "reading stops before the urgent byte");
	CHECK(t.ioctl(U, fd, SIOCATMARK, &mark) == 0 && mark == 1, "at the mark");
	CHECK(t.recv(U, fd, b, 4, MSG_OOB) == 1 && b[0] == '!', "MSG_OOB reads it");
	FAILS(t.recv(U, fd, b, 4, MSG_OOB), EINVAL);
}

void keep_alive(void)
{
	struct peer r;
	char b;
	int fd = established(&r);

	set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 10);
	set(fd, IPPROTO_TCP, TCP_KEEPINTVL, 2);
	set(fd, IPPROTO_TCP, TCP_KEEPCNT, 2);
	long long at = now();
	r.ack--;
	expect(&p, &r, ACK, "", 0, NULL, 0);
	CHECK(p.at - at >= 9990000 && p.at - at <= 10000000, "the first after 10 s, not %lld us", p.at - at);
	expect(&p, &r, ACK, "", 0, NULL, 0);
	r.ack++;
	expect(&p, &r, RST | ACK, "", 0, NULL, 0);
	CHECK(p.at - at >= 13990000 && p.at - at <= 14000100, "given up after 14 s, not %lld us", p.at - at);
	FAILS(t.read(U, fd, &b, 1), ETIMEDOUT);
}

// The first acknowledgements are quick. In a dialogue they wait for the answer.
void quick_acks(void)
{
	struct peer r;
	char b[100];
	int fd = established(&r);

	send_segment(&r, ACK | PSH, NULL, 0, "ask", 3);
	long long at = now();
	expect(&p, &r, ACK, "", 0, NULL, 0);
	CHECK(p.at <= at, "the first ACK is sent at once");
	CHECK(t.read(U, fd, b, 100) == 3 && t.write(U, fd, "tell", 4) == 4, "an answer");
	expect(&p, &r, ACK | PSH, "", 0, "tell", 4);
	t.usleep(U, 30000);
	at = now();
	send_segment(&r, ACK | PSH, NULL, 0, "ask", 3);
	expect(&p, &r, ACK, "", 0, NULL, 0);
	CHECK(p.at - at >= 39000 && p.at - at <= 41000, "the next waits 40 ms for an answer, not %lld us", p.at - at);
	CHECK(get(fd, IPPROTO_TCP, TCP_QUICKACK) == 1, "nobody answered: quick again");
}

// Text for a socket that is closed: a reset without ACK, at the sender's ACK.
void text_after_close(void)
{
	struct peer r;
	int fd = established(&r);

	CHECK(t.close(U, fd) == 0, "close");
	expect(&p, &r, FIN | ACK, "", 0, NULL, 0);
	send_segment(&r, ACK, NULL, 0, NULL, 0);
	send_segment(&r, ACK | PSH, NULL, 0, "late", 4);
	CHECK(t.netdev_receive(U, p.b, &p.n, &p.at) == 0 && p.n == 40 && p.b[33] == RST && seq_of(&p) == r.ack, "a plain RST");
	expect_nothing();
}

void linger(void)
{
	struct peer r;
	int fd = established(&r);
	struct linger l = {1, 0};

	CHECK(t.setsockopt(U, fd, SOL_SOCKET, SO_LINGER, &l, sizeof l) == 0, "SO_LINGER");
	CHECK(t.close(U, fd) == 0, "close");
	expect(&p, &r, RST | ACK, "", 0, NULL, 0);
	fd = established(&r);
	set(fd, IPPROTO_TCP, TCP_LINGER2, 5);
	CHECK(get(fd, IPPROTO_TCP, TCP_LINGER2) == 5, "TCP_LINGER2 as it was set");
	CHECK(t.close(U, fd) == 0, "close");
	expect(&p, &r, FIN | ACK, "", 0, NULL, 0);
	send_segment(&r, ACK, NULL, 0, NULL, 0);
	t.usleep(U, 4900000);
	send_segment(&r, ACK, NULL, 0, NULL, 0); // FIN-WAIT-2: not answered
	t.usleep(U, 200000);
	send_segment(&r, ACK, NULL, 0, NULL, 0);
	CHECK(t.netdev_receive(U, p.b, &p.n, &p.at) == 0 && p.n == 40 && p.b[33] == RST, "after 5 s the connection is gone");
}

// TCP_INQ tells with each recvmsg how much is left.
void inq(void)
{
	struct peer r;
	char b[4];
	union { char room[64]; struct cmsghdr h; } control;
	struct iovec v = {b, 4};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	int fd = established(&r), left;

	set(fd, IPPROTO_TCP, TCP_INQ, 1);
	send_segment(&r, ACK | PSH, NULL, 0, "sevenby", 7);
	CHECK(t.recvmsg(U, fd, &m, 0) == 4 && m.msg_controllen == CMSG_SPACE(sizeof(int)) && m.msg_flags == 0, "one control message");
	memcpy(&left, CMSG_DATA(&control.h), sizeof left);
	CHECK(control.h.cmsg_level == IPPROTO_TCP && control.h.cmsg_type == TCP_CM_INQ && left == 3, "3 bytes are left, not %d", left);
	m.msg_controllen = 4;
	CHECK(t.recvmsg(U, fd, &m, 0) == 3 && m.msg_flags == MSG_CTRUNC, "no room: MSG_CTRUNC");
	FAILS(t.recvmsg(U, fd, &m, MSG_ERRQUEUE), EAGAIN);
}

void low_water(void)
{
	struct peer r;
	char b[16];
	int fd = established(&r);
	struct pollfd f = {fd, POLLIN, 0};

	set(fd, SOL_SOCKET, SO_RCVLOWAT, 8);
	send_segment(&r, ACK | PSH, NULL, 0, "four", 4);
	CHECK(t.poll(U, &f, 1, 0) == 0, "4 bytes are not enough for POLLIN");
	send_segment(&r, ACK | PSH, NULL, 0, "more", 4);
	CHECK(t.poll(U, &f, 1, 0) == 1 && f.revents == POLLIN, "8 are");
	CHECK(t.recv(U, fd, b, 8, MSG_WAITALL | MSG_PEEK) == 8 && t.recv(U, fd, b, 16, MSG_TRUNC) == 8, "MSG_PEEK, MSG_TRUNC");
}

// Options with their values before and after they are set.
void more_options(void)
{
	struct peer r;
	int fd = established(&r);
	static const struct { int level, name, usual, value; } list[] = {
		{SOL_SOCKET, SO_PRIORITY, 0, 6}, {SOL_SOCKET, SO_MARK, 0, 7}, {SOL_SOCKET, SO_ZEROCOPY, 0, 1},
		{IPPROTO_IP, IP_TOS, 0, 0x48}, {IPPROTO_IP, IP_TTL, 64, 9}, {IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_WANT, IP_PMTUDISC_DO},
		{IPPROTO_IP, IP_RECVTOS, 0, 1}, {IPPROTO_TCP, TCP_SYNCNT, 6, 3}, {IPPROTO_TCP, TCP_USER_TIMEOUT, 0, 5000},
		{IPPROTO_TCP, TCP_NOTSENT_LOWAT, 0, 4096}, {IPPROTO_TCP, TCP_LINGER2, 60, 7}, {IPPROTO_TCP, TCP_DEFER_ACCEPT, 0, 1},
		{IPPROTO_TCP, TCP_KEEPIDLE, 7200, 9}, {IPPROTO_TCP, TCP_KEEPINTVL, 75, 8}, {IPPROTO_TCP, TCP_KEEPCNT, 9, 4},
	};
	for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
		int was = get(fd, list[i].level, list[i].name);
		CHECK(was == list[i].usual, "option %zu should be %d at first, is %d", i, list[i].usual, was);
		set(fd, list[i].level, list[i].name, list[i].value);
		CHECK(get(fd, list[i].level, list[i].name) == list[i].value, "option %zu as it was set", i);
	}
	CHECK(get(fd, IPPROTO_IP, IP_MTU) == 1500, "IP_MTU of a connection");
	int v = 2;
	FAILS(t.setsockopt(U, fd, IPPROTO_TCP, TCP_INQ, &v, sizeof v), EINVAL);
}

// Fast Open: the first connection asks for a cookie (RFC 7413, section 4.2.1).
void fast_open(void)
{
	struct peer r = {0};
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(REMOTE_PORT), .sin_addr.s_addr = htonl(REMOTE_IP)};
	static const char cookie[] = "\x02\x04\x05\xb4\x22\x0a" "abcdefgh" "\x01\x01";

	int fd = t.socket(U, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	FAILS(t.sendto(U, fd, "hello", 5, MSG_FASTOPEN, (void *)&a, sizeof a), EINPROGRESS);
	expect(&p, &r, SYN, NULL, 0, NULL, 0);
	CHECK(memmem(p.b + 40, p.n - 40, "\x22\x02", 2), "the SYN asks for a cookie");
	send_segment(&r, SYN | ACK, cookie, 16, NULL, 0);
	expect(&p, &r, ACK, "", 0, NULL, 0);
	CHECK(t.close(U, fd) == 0, "close");
	expect(&p, &r, FIN | ACK, "", 0, NULL, 0);
	send_segment(&r, RST | ACK, NULL, 0, NULL, 0);

	// The second has the cookie, and its data in the SYN.
	fd = t.socket(U, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	set(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
	CHECK(t.connect(U, fd, (void *)&a, sizeof a) == 0, "connect waits for the data");
	CHECK(t.write(U, fd, "hello", 5) == 5, "write is the connect");
	r = (struct peer){0};
	CHECK(t.netdev_receive(U, p.b, &p.n, &p.at) == 0 && (p.b[33] & SYN), "a SYN");
	CHECK(memmem(p.b + 40, p.n - 40, "abcdefgh", 8) && !memcmp(p.b + p.n - 5, "hello", 5), "with the cookie and the data");
}

static int descriptors(void)
{
	int n = 0;
	DIR *d = opendir("/proc/self/fd");
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

// A process may load one stack after the other.
void cycles(void)
{
	t.free(U);
	int before = 0;
	for (int i = 0; i < 1000; i++) {
		struct peer r;
		start("wscale=8 rmem=131072");
		if (i % 50 == 0)
			CHECK(t.close(U, established(&r)) == 0, "close");
		else
			CHECK(t.close(U, t.socket(U, AF_INET, SOCK_STREAM, 0)) == 0, "close");
		t.free(U);
		if (i == 0)
			before = descriptors();
	}
	CHECK(descriptors() == before, "1000 stacks should leave no descriptor behind: %d, then %d", before, descriptors());
	start("wscale=8");
}
