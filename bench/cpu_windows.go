package main

import (
	"syscall"
	"time"
)

// processCPU returns the CPU time, user and system, that this process has used.
func processCPU() time.Duration {
	self, err := syscall.GetCurrentProcess()
	if err != nil {
		return 0
	}
	var created, exited, system, user syscall.Filetime
	if err := syscall.GetProcessTimes(self, &created, &exited, &system, &user); err != nil {
		return 0
	}
	// A time span, in units of 100 ns: Filetime.Nanoseconds would take it for a date.
	span := func(f syscall.Filetime) int64 {
		return (int64(f.HighDateTime)<<32 | int64(f.LowDateTime)) * 100
	}
	return time.Duration(span(system) + span(user))
}
