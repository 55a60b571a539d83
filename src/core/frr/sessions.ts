/** How sessions in FRR are, from what it prints as JSON. */
import { parseAddress } from "#base/address";
import { fieldsOf, listOf, textOf } from "#core/kubernetes/read";
import { OWN } from "./names.ts";

/** FRR's word for the state of a session (RFC 4271 §8.2.2), or that it is none of them. */
export type FrrState = "Idle" | "Connect" | "Active" | "OpenSent" | "OpenConfirm" | "Established" | "unknown";

export type FrrSession = {
  /** Address of the peer. */
  readonly address: string;
  readonly state: FrrState;
  /** How long it has been so, in milliseconds; `undefined` before the first change. */
  readonly sinceMs: number | undefined;
  readonly remoteAsn: number | undefined;
  /** Routes that it was told, of all families. */
  readonly routesSent: number;
  /** What BFD says; `undefined` without it. */
  readonly bfd: "up" | "down" | "init" | "admin-down" | undefined;
};

const STATES: readonly FrrState[] = ["Idle", "Connect", "Active", "OpenSent", "OpenConfirm", "Established"];

const BFD_STATES: ReadonlyMap<string, NonNullable<FrrSession["bfd"]>> = new Map([
  ["up", "up"],
  ["down", "down"],
  ["init", "init"],
  ["shutdown", "admin-down"],
]);

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const count = (value: unknown): number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : 0;

const bfdByAddress = (text: string): ReadonlyMap<string, FrrSession["bfd"]> =>
  new Map(
    listOf(parsed(text)).map((each) => {
      const { peer, status } = fieldsOf(each);
      return [parseAddress(textOf(peer)) ?? "", BFD_STATES.get(textOf(status))];
    }),
  );

/** More neighbours than this are not ours. */
const MOST = 4_096;

/**
 * Sessions in our views, from `show bgp vrf all summary json` and `show bfd peers json`. Never throws: what cannot be read is not there.
 */
export const readSessions = (summary: string, bfdPeers: string): readonly FrrSession[] => {
  const bfd = bfdByAddress(bfdPeers);
  const byAddress = new Map<string, FrrSession>();
  for (const [view, families] of Object.entries(fieldsOf(parsed(summary)))) {
    if (!view.startsWith(OWN)) continue;
    for (const family of Object.values(fieldsOf(families))) {
      for (const [text, value] of Object.entries(fieldsOf(fieldsOf(family).peers))) {
        const address = parseAddress(text);
        if (address === undefined || byAddress.size >= MOST) continue;
        const { state, peerUptimeMsec, remoteAs, pfxSnt } = fieldsOf(value);
        const before = byAddress.get(address);
        byAddress.set(address, {
          address,
          state: STATES.find((each) => each === state) ?? "unknown",
          sinceMs: count(peerUptimeMsec) === 0 ? undefined : count(peerUptimeMsec),
          remoteAsn: count(remoteAs) === 0 ? undefined : count(remoteAs),
          routesSent: (before?.routesSent ?? 0) + count(pfxSnt),
          bfd: bfd.get(address),
        });
      }
    }
  }
  return [...byAddress.values()];
};
