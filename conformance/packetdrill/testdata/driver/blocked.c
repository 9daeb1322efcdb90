// Calls that block: each on a second thread, as packetdrill makes them.

#define _GNU_SOURCE
#include "driver.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct packet p;

// call is a call on the second thread.
static struct call {
	pthread_t thread;
	volatile int tid;
	long (*make)(void);
	long result;
	int error;
	long long begun, done; // by the stack's clock
} call;

static int fd;
static char buffer[100];

static void *make(void *unused)
{
	call.begun = now();
	call.tid = syscall(SYS_gettid);
	errno = 0;
	call.result = call.make();
	call.error = errno;
	call.done = now();
	return unused;
}

// begin makes the call and returns when its thread sleeps.
static void begin(long (*f)(void))
{
	memset(&call, 0, sizeof call);
	call.make = f;
	CHECK(pthread_create(&call.thread, NULL, make, NULL) == 0, "a thread");
	for (int i = 0; i < 5000; i++) {
		char path[64], state = 0;
		usleep(1000);
		snprintf(path, sizeof path, "/proc/self/task/%d/stat", call.tid);
		FILE *stat = call.tid ? fopen(path, "r") : NULL;
		if (!stat)
			continue;
		CHECK(fscanf(stat, "%*d %*s %c", &state) == 1, "stat of the thread");
		fclose(stat);
		if (state == 'S' && i > 5)
			return;
	}
	CHECK(0, "the thread of a blocked call should sleep");
}

// ends waits for the call, which must have returned at the time at.
static void ends(long long at)
{
	CHECK(pthread_join(call.thread, NULL) == 0, "join");
	CHECK(call.done >= at && call.done <= at + 10, "the call should have returned at %lld, not %lld us later", at,
	      call.done - at);
}

static long do_accept(void) { return t.accept(U, fd, NULL, NULL); }
static long do_read(void) { return t.read(U, fd, buffer, sizeof buffer); }
static long do_connect(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(REMOTE_PORT), .sin_addr.s_addr = htonl(REMOTE_IP)};
	return t.connect(U, fd, (void *)&a, sizeof a);
}

void blocking_accept(void)
{
	struct peer r = {.local_port = LOCAL_PORT, .seq = 1};

	fd = listener(AF_INET);
	begin(do_accept);
	t.usleep(U, 2000000);
	send_segment(&r, SYN, SYN_OPTIONS, SYN_OPTIONS_LEN, NULL, 0);
	expect(&p, &r, SYN | ACK, NULL, 0, NULL, 0);
	t.usleep(U, 100000);
	long long at = now();
	send_segment(&r, ACK, NULL, 0, NULL, 0);
	t.usleep(U, 5000000); // time must wait for the thread's stamp
	ends(at);
	CHECK(call.result > fd, "accept should return the connection, got %ld, errno %d", call.result, call.error);
	CHECK(call.done - call.begun > 2000000, "it was blocked for more than two seconds");
}

void blocking_connect(void)
{
	struct peer r = {0};

	fd = t.socket(U, AF_INET, SOCK_STREAM, 0);
	begin(do_connect);
	expect(&p, &r, SYN, NULL, 0, NULL, 0);
	t.usleep(U, 300000);
	long long at = now();
	r.seq = 77;
	send_segment(&r, SYN | ACK, SYN_OPTIONS, SYN_OPTIONS_LEN, NULL, 0);
	expect(&p, &r, ACK, "", 0, NULL, 0);
	ends(at);
	CHECK(call.result == 0, "connect, got errno %d", call.error);

	// Nobody answers: the SYN four times and six times more, then ETIMEDOUT on the calling thread,
	// while the main thread waits for packets.
	fd = t.socket(U, AF_INET, SOCK_STREAM, 0);
	begin(do_connect);
	for (int i = 0; i < 11; i++) {
		r = (struct peer){0};
		expect(&p, &r, SYN, NULL, 0, NULL, 0);
	}
	expect_nothing();
	ends(call.begun + 131000000); // 4 times 1, and 1 + 2 + 4 + 8 + 16 + 32 + 64 s
	CHECK(call.result == -1 && call.error == ETIMEDOUT, "connect should time out, got %ld, errno %d", call.result, call.error);
}

void blocking_read(void)
{
	struct peer r;

	fd = established(&r);
	begin(do_read);
	t.usleep(U, 150000);
	long long at = now();
	send_segment(&r, ACK | PSH, NULL, 0, "wake up", 7);
	t.usleep(U, 1000000);
	ends(at);
	CHECK(call.result == 7 && !memcmp(buffer, "wake up", 7), "read");
	expect(&p, &r, ACK, "", 0, NULL, 0);

	// A time-out of the socket's own, in the middle of a long usleep.
	struct timeval tv = {1, 0};
	CHECK(t.setsockopt(U, fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv) == 0, "SO_RCVTIMEO");
	begin(do_read);
	t.usleep(U, 60000000);
	ends(call.begun + 1000000);
	CHECK(call.result == -1 && call.error == EAGAIN, "SO_RCVTIMEO ends in EAGAIN");

	// On the main thread a call that would block lets time pass.
	at = now();
	FAILS(t.read(U, fd, buffer, 1), EAGAIN);
	long long took = now() - at;
	CHECK(took >= 1000000 && took < 1000010, "a main thread's read waits for SO_RCVTIMEO too");
	tv.tv_sec = 0;
	CHECK(t.setsockopt(U, fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv) == 0, "SO_RCVTIMEO");
	FAILS(t.read(U, fd, buffer, 1), EDEADLK); // nothing is left that could end it
}

void freed(void)
{
	struct peer r;
	fd = established(&r);
	begin(do_read);
	t.free(U);
	CHECK(pthread_join(call.thread, NULL) == 0, "join");
	CHECK(call.result == -1 && call.error == ENETDOWN, "free should end a blocked call, got errno %d", call.error);
	FAILS(t.socket(U, AF_INET, SOCK_STREAM, 0), ENETDOWN);
}
