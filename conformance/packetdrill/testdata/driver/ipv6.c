// Connections over IPv6: what has to be the same, is.

#include "driver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>

#include <string.h>

static struct sockaddr_in6 remote6(void)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(REMOTE_PORT)};
	memcpy(&a.sin6_addr, (unsigned char[16])REMOTE_IP6, 16);
	return a;
}

void ipv6_passive(void)
{
	static const unsigned char remote[16] = REMOTE_IP6;
	static char text[4 * 1460];
	static struct packet p;
	struct peer r = {.local_port = LOCAL_PORT, .seq = 1000};
	struct sockaddr_in6 a;
	socklen_t n = sizeof a;
	int l = listener(AF_INET6);

	send_segment(&r, SYN, SYN_OPTIONS, SYN_OPTIONS_LEN, NULL, 0);
	// RFC 9293, MUST-67: what the link carries, 1520, without 60 bytes of headers.
	expect(&p, &r, SYN | ACK, "\x02\x04\x05\xb4\x01\x03\x03\x08", 8, NULL, 0);
	send_segment(&r, ACK, NULL, 0, NULL, 0);
	int fd = t.accept(U, l, (struct sockaddr *)&a, &n);
	CHECK(fd >= 0 && n == sizeof a && a.sin6_family == AF_INET6 && !memcmp(&a.sin6_addr, remote, 16) &&
		      ntohs(a.sin6_port) == REMOTE_PORT,
	      "accept tells the peer's address");

	// What is sent as one is shown as one, as over IPv4.
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = i;
	CHECK(t.write(U, fd, text, sizeof text) == sizeof text, "write");
	expect(&p, &r, ACK | PSH, "", 0, text, sizeof text);
	send_segment(&r, ACK, NULL, 0, NULL, 0);
	send_segment(&r, ACK | PSH, NULL, 0, "hello", 5);
	expect(&p, &r, ACK, "", 0, NULL, 0);
	CHECK(t.read(U, fd, text, sizeof text) == 5 && !memcmp(text, "hello", 5), "read");
	CHECK(t.close(U, fd) == 0, "close");
	expect(&p, &r, FIN | ACK, "", 0, NULL, 0);
	send_segment(&r, FIN | ACK, NULL, 0, NULL, 0);
	expect(&p, &r, ACK, "", 0, NULL, 0);
	CHECK(t.close(U, l) == 0, "close");
}

void ipv6_active(void)
{
	static struct packet p;
	struct peer r = {.seq = 1000};
	struct sockaddr_in6 a = remote6();
	int fd = t.socket(U, AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_TCP), err = -1;
	socklen_t n = sizeof err;

	FAILS(t.connect(U, fd, (struct sockaddr *)&a, sizeof a), EINPROGRESS);
	// The router is asked for before, which is not shown.
	expect(&p, &r, SYN, NULL, 0, NULL, 0);
	send_segment(&r, SYN | ACK, "\x02\x04\x05\xb4", 4, NULL, 0);
	expect(&p, &r, ACK, "", 0, NULL, 0);
	CHECK(t.getsockopt(U, fd, SOL_SOCKET, SO_ERROR, &err, &n) == 0 && err == 0, "connected");
	CHECK(t.write(U, fd, "x", 1) == 1, "write");
	expect(&p, &r, ACK | PSH, "", 0, "x", 1);
	send_segment(&r, RST | ACK, NULL, 0, NULL, 0);
	FAILS(t.read(U, fd, &err, 1), ECONNRESET);
	CHECK(t.close(U, fd) == 0, "close");

	fd = t.socket(U, AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_TCP);
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(REMOTE_PORT), .sin_addr.s_addr = htonl(REMOTE_IP)};
	FAILS(t.connect(U, fd, (struct sockaddr *)&four, sizeof four), EINVAL);
	CHECK(t.close(U, fd) == 0, "close");
}
