#include "driver.h"

#include <string.h>

static void put16(unsigned char *b, uint16_t v) { b[0] = v >> 8, b[1] = v; }
static void put32(unsigned char *b, uint32_t v) { put16(b, v >> 16), put16(b + 2, v); }
static uint32_t get32(const unsigned char *b) { return (uint32_t)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3]; }

// sum is the Internet checksum (RFC 1071) of b on top of start.
uint16_t sum(const unsigned char *b, size_t n, uint32_t start)
{
	uint64_t s = start;
	for (size_t i = 0; i + 1 < n; i += 2)
		s += b[i] << 8 | b[i + 1];
	if (n % 2)
		s += b[n - 1] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return ~s;
}

int six;

// ip is the length of an IP header.
static size_t ip(void) { return six ? 40 : 20; }

uint32_t seq_of(const struct packet *p) { return get32(p->b + ip() + 4); }

int window_of(const struct packet *p) { return p->b[ip() + 14] << 8 | p->b[ip() + 15]; }

long long now(void)
{
	struct timeval tv;
	t.gettimeofday(U, &tv, NULL);
	return tv.tv_sec * 1000000ll + tv.tv_usec;
}

struct segment {
	uint32_t src, dst; // over IPv6: which of the two ends
	uint16_t sport, dport, id, window, urgent;
	uint32_t seq, ack, label;
	int flags;
	const void *options, *text;
	size_t noptions, n;
};

// ends6 are the addresses of IPv6 that stand for LOCAL_IP and REMOTE_IP.
static const unsigned char *end6(uint32_t ip)
{
	static const unsigned char local[16] = LOCAL_IP6, remote[16] = REMOTE_IP6;
	return ip == LOCAL_IP ? local : remote;
}

// put_ip6 writes an IPv6 header (RFC 8200, section 3) and returns the sum of the
// pseudo-header (section 8.1).
static uint32_t put_ip6(unsigned char *b, const struct segment *s, size_t length)
{
	uint32_t pseudo = 6 + length;

	put32(b, 6u << 28 | s->label);
	put16(b + 4, length);
	b[6] = 6;
	b[7] = 64;
	memcpy(b + 8, end6(s->src), 16);
	memcpy(b + 24, end6(s->dst), 16);
	for (size_t i = 8; i < 40; i += 2)
		pseudo += b[i] << 8 | b[i + 1];
	return pseudo;
}

// put_ip4 does the same for IPv4 (RFC 791, section 3.1).
static uint32_t put_ip4(unsigned char *b, const struct segment *s, size_t length)
{
	b[0] = 0x45;
	put16(b + 2, 20 + length);
	put16(b + 4, s->id);
	b[6] = 0x40; // don't fragment
	b[8] = 64;
	b[9] = 6;
	put32(b + 12, s->src);
	put32(b + 16, s->dst);
	put16(b + 10, sum(b, 20, 0));
	return (s->src >> 16) + (s->src & 0xffff) + (s->dst >> 16) + (s->dst & 0xffff) + 6 + length;
}

// build writes the packet of a segment (RFC 9293, section 3.1).
static size_t build(unsigned char *b, const struct segment *s)
{
	size_t header = 20 + s->noptions, length = header + s->n;
	unsigned char *tcp = b + ip();

	memset(b, 0, 80);
	uint32_t pseudo = (six ? put_ip6 : put_ip4)(b, s, length);
	put16(tcp, s->sport);
	put16(tcp + 2, s->dport);
	put32(tcp + 4, s->seq);
	put32(tcp + 8, s->flags & ACK ? s->ack : 0);
	tcp[12] = header / 4 << 4;
	tcp[13] = s->flags;
	put16(tcp + 14, s->window);
	put16(tcp + 18, s->urgent);
	memcpy(tcp + 20, s->options, s->noptions);
	memcpy(tcp + header, s->text, s->n);
	put16(tcp + 16, sum(tcp, length, pseudo));
	return ip() + length;
}

static uint32_t length(int flags, size_t n) { return n + !!(flags & SYN) + !!(flags & FIN); }

static void inject(const struct segment *s)
{
	unsigned char b[2048];
	size_t total = build(b, s);
	CHECK(t.netdev_send(U, b, total) == 0, "netdev_send should take every IP packet");
	memset(b, 0xff, total); // the stack must have copied it
}

void shut_window(struct peer *p)
{
	inject(&(struct segment){
		.src = REMOTE_IP, .dst = LOCAL_IP, .sport = REMOTE_PORT, .dport = p->local_port,
		.seq = p->seq, .ack = p->ack, .flags = ACK, .options = "", .text = "",
	});
}

void send_urgent(struct peer *p, const char *text, size_t n)
{
	enum { URG = 32 };
	inject(&(struct segment){
		.src = REMOTE_IP, .dst = LOCAL_IP, .sport = REMOTE_PORT, .dport = p->local_port, .window = 32792,
		.seq = p->seq, .ack = p->ack, .flags = ACK | PSH | URG, .urgent = n, .options = "", .text = text, .n = n,
	});
	p->seq += n;
}

void send_segment(struct peer *p, int flags, const char *options, size_t noptions, const char *text, size_t n)
{
	struct segment s = {
		.src = REMOTE_IP, .dst = LOCAL_IP, .sport = REMOTE_PORT, .dport = p->local_port,
		.seq = p->seq, .ack = p->ack, .flags = flags, .window = 32792,
		.options = options ? options : "", .noptions = noptions, .text = text ? text : "", .n = n,
	};
	inject(&s);
	p->seq += length(flags, n);
}

void expect(struct packet *got, struct peer *p, int flags, const char *options, size_t noptions, const char *text, size_t n)
{
	static unsigned char want[66000];

	CHECK(t.netdev_receive(U, got->b, &got->n, &got->at) == 0, "netdev_receive should always return 0");
	CHECK(got->n > 0, "the stack should send a segment with flags %#x, and sends nothing", flags);
	CHECK(got->n >= ip() + 20, "a TCP segment has %zu bytes of headers", ip() + 20);
	if (flags & SYN || !p->local_port) {
		p->local_port = got->b[ip()] << 8 | got->b[ip() + 1];
		p->ack = seq_of(got); // the stack's initial sequence number
	}
	if (!options) {
		options = (char *)got->b + ip() + 20;
		noptions = (got->b[ip() + 12] >> 4) * 4 - 20;
	}
	struct segment s = {
		.src = LOCAL_IP, .dst = REMOTE_IP, .sport = p->local_port, .dport = REMOTE_PORT,
		.id = got->b[4] << 8 | got->b[5], .window = window_of(got),
		.seq = p->ack, .ack = p->seq, .flags = flags, .label = get32(got->b) & 0xfffff,
		.options = options, .noptions = noptions, .text = text ? text : "", .n = n,
	};
	size_t total = build(want, &s);
	CHECK(got->n == total, "the packet should have %zu bytes, and has %zu", total, got->n);
	for (size_t i = 0; i < total; i++)
		CHECK(got->b[i] == want[i], "byte %zu of the packet should be %#x, and is %#x", i, want[i], got->b[i]);
	p->ack += length(flags, n);
}

void expect_nothing(void)
{
	struct packet p;
	p.n = 1;
	CHECK(t.netdev_receive(U, p.b, &p.n, &p.at) == 0 && p.n == 0,
	      "nothing is left that could happen: netdev_receive should return 0 with a length of 0");
}
