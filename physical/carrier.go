package physical

// Carrier is a Port that knows whether its cable is plugged in at both ends. Other
// ports are always up.
type Carrier interface {
	Port
	// Up reports whether it is.
	Up() bool
	// OnCarrier sets who hears of changes. They are posted: nothing is told within the
	// call that makes the change, nor a change that was taken back within the turn.
	OnCarrier(changed func(up bool))
}

// SetUp plugs the cable in or pulls it out. While it is out, what is on the way and
// what is sent gets lost, both ways, as with Impairment.Down; but the ports notice it
// too, as cards do that miss the light of a fibre or the pulses on a copper wire. Down
// is a fault that nobody notices.
func (w *Wire) SetUp(up bool) {
	if w.cut == !up {
		return
	}
	w.cut = !up
	for _, e := range [...]*end{&w.a, &w.b} {
		e.out.judge()
		e.out.later.schedule()
		if !e.carrier.posted {
			e.carrier.posted = true
			w.loop.Post(e)
		}
	}
}

// Up reports whether the cable is plugged in.
func (w *Wire) Up() bool { return !w.cut }

// carrier is who hears at one end of a wire whether there is one.
type carrier struct {
	changed func(up bool)
	lost    bool // what was told last
	posted  bool
}

func (e *end) Up() bool { return e.out.wire.Up() }

func (e *end) OnCarrier(changed func(up bool)) { e.carrier.changed = changed }

// Run tells of a change.
func (e *end) Run() {
	e.carrier.posted = false
	if e.carrier.lost == !e.Up() {
		return
	}
	e.carrier.lost = !e.Up()
	if e.carrier.changed != nil {
		e.carrier.changed(e.Up())
	}
}
