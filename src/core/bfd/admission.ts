/** Which well-formed packets may be a session's: the checks of RFC 5881 §5 and RFC 5883 §5, and where it came from. */
import type { IpAddress } from "#base/address";
import type { Duration } from "#base/time";
import type { SessionConfig } from "./config.ts";
import { HOP_LIMIT } from "./constants.ts";

/** A UDP payload and what its IP header said. */
export type Datagram = {
  readonly payload: Uint8Array;
  readonly source: IpAddress;
  readonly destination: IpAddress;
  /** TTL or Hop Limit, 0..255. */
  readonly hopLimit: number;
  /** Which port it came to. */
  readonly path: "single-hop" | "multihop";
  /** The link that it came by. */
  readonly linkIndex: number;
  /** The device of the VRF that it came in; `undefined`: none. */
  readonly vrf?: string | undefined;
  /** How long ago it came: it may have waited to be read. 0 where that is not known. */
  readonly waited: Duration;
};

/** Why a packet may not be a session's. Each is also a `reason` label of the drop counter. */
export const ADMISSION_REASONS = [
  /** It crossed a router, or more routers than is allowed. */
  "hop-limit",
  /** No session has the discriminator that it names, or its source and link if it names none. */
  "no-session",
  /** It is for a session over one hop and came to the port for several, or the reverse. */
  "wrong-port",
  /** It names a session and comes from elsewhere than that session's peer. */
  "wrong-source",
  "wrong-destination",
  "wrong-link",
] as const;
/** Why a packet may not be a session's. */
export type AdmissionReason = (typeof ADMISSION_REASONS)[number];

/**
 * Why a packet that names a session, or seems to be for it, is not let in; `undefined` if it is.
 *
 * The standard goes by the discriminator alone once it is known. Here the addresses and the link must be right as well,
 * so that guessing 32 bits from elsewhere gets nobody anywhere.
 */
export const admissionRefusal = (
  { path, peer, localAddress, vrf }: SessionConfig,
  datagram: Datagram,
): AdmissionReason | undefined => {
  if (datagram.path !== path.type) return "wrong-port";
  if (datagram.hopLimit < (path.type === "single-hop" ? HOP_LIMIT : path.minimumHopLimit)) return "hop-limit";
  if (datagram.source !== peer) return "wrong-source";
  if (datagram.destination !== localAddress) return "wrong-destination";
  if (datagram.vrf !== vrf) return "wrong-link";
  return path.type === "single-hop" && datagram.linkIndex !== path.link.index ? "wrong-link" : undefined;
};

/** What tells sessions apart as long as the peer does not know our discriminator. */
export const sessionKey = ({ peer, localAddress, path, vrf }: SessionConfig): string =>
  keyOf({
    ...{ path: path.type, source: peer, destination: localAddress, vrf },
    linkIndex: path.type === "single-hop" ? path.link.index : 0,
  });

/** The key of the session that a packet without our discriminator is for. */
export const datagramKey = (datagram: Datagram): string =>
  keyOf(datagram.path === "multihop" ? { ...datagram, linkIndex: 0 } : datagram);

const keyOf = ({
  path,
  source,
  destination,
  linkIndex,
  vrf = "",
}: Pick<Datagram, "path" | "source" | "destination" | "linkIndex" | "vrf">): string =>
  `${path} ${linkIndex} ${source} ${destination} ${vrf}`;
