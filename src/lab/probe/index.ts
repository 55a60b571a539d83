/**
 * Small programs that play the users and the backends of a lab, and the arithmetic on what they saw.
 *
 * `servers` runs in nodes; `http-load`, `udp-probe` and `downloads` in clients. Each of the latter says `ready` when
 * it is under way, ends when its standard input ends (or on SIGTERM, or after `--seconds`), and then prints one line
 * of JSON. All times are microseconds on the machine's monotonic clock, which all hosts of a lab share, so that they
 * can be compared with the time of a fault. Start with `records.ts`, then `report.ts`.
 *
 * They are written for tens of thousands of requests a minute, not for the limits of a data plane.
 */
export {};
