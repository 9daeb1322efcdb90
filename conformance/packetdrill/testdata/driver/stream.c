// Connections without blocking: opening both ways, data, closing, time.

#include "driver.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>

static struct packet p;

// What the stack answers to SYN_OPTIONS: its MSS, and its window scale.
static const char synack_options[] = "\x02\x04\x05\xb4\x01\x03\x03\x08";

static struct sockaddr_in address(uint32_t ip, uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(ip)};
}

int listener(int domain)
{
	int fd = t.socket(U, domain, SOCK_STREAM, IPPROTO_TCP);
	CHECK(fd > 2, "socket should give a descriptor");
	CHECK(fcntl(fd, F_GETFD) >= 0, "it should be one of the kernel's, because close(2) must work on it");
	int on = 1;
	CHECK(t.setsockopt(U, fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0, "SO_REUSEADDR");
	if (domain == AF_INET) {
		struct sockaddr_in a = address(LOCAL_IP, LOCAL_PORT);
		CHECK(t.bind(U, fd, (void *)&a, sizeof a) == 0, "bind to the local address of the flags");
	} else {
		struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(LOCAL_PORT)};
		CHECK(t.bind(U, fd, (void *)&a, sizeof a) == 0, "bind to :: stands for every IPv4 address too");
	}
	CHECK(t.listen(U, fd, 1) == 0, "listen");
	return fd;
}

static void handshake(struct peer *r)
{
	*r = (struct peer){.local_port = LOCAL_PORT, .seq = 1000};
	send_segment(r, SYN, SYN_OPTIONS, SYN_OPTIONS_LEN, NULL, 0);
	expect(&p, r, SYN | ACK, synack_options, 8, NULL, 0);
	CHECK(window_of(&p) > 0, "the SYN,ACK should offer a window");
	send_segment(r, ACK, NULL, 0, NULL, 0);
}

int established(struct peer *r)
{
	int l = listener(AF_INET);
	handshake(r);
	int fd = t.accept(U, l, NULL, NULL);
	CHECK(fd > l, "accept should return the connection that is there");
	CHECK(t.close(U, l) == 0, "a listener can go while its connection lives");
	return fd;
}

void passive_open(void)
{
	struct peer r;
	struct sockaddr_in from;
	socklen_t n = sizeof from;
	char b[100];

	int l = listener(AF_INET);
	handshake(&r);
	int fd = t.accept(U, l, (void *)&from, &n);
	CHECK(fd >= 0, "accept");
	CHECK(n == sizeof from && from.sin_family == AF_INET && ntohs(from.sin_port) == REMOTE_PORT &&
	      ntohl(from.sin_addr.s_addr) == REMOTE_IP, "accept should tell the peer's address");

	struct tcp_info info;
	n = sizeof info;
	memset(&info, 0xee, sizeof info);
	CHECK(t.getsockopt(U, fd, IPPROTO_TCP, TCP_INFO, &info, &n) == 0, "TCP_INFO");
	CHECK(n == sizeof info, "TCP_INFO has %zu bytes in this system's header, got %u", sizeof info, n);
	CHECK(info.tcpi_state == 1, "ESTABLISHED is 1, got %d", info.tcpi_state);
	CHECK(info.tcpi_options == TCPI_OPT_WSCALE, "only window scaling was agreed, got %#x", info.tcpi_options);
	CHECK(info.tcpi_snd_wscale == 7 && info.tcpi_rcv_wscale == 8, "the scales are the SYN's 7 and our 8");
	CHECK(info.tcpi_snd_mss == 1460 && info.tcpi_advmss == 1460 && info.tcpi_pmtu == 1500, "MSS and MTU");
	CHECK(info.tcpi_snd_cwnd == 10, "the initial window is ten segments, got %u", info.tcpi_snd_cwnd);
	CHECK(info.tcpi_snd_ssthresh == 0x7fffffff, "there was no loss yet");
	CHECK(info.tcpi_unacked == 0 && info.tcpi_total_retrans == 0 && info.tcpi_bytes_acked == 0, "nothing was sent");
	CHECK(info.tcpi_segs_in == 2 && info.tcpi_segs_out == 0, "SYN and ACK in; Linux does not count the SYN,ACK: got %u and %u",
	      info.tcpi_segs_in, info.tcpi_segs_out);
	CHECK(info.tcpi_ato == 0 && info.tcpi_rcv_mss == 536 && info.tcpi_delivered == 1, "as Linux: no data yet, the SYN delivered");

	send_segment(&r, ACK | PSH, NULL, 0, "hello", 5);
	CHECK(t.read(U, fd, b, sizeof b) == 5 && !memcmp(b, "hello", 5), "read what has arrived");
	expect(&p, &r, ACK, "", 0, NULL, 0);

	strcpy(b, "answer");
	CHECK(t.write(U, fd, b, 6) == 6, "write");
	memset(b, 0, sizeof b); // the stack must have copied it
	expect(&p, &r, ACK | PSH, "", 0, "answer", 6);
	int queued = -1;
	CHECK(t.ioctl(U, fd, TIOCOUTQ, &queued) == 0 && queued == 6, "six bytes are not acknowledged, got %d", queued);
	send_segment(&r, ACK, NULL, 0, NULL, 0);
	CHECK(t.ioctl(U, fd, TIOCOUTQ, &queued) == 0 && queued == 0, "now they are, got %d", queued);

	CHECK(t.shutdown(U, fd, SHUT_WR) == 0, "shutdown");
	expect(&p, &r, FIN | ACK, "", 0, NULL, 0);
	send_segment(&r, FIN | ACK, NULL, 0, NULL, 0);
	expect(&p, &r, ACK, "", 0, NULL, 0);
	CHECK(t.read(U, fd, b, sizeof b) == 0, "the peer has finished: read should return 0");
	n = sizeof info;
	CHECK(t.getsockopt(U, fd, IPPROTO_TCP, TCP_INFO, &info, &n) == 0 && info.tcpi_state == 6, "TIME-WAIT is 6");
	CHECK(info.tcpi_bytes_acked == 7 && info.tcpi_bytes_received == 6 && info.tcpi_delivered == 3 && info.tcpi_ato == 40000,
	      "as Linux: 6 bytes and a FIN acknowledged, 5 and a FIN received, SYN, text and FIN delivered");
	CHECK(t.close(U, fd) == 0, "close");
	CHECK(fcntl(fd, F_GETFD) == -1, "close should close the kernel's descriptor too");
	FAILS(t.read(U, fd, b, 1), EBADF);
}

void active_open(void)
{
	struct peer r = {.seq = 5000};
	struct sockaddr_in a = address(REMOTE_IP, REMOTE_PORT);
	int error;
	socklen_t n = sizeof error;

	int fd = t.socket(U, AF_INET, SOCK_STREAM, IPPROTO_TCP);
	CHECK(t.fcntl(U, fd, F_GETFL) == O_RDWR, "a new socket blocks");
	CHECK(t.fcntl(U, fd, F_SETFL, O_RDWR | O_NONBLOCK) == 0, "F_SETFL");
	CHECK(t.fcntl(U, fd, F_GETFL) == (O_RDWR | O_NONBLOCK), "F_GETFL after it");
	FAILS(t.connect(U, fd, (void *)&a, sizeof a), EINPROGRESS);
	expect(&p, &r, SYN, NULL, 0, NULL, 0);
	CHECK(p.n == 60 && !memcmp(p.b + 40, "\x02\x04\x05\xb4\x04\x02\x08\x0a", 8) && !memcmp(p.b + 56, "\x01\x03\x03\x08", 4),
	      "the options are mss 1460, sackOK, TS, nop, wscale 8");
	FAILS(t.connect(U, fd, (void *)&a, sizeof a), EALREADY);
	send_segment(&r, SYN | ACK, SYN_OPTIONS, SYN_OPTIONS_LEN, NULL, 0);
	expect(&p, &r, ACK, "", 0, NULL, 0);
	CHECK(t.getsockopt(U, fd, SOL_SOCKET, SO_ERROR, &error, &n) == 0 && n == sizeof error && error == 0, "SO_ERROR");
	CHECK(t.connect(U, fd, (void *)&a, sizeof a) == 0, "connect tells once that it is done");
	struct tcp_info info;
	n = sizeof info;
	CHECK(t.getsockopt(U, fd, IPPROTO_TCP, TCP_INFO, &info, &n) == 0 && info.tcpi_bytes_acked == 1 && info.tcpi_segs_out == 2 &&
	      info.tcpi_segs_in == 1 && info.tcpi_delivered == 1, "as Linux: SYN and ACK out, SYN,ACK in, the SYN acknowledged");
	n = sizeof error;
	FAILS(t.connect(U, fd, (void *)&a, sizeof a), EISCONN);

	// The peer resets.
	send_segment(&r, RST | ACK, NULL, 0, NULL, 0);
	char b;
	FAILS(t.read(U, fd, &b, 1), ECONNRESET);
	CHECK(t.read(U, fd, &b, 1) == 0, "the error is told once");
	FAILS(t.write(U, fd, &b, 1), EPIPE);
	CHECK(t.close(U, fd) == 0, "close");

	// One that is refused, and one that is undone.
	fd = t.socket(U, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_TCP);
	FAILS(t.connect(U, fd, (void *)&a, sizeof a), EINPROGRESS);
	r = (struct peer){0};
	expect(&p, &r, SYN, NULL, 0, NULL, 0);
	send_segment(&r, RST | ACK, NULL, 0, NULL, 0);
	CHECK(t.getsockopt(U, fd, SOL_SOCKET, SO_ERROR, &error, &n) == 0 && error == ECONNREFUSED, "refused");
	CHECK(t.close(U, fd) == 0, "close");

	fd = established(&r);
	struct sockaddr none = {.sa_family = AF_UNSPEC};
	CHECK(t.connect(U, fd, &none, sizeof none) == 0, "AF_UNSPEC disconnects");
	expect(&p, &r, RST | ACK, "", 0, NULL, 0);
	FAILS(t.write(U, fd, &b, 1), ECONNRESET);
	CHECK(t.close(U, fd) == 0, "close");
	expect_nothing();
}

void recovery(void)
{
	struct peer r = {.local_port = LOCAL_PORT, .seq = 1000};
	static const char ours[] = "\x02\x04\x05\xb4\x01\x01\x04\x02\x01\x03\x03\x07";
	static const char theirs[] = "\x02\x04\x05\xb4\x01\x01\x04\x02\x01\x03\x03\x08";
	static char text[10 * 1460];
	struct tcp_info info;
	socklen_t n = sizeof info;

	int l = listener(AF_INET);
	send_segment(&r, SYN, ours, 12, NULL, 0);
	expect(&p, &r, SYN | ACK, theirs, 12, NULL, 0);
	t.usleep(U, 50000);
	send_segment(&r, ACK, NULL, 0, NULL, 0);
	int fd = t.accept(U, l, NULL, NULL);
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = i * 7;
	uint32_t first = r.ack;
	CHECK(t.write(U, fd, text, sizeof text) == sizeof text, "write ten segments, the initial window");
	for (int i = 0; i < 10; i += 2) // two at a time, at this rate: see trains
		expect(&p, &r, ACK | PSH, "", 0, text + i * 1460, 2 * 1460);

	// The second to fourth arrive: the first is lost (RFC 6675; RFC 8985, 6.2).
	t.usleep(U, 50000);
	uint32_t left = htonl(first + 1460), right = htonl(first + 4 * 1460), end = r.ack;
	char sack[12] = "\x01\x01\x05\x0a";
	memcpy(sack + 4, &left, 4), memcpy(sack + 8, &right, 4);
	r.ack = first;
	send_segment(&r, ACK, sack, 12, NULL, 0);
	expect(&p, &r, ACK, "", 0, text, 1460);
	CHECK(t.getsockopt(U, fd, IPPROTO_TCP, TCP_INFO, &info, &n) == 0, "TCP_INFO");
	CHECK(info.tcpi_ca_state == 3 && info.tcpi_options == (TCPI_OPT_SACK | TCPI_OPT_WSCALE), "fast recovery, with SACK");
	CHECK(info.tcpi_unacked == 10 && info.tcpi_sacked == 3 && info.tcpi_lost == 1 && info.tcpi_retrans == 1 &&
	      info.tcpi_total_retrans == 1, "10 unacked, 3 sacked, 1 lost and sent again: got %u %u %u %u %u", info.tcpi_unacked,
	      info.tcpi_sacked, info.tcpi_lost, info.tcpi_retrans, info.tcpi_total_retrans);
	CHECK(info.tcpi_rtt >= 50000 && info.tcpi_rtt <= 50100, "round trips take 50 ms, not %u us", info.tcpi_rtt);

	t.usleep(U, 50000);
	r.ack = end;
	send_segment(&r, ACK, NULL, 0, NULL, 0);
	CHECK(t.getsockopt(U, fd, IPPROTO_TCP, TCP_INFO, &info, &n) == 0, "TCP_INFO");
	CHECK(info.tcpi_ca_state == 0 && info.tcpi_unacked == 0 && info.tcpi_lost == 0 && info.tcpi_bytes_acked == sizeof text &&
	      info.tcpi_bytes_sent == sizeof text + 1460 && info.tcpi_bytes_retrans == 1460 && info.tcpi_delivered == 11,
	      "all of it is there: state %u, %llu bytes, %u segments delivered, the SYN included", info.tcpi_ca_state,
	      (unsigned long long)info.tcpi_bytes_acked, info.tcpi_delivered);
	CHECK(info.tcpi_snd_ssthresh < 10, "the loss has set the threshold, to %u", info.tcpi_snd_ssthresh);
}

void mapped_addresses(void)
{
	struct peer r;
	struct sockaddr_in6 a;
	socklen_t n = sizeof a;
	static const unsigned char remote[16] = {[10] = 0xff, 0xff, 192, 0, 2, 1};

	int l = listener(AF_INET6);
	handshake(&r);
	int fd = t.accept(U, l, (void *)&a, &n);
	CHECK(fd >= 0 && n == sizeof a && a.sin6_family == AF_INET6 && !memcmp(&a.sin6_addr, remote, 16) &&
	      ntohs(a.sin6_port) == REMOTE_PORT, "the peer of an IPv6 socket is a mapped address");
	CHECK(t.close(U, fd) == 0, "close");
	expect(&p, &r, FIN | ACK, "", 0, NULL, 0);

	fd = t.socket(U, AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_TCP);
	FAILS(t.connect(U, fd, (void *)&a, sizeof a), EINPROGRESS);
	r = (struct peer){0};
	expect(&p, &r, SYN, NULL, 0, NULL, 0); // over IPv4
	CHECK(t.close(U, fd) == 0, "close");

	fd = t.socket(U, AF_INET6, SOCK_STREAM, IPPROTO_TCP);
	a.sin6_addr = in6addr_loopback;
	a.sin6_addr.s6_addr[0] = 0xfd;
	FAILS(t.connect(U, fd, (void *)&a, sizeof a), ENETUNREACH); // there is no IPv6 yet
}

void timers(void)
{
	struct peer r = {0};
	struct sockaddr_in a = address(REMOTE_IP, REMOTE_PORT);

	long long begin = now(), next = now();
	CHECK(next == begin + 1, "looking at the clock should take 1 us, took %lld", next - begin);
	t.usleep(U, 100000);
	next = now();
	CHECK(next == begin + 100002, "usleep should take exactly its time");

	// By usleep: the SYN again every second, four times before the timeout doubles
	// (tcp_syn_linear_timeouts in ip-sysctl).
	int fd = t.socket(U, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_TCP);
	FAILS(t.connect(U, fd, (void *)&a, sizeof a), EINPROGRESS);
	long long sent = now() - 1;
	t.usleep(U, 3500000);
	static const long long at[] = {0, 1000000, 2000000, 3000000};
	for (int i = 0; i < 4; i++) {
		expect(&p, &r, SYN, NULL, 0, NULL, 0);
		CHECK(p.at - sent >= at[i] - 10 && p.at - sent <= at[i] + 10,
		      "SYN %d should go out %lld us after the first, not %lld", i, at[i], p.at - sent);
	}
	CHECK(now() - sent >= 3500000, "the packets were there already: time should not pass to get them");

	// By netdev_receive: the next ones, one and then two seconds on.
	expect(&p, &r, SYN, NULL, 0, NULL, 0); // 4 s
	expect(&p, &r, SYN, NULL, 0, NULL, 0); // 5 s
	expect(&p, &r, SYN, NULL, 0, NULL, 0);
	CHECK(p.at - sent >= 6999990 && p.at - sent <= 7000010, "SYN 6 should go out after 7 s, not %lld us", p.at - sent);
	next = now();
	CHECK(next >= p.at && next <= p.at + 10, "netdev_receive should stop the clock at the packet");
	CHECK(t.close(U, fd) == 0, "close");
	expect_nothing();

	// An answer that is never acknowledged: the retransmission timer of data.
	fd = established(&r);
	CHECK(t.write(U, fd, "x", 1) == 1, "write");
	uint32_t ack = r.ack;
	expect(&p, &r, ACK | PSH, "", 0, "x", 1);
	sent = p.at;
	r.ack = ack;
	expect(&p, &r, ACK | PSH, "", 0, "x", 1);
	CHECK(p.at - sent >= 199000, "not again before the minimum of 200 ms, but after %lld us", p.at - sent);
	CHECK(p.at - sent <= 1100000, "again within the initial second, not after %lld us", p.at - sent);
}
