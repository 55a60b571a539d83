/** Names of chains and sets in the ruleset, made from the operator's names so that `nft list ruleset` can be read. */
import type { Limit } from "#core/balance/limits";
import { hashName } from "#core/balance/name-hash";

const PLAIN = /^[A-Za-z0-9_.-]{1,40}$/;
const PUNCTUATION = /[^A-Za-z0-9_.-]/g;
const NAME_SEED = 0x6e61_6d65;

/**
 * The operator's name as a part of an nftables identifier: unchanged when nft can read it and it is at most 40
 * characters long, else shortened, without what nft cannot read, and with a hash that keeps it unique.
 */
export const identifierPart = (name: string): string =>
  PLAIN.test(name)
    ? name
    : `${name.slice(0, 31).replace(PUNCTUATION, "_")}_${hashName(name, NAME_SEED).toString(16).padStart(8, "0")}`;

/** Names that belong to one virtual server. */
export type ServerNames = {
  /** Picks a backend for a packet of this server. */
  readonly serverChain: string;
  /** Networks whose packets are taken. */
  readonly allowed: string;
  /** Packets in slots that changed owner. */
  readonly movedChain: string;
  /** ICMP errors about this server's packets. */
  readonly errorChain: string;
  /** What does not go the short way. */
  readonly longChain: string;
  /** Slot to backend. Named with its size, because a set cannot change its size. */
  readonly ring: string;
  /** Slot to the backend's address, as the beginning of the names of several. */
  readonly targets: string;
  /** Slot that once moved to its backend. */
  readonly owners: string;
  /** Slot in transition to the backend for new flows, */
  readonly newcomers: string;
  /** and to the backend for flows that are not on record. */
  readonly formerOwners: string;
  /** Recorded flow to the number of its backend. */
  readonly flows: string;
  /** Client to the number of the backend that it keeps, */
  readonly pins: string;
  /** those numbers that may be kept, */
  readonly keeping: string;
  /** and what each number is translated to. */
  readonly endpoints: string;
  /** Slot to the number of a backend, where clients are kept. */
  readonly choices: string;
  /** Sources and what they have used of each limit. */
  readonly sources: Readonly<Record<Limit, string>>;
  /** Counters of what each limit has kept out. */
  readonly limited: Readonly<Record<Limit, string>>;
};

const CONNECTIONS = "connections/";

/** Whether the set of this name counts the open connections of sources. */
export const countsConnections = (set: string): boolean => set.startsWith(CONNECTIONS);

export const serverNames = (server: string, slots: number): ServerNames => {
  const part = identifierPart(server);
  return {
    serverChain: `server/${part}`,
    allowed: `allowed/${part}`,
    movedChain: `moved/${part}`,
    errorChain: `error/${part}`,
    longChain: `long/${part}`,
    ring: `ring/${part}/${slots}`,
    targets: `targets/${part}/${slots}`,
    owners: `owners/${part}/${slots}`,
    newcomers: `newcomers/${part}/${slots}`,
    formerOwners: `former-owners/${part}/${slots}`,
    flows: `flows/${part}`,
    pins: `pins/${part}`,
    keeping: `keeping/${part}`,
    endpoints: `endpoints/${part}`,
    choices: `choices/${part}/${slots}`,
    sources: { connections: `${CONNECTIONS}${part}`, "new-connections": `rates/${part}` },
    limited: { connections: `limited/${part}/connections`, "new-connections": `limited/${part}/rate` },
  };
};

/** Counts the packets that this backend was sent. */
export const trafficCounter = (server: string, backend: string): string =>
  `sent/${identifierPart(server)}/${identifierPart(backend)}`;

/** Counts the connections that a server was given. */
export const connectionCounter = (server: string): string => `opened/${identifierPart(server)}`;

/** The chain that sends a packet to this backend. */
export const backendChain = (server: string, backend: string): string =>
  `backend/${identifierPart(server)}/${identifierPart(backend)}`;

/** The chain that records the packet's flow, then sends it to this backend. */
export const pinChain = (server: string, backend: string): string =>
  `pin/${identifierPart(server)}/${identifierPart(backend)}`;

/** The chain for flows of this backend that are about to end. */
export const closingChain = (server: string, backend: string): string =>
  `closing/${identifierPart(server)}/${identifierPart(backend)}`;

/** What may stand in an nftables comment: printable ASCII without quotes, at most 120 characters. */
export const commentText = (text: string): string => text.replace(/[^\x20-\x7e]|["\\]/g, "?").slice(0, 120);
