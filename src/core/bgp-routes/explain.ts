/** Who is told of an address, and why others are not. */
import type { IpAddress } from "#base/address";
import { formatInterfaceAddress, type InterfaceAddress } from "#base/prefix";
import type { RouteWord } from "#core/bgp/desired";
import type { RouteAttributes } from "#core/bgp/route";
import type { ObjectKey } from "#core/kubernetes/meta";
import type { Noticed } from "#core/node/impairment";
import { type PeerReason, SILENT_REASONS, type SilentReason } from "./reason.ts";
import type { Stance } from "./stance.ts";

/** A route that a peer is told. */
export type ToldRoute = { readonly prefix: InterfaceAddress; readonly attributes: RouteAttributes };

export type PeerStanding =
  | {
      readonly type: "told";
      readonly peer: string;
      /** At least one; several if different prefixes cover the address, the widest first. */
      readonly routes: readonly ToldRoute[];
    }
  | { readonly type: "silent"; readonly peer: string; readonly reason: PeerReason };

export type Explanation = {
  readonly address: IpAddress;
  /** Services that list it, by name, each with the reason why it is not announced from this node; `undefined` if it is. */
  readonly services: readonly { readonly service: ObjectKey; readonly reason: SilentReason | undefined }[];
  /** Each peer of this node, by name. A peer may be told of a covering prefix because of another Service in it. */
  readonly peers: readonly PeerStanding[];
  /** How this node announces. */
  readonly stance: Stance;
  /** Everything that is the matter with it, the least first. */
  readonly noticed: readonly Noticed[];
};

/** The reason that came last in the order in which they are asked: what is nearest to being announced. */
const nearest = (reasons: readonly SilentReason[]): SilentReason =>
  SILENT_REASONS.findLast((reason) => reasons.includes(reason)) ?? "nodeUnknown";

/** Explains an address. */
export const explain = ({
  address,
  services,
  prefixes,
  peers,
  stance,
  noticed,
  told,
}: {
  readonly address: IpAddress;
  /** At least one. */
  readonly services: Explanation["services"];
  /** That may cover the address, in any order; some more than once. */
  readonly prefixes: readonly InterfaceAddress[];
  readonly peers: readonly string[];
  readonly stance: Stance;
  readonly noticed: readonly Noticed[];
  readonly told: (prefix: InterfaceAddress) => RouteWord | undefined;
}): Explanation => {
  const distinct = new Map(prefixes.map((prefix) => [formatInterfaceAddress(prefix), prefix]));
  const words = [...distinct.values()]
    .sort((left, right) => left.prefixLength - right.prefixLength)
    .flatMap((prefix) => told(prefix) ?? []);
  const reasons = services.map(({ reason }) => reason);
  const standing = (peer: string): PeerStanding => {
    const routes = words.flatMap(({ prefix, targets }) =>
      targets.flatMap((target) =>
        target.peers.includes(peer) ? [{ prefix, attributes: target.attributes }] : [],
      ),
    );
    if (routes.length > 0) return { type: "told", peer, routes };
    const reason = reasons.includes(undefined)
      ? "peerNotNamed"
      : nearest(reasons.filter((each) => each !== undefined));
    return { type: "silent", peer, reason };
  };
  return {
    address,
    services,
    peers: peers.map(standing),
    stance,
    noticed,
  };
};
