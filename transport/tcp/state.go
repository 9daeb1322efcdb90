package tcp

// State is a state of a connection (RFC 9293, section 3.3.2).
type State uint8

// The states, in the order of the RFC's list.
const (
	Closed State = iota
	Listen
	SynSent
	SynReceived
	Established
	FinWait1
	FinWait2
	CloseWait
	Closing
	LastAck
	TimeWait
)

var stateNames = [...]string{
	"CLOSED", "LISTEN", "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1",
	"FIN-WAIT-2", "CLOSE-WAIT", "CLOSING", "LAST-ACK", "TIME-WAIT",
}

func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return "invalid"
}

// event is what can move a connection from one state to another: the labels of
// RFC 9293's figure 5.
type event uint8

const (
	activeOpen event = iota // OPEN by the user: send SYN
	userClose               // CLOSE by the user: send FIN
	rcvSYN
	rcvSYNACK // a SYN with an acknowledgement of ours
	rcvACKofSYN
	rcvFIN
	rcvACKofFIN
	timeout2MSL
	destroyed // RST, ABORT, user timeout
)

// transitions is the state diagram (RFC 9293, section 3.3.2, figure 5, with the
// notes below it). A FIN that also acknowledges ours takes FIN-WAIT-1 to TIME-WAIT
// in two steps, and one that also acknowledges our SYN takes SYN-RECEIVED to
// CLOSE-WAIT in two. Every state goes to CLOSED on a reset, an ABORT or a timeout
// of the user. What is not in the table cannot happen; if it did, the connection
// would be closed and the fault counted.
//
//	                 passive open: a SYN arrives at a listener
//	CLOSED --open--> SYN-SENT             |
//	                 |    |  rcv SYN      v
//	  rcv SYN,ACK    |    +----> SYN-RECEIVED --close--> FIN-WAIT-1
//	                 v                    | rcv ACK of SYN
//	                 ESTABLISHED <--------+
//	     close       |          | rcv FIN
//	  +--------------+          +--------------> CLOSE-WAIT
//	  v                                               | close
//	FIN-WAIT-1 --rcv FIN--> CLOSING                   v
//	  | rcv ACK of FIN        | rcv ACK of FIN     LAST-ACK
//	  v                       v                       | rcv ACK of FIN
//	FIN-WAIT-2 --rcv FIN--> TIME-WAIT --2MSL-------> CLOSED
var transitions = [...]map[event]State{
	Closed:      {activeOpen: SynSent, rcvSYN: SynReceived},
	SynSent:     {rcvSYNACK: Established, rcvSYN: SynReceived, userClose: Closed},
	SynReceived: {rcvACKofSYN: Established, userClose: FinWait1},
	Established: {userClose: FinWait1, rcvFIN: CloseWait},
	FinWait1:    {rcvACKofFIN: FinWait2, rcvFIN: Closing},
	FinWait2:    {rcvFIN: TimeWait},
	CloseWait:   {userClose: LastAck},
	Closing:     {rcvACKofFIN: TimeWait},
	LastAck:     {rcvACKofFIN: Closed},
	TimeWait:    {timeout2MSL: Closed},
}

// follows is the diagram as it is looked up, by state and event: in maps the ten
// transitions of a connection that opens and closes, both ends together, take 1,500
// instructions.
var follows = func() (f [256]State) {
	for i := range f {
		f[i] = nowhere
	}
	for from, row := range transitions {
		for e, to := range row {
			f[from<<4|int(e)] = to
		}
		f[from<<4|int(destroyed)] = Closed
	}
	return f
}()

// nowhere is what follows where the diagram has nothing.
const nowhere State = 0xff

// next returns the state that follows s on e.
func (s State) next(e event) (State, bool) {
	to := follows[uint8(s)<<4|uint8(e)&15]
	return to, to != nowhere
}

// synchronized reports whether both ends have agreed on sequence numbers.
func (s State) synchronized() bool { return s >= Established }

// maySend reports whether the user may still queue data in this state.
func (s State) maySend() bool { return s == Established || s == CloseWait }

// mayReceive reports whether the peer may still send data in this state.
func (s State) mayReceive() bool {
	return s == Established || s == FinWait1 || s == FinWait2
}

// closedByUser reports whether the user's CLOSE has been taken in this state, so that
// a FIN is queued or sent.
func (s State) closedByUser() bool {
	return s == FinWait1 || s == FinWait2 || s == Closing || s == LastAck || s == TimeWait
}
