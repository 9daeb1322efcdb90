// A small driver of libseptet.so for its own test: it loads the library as
// packetdrill does and plays exchanges through its table.
//
//	driver --list
//	driver /abs/libseptet.so [SCENARIO]
//	driver /abs/libseptet.so --flags=FLAGS

#include "driver.h"

#include <dlfcn.h>
#include <string.h>

struct packetdrill_interface t;

static void (*init)(const char *, struct packetdrill_interface *);

void start(const char *flags)
{
	memset(&t, 0, sizeof t);
	init(flags, &t);
	void **slots = (void **)&t;
	for (size_t i = 0; i < sizeof t / sizeof *slots; i++)
		CHECK(slots[i], "slot %zu of the table should be filled in", i);
}

static struct scenario {
	const char *name;
	void (*play)(void);
} scenarios[] = {
	{"passive_open", passive_open},
	{"active_open", active_open},
	{"recovery", recovery},
	{"mapped_addresses", mapped_addresses},
	{"ipv6_passive", ipv6_passive},
	{"ipv6_active", ipv6_active},
	{"errors", errors},
	{"options", options},
	{"messages", messages},
	{"timers", timers},
	{"readiness", readiness},
	{"pipes", pipes},
	{"datagrams", datagrams},
	{"blocking_accept", blocking_accept},
	{"blocking_connect", blocking_connect},
	{"blocking_read", blocking_read},
	{"more", more},
	{"cork", cork},
	{"nagle", nagle},
	{"trains", trains},
	{"window_probes", window_probes},
	{"urgent", urgent},
	{"keep_alive", keep_alive},
	{"quick_acks", quick_acks},
	{"text_after_close", text_after_close},
	{"linger", linger},
	{"inq", inq},
	{"low_water", low_water},
	{"more_options", more_options},
	{"fast_open", fast_open},
	{"cycles", cycles},
	{"freed", freed},
};

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios && !strcmp(argv[1], "--list"); i++)
		printf("%s\n", scenarios[i].name);
	if (!strcmp(argv[1], "--list"))
		return 0;
	void *so = dlopen(argv[1], RTLD_NOW);
	CHECK(so, "the library should load: %s", dlerror());
	init = dlsym(so, "packetdrill_interface_init");
	CHECK(init, "the library should export packetdrill_interface_init");
	if (argc > 2 && !strncmp(argv[2], "--flags=", 8)) {
		start(argv[2] + 8);
		return 0;
	}
	for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
		if (argc > 2 && strcmp(argv[2], scenarios[i].name))
			continue;
		six = !strncmp(scenarios[i].name, "ipv6", 4);
		start(six ? "local=fd3d:0a0b:17d6::1/48 gateway=fd3d:0a0b:17d6:8888::1 mtu=1520 wscale=8"
			  : "local=192.168.0.1/16 gateway=192.168.0.2 mtu=1500 wscale=8");
		scenarios[i].play();
		printf("ok %s\n", scenarios[i].name);
	}
	return 0;
}
