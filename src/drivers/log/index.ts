/**
 * The log: one line per thing that happened, as JSON or as text, on stderr.
 *
 * Standards: priorities of syslog (RFC 5424) as systemd's journal reads them from a prefix (sd-daemon(3)). What happened is
 * said by observations from `core`; the agent turns them into lines. Left out: files, rotation and syslog sockets, which the
 * service manager does better.
 *
 * Start with `linux.ts`; `writer.ts` explains why a reader that stands still cannot stop us.
 */
export {};
