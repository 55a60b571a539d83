/**
 * What an installation consists of, as text: the systemd unit, its user, the configuration to start from, and the record
 * of what was written.
 *
 * `unit.ts` is where every right that the service has is asked for, with its reason. Both `steelyard install` and the
 * Debian package take these texts from here.
 *
 * Left out: other service managers; the program runs under any that restarts it (docs/install.md).
 * Start reading in `unit.ts`.
 */
export {};
