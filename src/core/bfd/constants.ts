/** Numbers and words that the standards assign to BFD. */
import { type Duration, micros, millis, seconds } from "#base/time";

/** UDP ports that sessions listen on (RFC 5881 §4, RFC 5883 §5). */
export const PORT = { "single-hop": 3784, multihop: 4784 } as const;

/** UDP port of echo packets, in both directions (RFC 5881 §4). */
export const ECHO_PORT = 3785;

/** UDP ports that sessions send from, each session from its own (RFC 5881 §4). */
export const SOURCE_PORTS = { first: 49_152, last: 65_535 } as const;

/** TTL or Hop Limit of every packet: over one hop proof that no router forwarded it (RFC 5881 §5). */
export const HOP_LIMIT = 255;

/** Nobody sends faster than this until the session is up (RFC 5880 §6.8.3). */
export const SLOW_INTERVAL: Duration = seconds(1);

/** The unit and the range of the intervals in packets (RFC 5880 §4.1). */
export const LONGEST_INTERVAL: Duration = micros(0xffff_ffff);

/**
 * How long packets that say nothing new may wait to be read, since nothing follows from them: before a silence is believed they are
 * read, and they count from when they came. So many are read at once, with what is sent.
 */
export const READING_PAUSE: Duration = millis(60);

/** States of a session in the order of their codes (RFC 5880 §4.1). */
export const STATES = ["admin-down", "down", "init", "up"] as const;
/** State of a session (RFC 5880 §6.2). */
export type SessionStateName = (typeof STATES)[number];

/** Why a system last changed its state, in the order of the codes (RFC 5880 §4.1, RFC 6428 §3.1). */
export const DIAGNOSTICS = [
  "none",
  "detection-time-expired",
  "echo-failed",
  "neighbour-signalled-down",
  "forwarding-plane-reset",
  "path-down",
  "concatenated-path-down",
  "administratively-down",
  "reverse-concatenated-path-down",
  "misconnectivity-defect",
] as const;
/** Why a system last changed its state; `unassigned` is what a peer said with a code that no standard explains. */
export type Diagnostic = (typeof DIAGNOSTICS)[number] | "unassigned";
