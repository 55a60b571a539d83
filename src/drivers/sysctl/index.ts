/**
 * Kernel settings of the network (sysctl), read and written through /proc/sys.
 *
 * What to set and why is decided in `#core/sysctl`. Start reading in `port.ts`.
 */
export {};
