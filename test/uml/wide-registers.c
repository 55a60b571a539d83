/*
 * Lets user-mode Linux before 6.13 run on CPUs whose extended state is larger than it knows (AMX: 11 kB against 2.7 kB).
 *
 * It saves and restores the vector registers of its processes with ptrace(PTRACE_SETREGSET, NT_X86_XSTATE), and the
 * kernel takes nothing but the whole state. Preloaded, this reads the whole, puts what user-mode Linux knows at its
 * beginning, and writes the whole. What it does not know is its processes' own: each has a host process of its own.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static __thread unsigned char state[65536] __attribute__((aligned(64)));

static long exchange_state(enum __ptrace_request request, pid_t pid, void *kind, struct iovec *known)
{
	struct iovec whole = { state, sizeof state };
	long got = syscall(SYS_ptrace, PTRACE_GETREGSET, pid, kind, &whole);

	if (got < 0)
		return got;
	if (known->iov_len > whole.iov_len)
		known->iov_len = whole.iov_len;
	if (request == PTRACE_GETREGSET) {
		memcpy(known->iov_base, state, known->iov_len);
		return 0;
	}
	memcpy(state, known->iov_base, known->iov_len);
	return syscall(SYS_ptrace, PTRACE_SETREGSET, pid, kind, &whole);
}

long ptrace(enum __ptrace_request request, ...)
{
	va_list list;
	va_start(list, request);
	pid_t pid = va_arg(list, pid_t);
	void *address = va_arg(list, void *);
	void *data = va_arg(list, void *);
	va_end(list);

	if ((request == PTRACE_GETREGSET || request == PTRACE_SETREGSET) && (unsigned long)address == NT_X86_XSTATE)
		return exchange_state(request, pid, address, data);
	if (request != PTRACE_PEEKTEXT && request != PTRACE_PEEKDATA && request != PTRACE_PEEKUSER)
		return syscall(SYS_ptrace, request, pid, address, data);
	/* The system call writes the word where libc's function returns it. */
	long word = 0;
	long got = syscall(SYS_ptrace, request, pid, address, &word);
	if (got < 0)
		return got;
	errno = 0;
	return word;
}
