// What the scenarios share: the table of the library under test, checks that
// explain themselves, and TCP segments as bytes.

#ifndef DRIVER_H
#define DRIVER_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../interface.h"

extern struct packetdrill_interface t; // the table, filled in
#define U t.userdata

// CHECK fails the run unless cond holds; what says what should have happened.
#define CHECK(cond, ...)                                           \
	do {                                                       \
		if (!(cond)) {                                     \
			fprintf(stderr, "%s:%d: ", __FILE__, __LINE__); \
			fprintf(stderr, __VA_ARGS__);              \
			fprintf(stderr, " (not so: %s)\n", #cond); \
			exit(1);                                   \
		}                                                  \
	} while (0)

// FAILS checks that a call returns -1 with the errno e.
#define FAILS(call, e)                                                                         \
	do {                                                                                   \
		errno = 0;                                                                     \
		long result = (call);                                                          \
		CHECK(result == -1 && errno == (e), "%s should fail with %s, got %ld, errno %d", \
		      #call, #e, result, errno);                                               \
	} while (0)

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };
enum { MTU = 1500, LOCAL_PORT = 8080, REMOTE_PORT = 8080, WSCALE = 8 };
#define LOCAL_IP 0xc0a80001u  // 192.168.0.1
#define REMOTE_IP 0xc0000201u // 192.0.2.1
#define LOCAL_IP6 {0xfd, 0x3d, 0x0a, 0x0b, 0x17, 0xd6, [15] = 1}  // fd3d:0a0b:17d6::1
#define REMOTE_IP6 {0xfd, 0x3d, 0xfa, 0x7b, 0xd1, 0x7d, [15] = 1} // fd3d:fa7b:d17d::1

extern int six; // segments go over IPv6

// peer is what the far end of a connection knows.
struct peer {
	uint16_t local_port; // of the stack under test
	uint32_t seq, ack;   // of the next segment that it sends
};

// packet is an IP packet and when the stack sent it.
struct packet {
	unsigned char b[65536];
	size_t n;
	long long at;
};

// The text options of the far end's SYN: mss 1460, nop, wscale 7.
#define SYN_OPTIONS "\x02\x04\x05\xb4\x01\x03\x03\x07"
#define SYN_OPTIONS_LEN 8

// send_segment has the stack receive a segment of the peer and counts it.
void send_segment(struct peer *, int flags, const char *options, size_t noptions, const char *text, size_t n);

// shut_window acknowledges everything and offers no window; send_urgent sends text
// whose last byte is urgent.
void shut_window(struct peer *);
void send_urgent(struct peer *, const char *text, size_t n);

// expect takes the next packet that the stack sends. It must be this segment to
// the peer, byte for byte, checksums included. Only what the stack is free to
// choose is taken from the packet itself: the identification or the flow label, and
// the window.
// Options, too, if they are NULL.
void expect(struct packet *, struct peer *, int flags, const char *options, size_t noptions, const char *text, size_t n);

// expect_nothing checks that the stack has nothing to send, now or ever.
void expect_nothing(void);

uint32_t seq_of(const struct packet *);
int window_of(const struct packet *);
uint16_t sum(const unsigned char *, size_t, uint32_t);
long long now(void);

// start gives the scenario a stack of its own.
void start(const char *flags);

// The scenarios.
void passive_open(void);
void active_open(void);
void recovery(void);
void mapped_addresses(void);
void ipv6_passive(void);
void ipv6_active(void);
void errors(void);
void options(void);
void messages(void);
void timers(void);
void readiness(void);
void pipes(void);
void datagrams(void);
void blocking_accept(void);
void blocking_connect(void);
void blocking_read(void);
void freed(void);
void more(void);
void cork(void);
void nagle(void);
void trains(void);
void window_probes(void);
void urgent(void);
void keep_alive(void);
void quick_acks(void);
void text_after_close(void);
void linger(void);
void inq(void);
void low_water(void);
void more_options(void);
void fast_open(void);
void cycles(void);

// Steps that many scenarios begin with.
int listener(int domain);
int established(struct peer *); // returns the accepted descriptor

#endif
