/* Asks the C library what glibc_linux_test.go asks package name. Each line of the standard
 * input is a call, its arguments after tabs, NULL for none; each line of the output is
 * what came of it. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *arg[8];

static char *text(int n) { return arg[n] && strcmp(arg[n], "NULL") ? arg[n] : NULL; }
static int num(int n) { return arg[n] ? atoi(arg[n]) : 0; }

static void show(int family, const void *a) {
	char b[64] = "?";
	inet_ntop(family, a, b, sizeof b);
	printf(" %s", b);
}

static void showsock(const struct sockaddr *sa) {
	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *s = (const void *)sa;
		show(AF_INET, &s->sin_addr);
		printf(" %d", ntohs(s->sin_port));
	} else {
		const struct sockaddr_in6 *s = (const void *)sa;
		char b[IF_NAMESIZE];
		show(AF_INET6, &s->sin6_addr);
		if (s->sin6_scope_id)
			printf("%%%s", if_indextoname(s->sin6_scope_id, b) ? b : "?");
		printf(" %d", ntohs(s->sin6_port));
	}
}

static void list(char *name, char **aliases) {
	printf("%s [", name);
	for (int i = 0; aliases[i]; i++)
		printf("%s%s", i ? " " : "", aliases[i]);
	printf("]");
}

static void host(struct hostent *h) {
	if (!h) {
		printf("h_errno %d %s", h_errno, hstrerror(h_errno));
		return;
	}
	list(h->h_name, h->h_aliases);
	for (char **a = h->h_addr_list; *a; a++)
		show(h->h_addrtype, *a);
}

static void serv(struct servent *s) {
	if (!s) {
		printf("none");
		return;
	}
	list(s->s_name, s->s_aliases);
	printf(" %d %s", ntohs(s->s_port), s->s_proto);
}

static void proto(struct protoent *p) {
	if (!p) {
		printf("none");
		return;
	}
	list(p->p_name, p->p_aliases);
	printf(" %d", p->p_proto);
}

static void fail(int e) { printf("%d %s", e, gai_strerror(e)); }

static void gai(void) {
	struct addrinfo h = {.ai_flags = num(3), .ai_family = num(4), .ai_socktype = num(5), .ai_protocol = num(6)}, *all, *a;
	int e = getaddrinfo(text(1), text(2), &h, &all);
	if (e) {
		fail(e);
		return;
	}
	for (a = all; a; a = a->ai_next) {
		printf("%s%d/%d/%d", a == all ? "" : "; ", a->ai_family, a->ai_socktype, a->ai_protocol);
		showsock(a->ai_addr);
		if (a->ai_canonname)
			printf(" = %s", a->ai_canonname);
	}
}

static void gni(void) {
	struct addrinfo h = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM}, *a;
	char node[NI_MAXHOST] = "", service[NI_MAXSERV] = "";
	int e = getaddrinfo(text(1), text(2), &h, &a);
	if (!e)
		e = getnameinfo(a->ai_addr, a->ai_addrlen, node, sizeof node, service, sizeof service, num(3));
	if (e)
		fail(e);
	else
		printf("%s %s", node, service);
}

static void pton(void) {
	unsigned char b[16];
	int n = inet_pton(num(1), arg[2], b);
	printf("%d", n);
	if (n == 1)
		for (int i = 0; i < (num(1) == AF_INET ? 4 : 16); i++)
			printf(" %02x", b[i]);
}

static void ntop(void) {
	unsigned char b[16] = {0};
	for (int i = 0; i < 16 && arg[2][2 * i]; i++)
		sscanf(arg[2] + 2 * i, "%2hhx", b + i);
	char s[64];
	printf("%s", inet_ntop(num(1), b, s, sizeof s) ? s : strerror(errno));
}

static void call(const char *c) {
	struct in_addr in;
	unsigned char b[16];
	if (!strcmp(c, "aton"))
		printf("%s", inet_aton(arg[1], &in) ? inet_ntoa(in) : "0");
	else if (!strcmp(c, "addr"))
		printf("%u", inet_addr(arg[1]));
	else if (!strcmp(c, "pton"))
		pton();
	else if (!strcmp(c, "ntop"))
		ntop();
	else if (!strcmp(c, "gai"))
		gai();
	else if (!strcmp(c, "gni"))
		gni();
	else if (!strcmp(c, "ghbn"))
		host(gethostbyname(arg[1]));
	else if (!strcmp(c, "ghbn2"))
		host(gethostbyname2(arg[1], num(2)));
	else if (!strcmp(c, "ghba") && inet_pton(AF_INET, arg[1], b) == 1)
		host(gethostbyaddr(b, 4, AF_INET));
	else if (!strcmp(c, "ghba") && inet_pton(AF_INET6, arg[1], b) == 1)
		host(gethostbyaddr(b, 16, AF_INET6));
	else if (!strcmp(c, "gsbn"))
		serv(getservbyname(arg[1], text(2)));
	else if (!strcmp(c, "gsbp"))
		serv(getservbyport(htons(num(1)), text(2)));
	else if (!strcmp(c, "gpbn"))
		proto(getprotobyname(arg[1]));
	else if (!strcmp(c, "gpb#"))
		proto(getprotobynumber(num(1)));
	else if (!strcmp(c, "hton"))
		printf("%u %u", htons(num(1)), htonl(num(1)));
	else
		printf("unknown call");
}

int main(void) {
	static char line[4096];
	while (fgets(line, sizeof line, stdin)) {
		line[strcspn(line, "\n")] = 0;
		char *rest = line;
		for (int n = 0; n < 8; n++)
			arg[n] = strsep(&rest, "\t");
		call(arg[0]);
		putchar('\n');
		fflush(stdout);
	}
}
