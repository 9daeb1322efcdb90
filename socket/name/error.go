package name

import (
	"errors"
	"fmt"
	"net"
	"strconv"
)

// EAIError is what GetAddrInfo and GetNameInfo fail with; Error returns gai_strerror's text.
type EAIError int

// The errors of getaddrinfo(3), with glibc's numbers.
const (
	EAI_BADFLAGS   EAIError = -1
	EAI_NONAME     EAIError = -2
	EAI_AGAIN      EAIError = -3
	EAI_FAIL       EAIError = -4
	EAI_NODATA     EAIError = -5
	EAI_FAMILY     EAIError = -6
	EAI_SOCKTYPE   EAIError = -7
	EAI_SERVICE    EAIError = -8
	EAI_ADDRFAMILY EAIError = -9
	EAI_MEMORY     EAIError = -10
	EAI_SYSTEM     EAIError = -11
	EAI_OVERFLOW   EAIError = -12
)

var eaiTexts = map[EAIError]string{
	EAI_BADFLAGS:   "Bad value for ai_flags",
	EAI_NONAME:     "Name or service not known",
	EAI_AGAIN:      "Temporary failure in name resolution",
	EAI_FAIL:       "Non-recoverable failure in name resolution",
	EAI_NODATA:     "No address associated with hostname",
	EAI_FAMILY:     "ai_family not supported",
	EAI_SOCKTYPE:   "ai_socktype not supported",
	EAI_SERVICE:    "Servname not supported for ai_socktype",
	EAI_ADDRFAMILY: "Address family for hostname not supported",
	EAI_MEMORY:     "Memory allocation failure",
	EAI_SYSTEM:     "System error",
	EAI_OVERFLOW:   "Result too large for supplied buffer",
}

func (e EAIError) Error() string {
	if s, ok := eaiTexts[e]; ok {
		return s
	}
	return "Unknown error"
}

// Temporary reports whether the same question may be answered later.
func (e EAIError) Temporary() bool { return e == EAI_AGAIN }

// HostError is what the gethostby calls fail with: h_errno. Error returns hstrerror's text.
type HostError int

// The values of h_errno.
const (
	HOST_NOT_FOUND HostError = 1
	TRY_AGAIN      HostError = 2
	NO_RECOVERY    HostError = 3
	NO_DATA        HostError = 4
)

var hostTexts = [...]string{"Resolver Error 0 (no error)", "Unknown host", "Host name lookup failure",
	"Unknown server error", "No address associated with name"}

func (e HostError) Error() string {
	if e >= 0 && int(e) < len(hostTexts) {
		return hostTexts[e]
	}
	return "Unknown resolver error"
}

// eai says in getaddrinfo's words what became of a question.
func (e HostError) eai() EAIError {
	switch e {
	case TRY_AGAIN:
		return EAI_AGAIN
	case NO_RECOVERY:
		return EAI_FAIL
	case NO_DATA:
		return EAI_NODATA
	}
	return EAI_NONAME
}

// Is makes the two kinds of errors equal where they say the same.
func (e HostError) Is(target error) bool {
	t, ok := target.(EAIError)
	return ok && t == e.eai()
}

// An EntryError says that a table has no such entry: getservbyname and its kin return NULL.
type EntryError struct {
	Table string // "services", "protocols"
	Key   string
}

func (e *EntryError) Error() string { return fmt.Sprintf("no %q in /etc/%s", e.Key, e.Table) }

func noEntry(table string, number int) error {
	return &EntryError{table, strconv.Itoa(number)}
}

// dnsError is err as package net reports it. The error itself can be had from it by
// errors.Is and errors.As.
func dnsError(name string, err error) error {
	d := &net.DNSError{Err: err.Error(), Name: name, UnwrapErr: err}
	var timeout net.Error
	switch {
	case errors.Is(err, EAI_NONAME), errors.Is(err, EAI_NODATA), errors.Is(err, EAI_ADDRFAMILY):
		d.Err, d.IsNotFound = "no such host", true
	case errors.Is(err, EAI_AGAIN):
		d.Err, d.IsTemporary = "server misbehaving", true
	case errors.Is(err, EAI_FAIL):
		d.Err = "server misbehaving"
	case errors.As(err, &timeout):
		d.IsTimeout, d.IsTemporary = timeout.Timeout(), timeout.Timeout()
	}
	return d
}
