package tcp

func u(v verb) userCall              { return userCall{verb: v} }
func un(v verb, n int) userCall      { return userCall{v, n} }
func calls(c ...userCall) []userCall { return c }

// The usual users: one writes, says that this was all, reads to the end and closes.
var (
	writeTwice = calls(u(callConnect), un(callWrite, 3), un(callWrite, 2), u(callShutdown), u(callDrain), u(callClose))
	answer     = calls(u(callAccept), un(callWrite, 2), u(callShutdown), u(callDrain), u(callClose))
	readAll    = calls(u(callAccept), u(callDrain), u(callClose))
)

var noDelay = Options{NoDelay: true}

func withoutSACK(p *Personality)    { p.SACK = false }
func withTimestamps(p *Personality) { p.Timestamps = true }

// programs are what TestModel explores.
var programs = []program{
	{
		name: "open and close", listens: true, graceful: true,
		users: [2][]userCall{
			calls(u(callConnect), u(callShutdown), u(callDrain), u(callClose)),
			readAll,
		},
		budget: budget{lose: 1, early: 1},
		large:  budget{lose: 2, double: 1, reorder: 1, early: 1},
	},
	{
		name: "simultaneous open", together: true, graceful: true,
		users: [2][]userCall{
			calls(u(callConnect), un(callWrite, 2), u(callShutdown), u(callDrain), u(callClose)),
			calls(u(callConnect), u(callShutdown), u(callDrain), u(callClose)),
		},
		budget: budget{lose: 1, double: 1, reorder: 1, prompt: true},
		large:  budget{lose: 2, double: 1, reorder: 1, early: 1},
	},
	{
		name: "data one way", listens: true, graceful: true, options: noDelay,
		users:  [2][]userCall{writeTwice, readAll},
		budget: budget{lose: 2, double: 1, prompt: true},
		large:  budget{lose: 2, double: 1, reorder: 1, early: 1},
	},
	{
		name: "data one way, disorder", listens: true, graceful: true, options: noDelay,
		users:  [2][]userCall{writeTwice, readAll},
		budget: budget{lose: 1, reorder: 1, early: 1, prompt: true},
		large:  budget{lose: 1, reorder: 2, early: 2},
	},
	{
		name: "data one way without SACK", listens: true, graceful: true, options: noDelay,
		users:       [2][]userCall{writeTwice, readAll},
		personality: withoutSACK,
		budget:      budget{lose: 1, double: 1, reorder: 1, prompt: true},
		large:       budget{lose: 2, double: 1, reorder: 1, early: 1},
	},
	{
		name: "data one way with timestamps", listens: true, graceful: true,
		users:       [2][]userCall{writeTwice, readAll},
		personality: withTimestamps,
		budget:      budget{lose: 1, early: 1, prompt: true},
		large:       budget{lose: 2, double: 1, reorder: 1, early: 1},
	},
	{
		name: "data both ways, closed from either side", listens: true, graceful: true, options: noDelay,
		users:  [2][]userCall{writeTwice, answer},
		budget: budget{lose: 1, double: 1, prompt: true},
		large:  budget{lose: 2, double: 1, reorder: 1},
	},
	{
		name: "zero window", listens: true, graceful: true, options: noDelay,
		users: [2][]userCall{
			calls(u(callConnect), un(callWrite, 3), un(callWrite, 3), u(callShutdown), u(callDrain), u(callClose)),
			calls(u(callAccept), un(callRead, 2), u(callDrain), u(callClose)),
		},
		personality: func(p *Personality) { p.ReceiveBuffer = 4 },
		budget:      budget{lose: 1, early: 1},
		large:       budget{lose: 2, double: 1, reorder: 1, early: 2},
	},
	{
		name: "closed with data unread", listens: true,
		users: [2][]userCall{
			calls(u(callConnect), un(callWrite, 2), un(callWrite, 2), u(callDrain), u(callClose)),
			calls(u(callAccept), un(callRead, 1), u(callClose)),
		},
		options: Options{NoDelay: true, KeepAlive: KeepAlive{Enabled: true}},
		budget:  budget{lose: 1, reorder: 1},
		large:   budget{lose: 2, double: 1, reorder: 1, early: 1},
	},
	{
		name: "closed while the other sends", listens: true,
		users: [2][]userCall{
			calls(u(callConnect), un(callWrite, 2), u(callClose)),
			calls(u(callAccept), un(callWrite, 2), u(callDrain), un(callWrite, 2), u(callClose)),
		},
		personality: func(p *Personality) { p.FinWait2 = p.TimeWait },
		options:     Options{NoDelay: true, KeepAlive: KeepAlive{Enabled: true}},
		budget:      budget{lose: 1, reorder: 1},
		large:       budget{lose: 2, double: 1, reorder: 1, early: 1},
	},
	{
		name: "listener closes", listens: true,
		users: [2][]userCall{
			calls(u(callConnect), un(callWrite, 2), u(callDrain), u(callClose)),
			calls(u(callUnlisten)),
		},
		options: Options{KeepAlive: KeepAlive{Enabled: true}},
		budget:  budget{lose: 1, double: 1},
		large:   budget{lose: 3, double: 2, reorder: 2, early: 2},
	},
	{
		name: "nobody listens",
		users: [2][]userCall{
			calls(u(callConnect), un(callWrite, 2), u(callDrain), u(callClose)),
		},
		budget: budget{lose: 2, double: 1, reorder: 1, early: 1},
		large:  budget{lose: 4, double: 2, reorder: 2, early: 2},
	},
	{
		name: "abort in every state", listens: true,
		users:   [2][]userCall{writeTwice, answer},
		options: Options{NoDelay: true, KeepAlive: KeepAlive{Enabled: true}},
		budget:  budget{lose: 1, abort: 1, prompt: true},
		large:   budget{lose: 1, double: 1, reorder: 1, abort: 2},
	},
	{
		name: "abort in a simultaneous open", together: true,
		users: [2][]userCall{
			calls(u(callConnect), u(callShutdown), u(callDrain), u(callClose)),
			calls(u(callConnect), u(callShutdown), u(callDrain), u(callClose)),
		},
		options: Options{KeepAlive: KeepAlive{Enabled: true}},
		budget:  budget{lose: 1, abort: 1},
		large:   budget{lose: 1, double: 1, reorder: 1, early: 1, abort: 2},
	},
}
