/** Why a peer is not configured in FRR: a closed list, each with what would help. */
import type { PeerWord } from "#core/bgp/desired";
import type { Running } from "./running.ts";

export type RefusalReason =
  | "interface" // found by router advertisements, which FRR does not send for a view
  | "vrf"
  | "password" // with white space, which vtysh cuts
  | "neighbour-taken" // an address that is a neighbour in a part that is not ours
  | "neighbour-twice"
  | "no-bfdd" // it is there, and watched by no BFD
  | "router-id"; // another one than that of an earlier peer with the same number of ours

/** How each is said, as the rest of a sentence about the peer. */
export const REFUSAL_TEXTS: Readonly<Record<RefusalReason, string>> = {
  interface:
    "is found on an interface, and FRR has no such sessions in a view: give it an address in the BGPPeer",
  vrf: "is in a VRF, where FRR has no view: let FRR's own configuration announce there",
  password: "has a password with white space, which FRR does not take",
  "neighbour-taken":
    "has an address that is a neighbour in FRR's own configuration already: remove that neighbour, or the BGPPeer",
  "neighbour-twice": "has the address of another peer",
  "no-bfdd":
    "has a bfdProfile, and FRR runs without bfdd, so that its session is not watched: set bfdd=yes in /etc/frr/daemons, or remove bfdProfile",
  "router-id": "has another router identifier than a peer before it with the same number of ours",
};

export type Refusal = { readonly peer: string; readonly reason: RefusalReason };

/** Peers that can be there, in their order, and those that cannot, or not as they are asked for. */
export const admitted = (
  peers: readonly PeerWord[],
  { neighbours, bfd }: Pick<Running, "neighbours" | "bfd">,
): { readonly peers: readonly AddressedPeer[]; readonly refused: readonly Refusal[] } => {
  const taken = new Set<string>();
  const identifiers = new Map<number, string>();
  const found: AddressedPeer[] = [];
  const refused: Refusal[] = [];
  for (const peer of peers) {
    const { neighbor } = peer;
    const reason = reasonFor(peer, { foreign: neighbours, taken, identifiers });
    if (reason !== undefined) refused.push({ peer: peer.name, reason });
    else if (neighbor.type === "address") {
      taken.add(neighbor.address);
      identifiers.set(peer.localAsn, peer.routerId);
      const isUnwatched = peer.bfd !== undefined && bfd === "missing";
      if (isUnwatched) refused.push({ peer: peer.name, reason: "no-bfdd" });
      found.push({ ...peer, neighbor, bfd: isUnwatched ? undefined : peer.bfd });
    }
  }
  return { peers: found, refused };
};

/** A peer with an address. */
export type AddressedPeer = PeerWord & {
  readonly neighbor: Extract<PeerWord["neighbor"], { readonly type: "address" }>;
};

const reasonFor = (
  { neighbor, vrf, password, localAsn, routerId }: PeerWord,
  {
    foreign,
    taken,
    identifiers,
  }: {
    readonly foreign: ReadonlySet<string>;
    readonly taken: ReadonlySet<string>;
    readonly identifiers: ReadonlyMap<number, string>;
  },
): RefusalReason | undefined => {
  if (neighbor.type === "interface") return "interface";
  if (vrf !== undefined) return "vrf";
  if (password !== undefined && !/^[\x21-\x7e]+$/.test(password)) return "password";
  if (foreign.has(neighbor.address)) return "neighbour-taken";
  if (taken.has(neighbor.address)) return "neighbour-twice";
  return (identifiers.get(localAsn) ?? routerId) === routerId ? undefined : "router-id";
};
