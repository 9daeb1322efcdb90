package event

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
)

// alarm is a timer that writes down when it expired.
type alarm struct {
	Timer
	name string
	log  *[]string
	then func()
}

func (a *alarm) Expire(*Timer) {
	*a.log = append(*a.log, fmt.Sprintf("%s@%v", a.name, a.loop.Now()))
	if a.then != nil {
		a.then()
	}
}

func newAlarm(l *Loop, name string, log *[]string) *alarm {
	a := &alarm{name: name, log: log}
	a.Init(l, a)
	return a
}

func expectLog(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("happened: %v\nshould be: %v", got, want)
	}
}

func TestTimersExpireInOrderOfTimeThenOfSetting(t *testing.T) {
	l := NewVirtual(1)
	var log []string
	a, b, c := newAlarm(l, "a", &log), newAlarm(l, "b", &log), newAlarm(l, "c", &log)
	c.Reset(20)
	b.Reset(10)
	a.Reset(10)
	l.Run(Never)
	expectLog(t, log, "b@10ns", "a@10ns", "c@20ns")
}

func TestTimerThatIsMoved(t *testing.T) {
	l := NewVirtual(1)
	var log []string
	later, sooner, off, stopped := newAlarm(l, "later", &log), newAlarm(l, "sooner", &log), newAlarm(l, "off", &log), newAlarm(l, "stopped", &log)
	later.Reset(10)
	later.Reset(50)
	sooner.Reset(40)
	sooner.Reset(5)
	off.Reset(10)
	off.Reset(Never)
	stopped.Reset(10)
	stopped.Stop()
	if later.When() != 50 || off.When() != Never {
		t.Errorf("When says %v and %v, should be 50ns and never", later.When(), off.When())
	}
	l.Run(Never)
	expectLog(t, log, "sooner@5ns", "later@50ns")
	if l.timers.size != 0 {
		t.Errorf("%d timers left in the queue, should be none", l.timers.size)
	}
}

// A timer moved to the same moment as others comes after those set before.
func TestMovingATimerGivesUpItsPlace(t *testing.T) {
	l := NewVirtual(1)
	var log []string
	a, b := newAlarm(l, "a", &log), newAlarm(l, "b", &log)
	a.Reset(5)
	b.Reset(10)
	a.Reset(10)
	l.Run(Never)
	expectLog(t, log, "b@10ns", "a@10ns")
}

// The tournament, with its late corrections, and the seconds before it, against a sorted
// list: timers due within nanoseconds, and within two minutes.
func TestTimersAgainstModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 400 {
		unit := [...]Time{1, 2.5e9}[round%2]
		l := NewVirtual(1)
		var log, want []string
		type setting struct {
			when Time
			seq  int
		}
		set := make(map[string]setting)
		alarms := make(map[string]*alarm)
		for i := range 20 {
			name := fmt.Sprint("t", i)
			alarms[name] = newAlarm(l, name, &log)
		}
		for seq := range 100 {
			name := fmt.Sprint("t", rng.IntN(20))
			switch rng.IntN(9) {
			case 0:
				alarms[name].Stop()
				delete(set, name)
			case 1:
				alarms[name].Reset(Never)
				delete(set, name)
			case 2: // as the driver does, which may find that it is too early
				l.timers.next()
			default:
				when := unit * Time(rng.IntN(50))
				alarms[name].Reset(when)
				set[name] = setting{when, seq}
			}
		}
		var names []string
		for name := range set {
			names = append(names, name)
		}
		slices.SortFunc(names, func(x, y string) int {
			a, b := set[x], set[y]
			if a.when != b.when {
				return int(a.when - b.when)
			}
			return a.seq - b.seq
		})
		for _, name := range names {
			want = append(want, fmt.Sprintf("%s@%v", name, set[name].when))
		}
		l.Run(Never)
		expectLog(t, log, want...)
		if n := l.timers.size + l.timers.distant.count; n != 0 {
			t.Errorf("%d timers are left behind, all have expired or were unset", n)
		}
	}
}

// Whoever unsets a timer leaves it in its place. A host that opens connection after
// connection, each with a timer that is not needed for long, must not need memory for all.
func TestPlacesOfUnsetTimersAreUsedAgain(t *testing.T) {
	l := NewVirtual(1)
	var log []string
	for i := range 10_000 {
		a := newAlarm(l, fmt.Sprint(i), &log)
		a.Reset(Time(1000 + i))
		if i%100 > 0 {
			a.Reset(Never)
		}
	}
	if n := len(l.timers.keys); n > 512 {
		t.Errorf("%d places for 100 timers that are set, should be 512 at most", n)
	}
	l.Run(Never)
	if n := len(l.timers.keys); n > manyPlaces {
		t.Errorf("%d places when no timer is set any more, should be %d at most", n, manyPlaces)
	}
	if len(log) != 100 || log[0] != "0@1µs" || log[99] != "9900@10.9µs" {
		t.Errorf("%d timers expired, from %s to %s; should be 100 from 0@1µs to 9900@10.9µs", len(log), log[0], log[len(log)-1])
	}
}

// TestSecondsThatComeRound: the seconds are few and used again, and what waits in one
// of them is not taken for what waits in another.
func TestSecondsThatComeRound(t *testing.T) {
	l := NewVirtual(1)
	var log []string
	second := func(n int) Time { return Time(n << 30) }
	names := map[int]*alarm{}
	for _, n := range []int{10, 60, 70, 74, 124} {
		names[n] = newAlarm(l, fmt.Sprint(n), &log)
	}
	names[10].Reset(second(10))
	names[60].Reset(second(60))
	names[10].Stop() // 74 will have its place
	names[70].Reset(second(70))
	l.now = second(11) // in real time nobody may have looked meanwhile
	names[74].Reset(second(74))
	if got := l.timers.least(); got > second(60) {
		t.Errorf("nothing is due before %v, says the loop; a timer is at %v", got, second(60))
	}
	l.Run(second(61))
	names[124].Reset(second(124)) // the place of 60
	l.Run(Never)
	for i, n := range []int{60, 70, 74, 124} {
		if want := fmt.Sprintf("%d@%v", n, second(n)); i >= len(log) || log[i] != want {
			t.Fatalf("expired %v, number %d should be %s", log, i, want)
		}
	}
}

// The end of a turn, and the driver, want to know when a timer is due, not which.
func TestDistantTimersAreLeftAlone(t *testing.T) {
	l := NewReal(1)
	defer l.Close()
	var log []string
	for i := range 100 {
		l.Lock()
		newAlarm(l, fmt.Sprint(i), &log).Reset(l.Now().Add(time.Minute))
		l.Unlock()
	}
	l.Lock()
	defer l.Unlock()
	if n := l.timers.size; n != 0 {
		t.Errorf("%d timers that are due in a minute take part in the tournament, should be none", n)
	}
}

type post func()

func (p post) Run() { p() }

func TestPostedWorkRunsBeforeTheTurnEnds(t *testing.T) {
	l := NewVirtual(1)
	var log []string
	l.Lock()
	l.Post(post(func() {
		log = append(log, "first")
		l.Post(post(func() { log = append(log, "third") }))
	}))
	l.Post(post(func() { log = append(log, "second") }))
	before := l.Turn()
	log = append(log, "caller")
	l.Unlock()
	expectLog(t, log, "caller", "first", "second", "third")
	if l.Turn() == before {
		t.Error("the turn's number should change when all posted work is done")
	}
}

func TestSignalOneWakesWhoWaitedLongest(t *testing.T) {
	l := NewVirtual(1)
	var c Cond
	var log []string
	for _, name := range []string{"first", "second"} {
		l.Go(name, func() {
			l.Lock()
			defer l.Unlock()
			if l.Wait(&c, Never) == nil {
				log = append(log, name)
			}
		})
	}
	l.Run(0)
	l.SignalOne(&c)
	l.Run(0)
	expectLog(t, log, "first")
	l.Close()
}

// What virtual time shows step by step, real time must do too, with goroutines.
func TestRealLoop(t *testing.T) {
	l := NewReal(1)
	var c Cond
	var woken sync.WaitGroup
	for range 3 {
		woken.Go(func() {
			l.Lock()
			defer l.Unlock()
			if err := l.Wait(&c, Never); err != nil {
				t.Errorf("Wait: %v, should be signalled", err)
			}
		})
	}
	woken.Go(func() {
		for waiting := 0; waiting < 3; {
			l.Sleep(time.Millisecond)
			l.Lock()
			waiting = waitersOf(&c)
			l.Unlock()
		}
		l.Lock()
		l.Signal(&c)
		l.Unlock()
	})
	woken.Wait()
	blocked := make(chan error, 1)
	go func() {
		l.Lock()
		defer l.Unlock()
		blocked <- l.Wait(&c, Never)
	}()
	l.Sleep(time.Millisecond)
	l.Close()
	if err := <-blocked; err != ErrClosed {
		t.Errorf("Close ended a wait with %v, should be ErrClosed", err)
	}
	if err := l.Sleep(time.Hour); err != ErrClosed {
		t.Errorf("Sleep on a closed loop: %v, should be ErrClosed at once", err)
	}
	l.Close() // again: nothing happens
}

func TestTimeDoesNotOverflow(t *testing.T) {
	if got := Time(5).Add(time.Duration(Never)); got != Never {
		t.Errorf("5ns + the longest duration = %v, should be never", got)
	}
	if got := Never.Add(-time.Hour); got != Never {
		t.Errorf("never - 1h = %v, should be never", got)
	}
}

func TestTimersAndWakeUpsAllocateNothing(t *testing.T) {
	l := NewVirtual(1)
	var log []string
	a := newAlarm(l, "a", &log)
	if n := testing.AllocsPerRun(100, func() {
		a.Reset(l.Now() + 10)
		a.Reset(l.Now() + 20)
		a.Reset(Never)
		l.timers.next()
	}); n != 0 {
		t.Errorf("moving a timer allocates %v times, should not", n)
	}
	var c Cond
	wait := func() { l.Wait(&c, l.Now()+1) }
	wait()
	if n := testing.AllocsPerRun(100, wait); n != 0 {
		t.Errorf("blocking and waking allocates %v times, should not", n)
	}
}

func BenchmarkTimerMovedLater(b *testing.B) {
	l := NewVirtual(1)
	timers := make([]alarm, 1000)
	for i := range timers {
		timers[i].Init(l, &timers[i])
		timers[i].Reset(Time(i + 1))
	}
	b.ResetTimer()
	for i := range b.N {
		timers[i%1000].Reset(Time(i + 2000))
	}
}

// recurring is a timer that, as a wire's, is set again whenever it expires.
type recurring struct {
	Timer
	after Time
}

func (r *recurring) Expire(t *Timer) { t.Reset(r.loop.now + r.after) }

// BenchmarkTimersInTurn is the queue alone: so many timers are set, and each that expires
// is set again.
func BenchmarkTimersInTurn(b *testing.B) {
	for _, count := range []int{10, 100, 500, 5000} {
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			l := NewVirtual(1)
			timers := make([]recurring, count)
			for i := range timers {
				r := &timers[i]
				r.after = 1000 + Time(l.Rand().IntN(1000))
				r.Init(l, r)
				r.Reset(r.after)
			}
			for b.Loop() {
				l.Step(Never)
			}
		})
	}
}

func BenchmarkSleepInVirtualTime(b *testing.B) {
	l := NewVirtual(1)
	n := b.N
	l.Go("sleeper", func() {
		for range n {
			l.Sleep(time.Microsecond)
		}
	})
	l.Run(Never)
}

func waitersOf(c *Cond) (n int) {
	for w := c.waiters.first; w != nil && (n == 0 || w != c.waiters.first); w = w.next {
		n++
	}
	return n
}

func TestStepDoesOneThingAndStopsAtItsBound(t *testing.T) {
	l := NewVirtual(1)
	var log []string
	a, b, late := newAlarm(l, "a", &log), newAlarm(l, "b", &log), newAlarm(l, "late", &log)
	a.Reset(10)
	b.Reset(10)
	late.Reset(30)
	l.Go("task", func() { log = append(log, "task") })
	for i, want := range []string{"task", "a@10ns", "b@10ns"} {
		if !l.Step(20) {
			t.Fatalf("step %d found nothing to do; %s is due by 20 ns", i, want)
		}
		if got := log[len(log)-1]; len(log) != i+1 || got != want {
			t.Fatalf("step %d did %v; it should do %s and nothing else", i, log, want)
		}
	}
	if l.Step(20) || l.Now() != 10 {
		t.Errorf("a step beyond its bound: the clock is at %v, nothing is due before 30 ns", l.Now())
	}
	if real := NewReal(1); real.Step(Never) {
		t.Error("Step drove a loop in real time, which has its own driver")
	} else {
		real.Close()
	}
}
