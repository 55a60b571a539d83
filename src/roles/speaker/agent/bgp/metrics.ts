/** BGP in a speaker's metrics, by our names and by MetalLB's. */
import type { IpAddress } from "#base/address";
import type { ObjectKey } from "#core/kubernetes/meta";
import type { BgpView } from "#core/speaker/bgp";
import type { BgpFacts, BgpPeerFacts } from "#core/speaker/bgp-facts";
import { counted, sample } from "#runtime/cluster/metric-families";

const byPeer = (facts: BgpFacts, measure: (peer: BgpPeerFacts) => number) =>
  facts.map((peer) => sample(measure(peer), { peer: peer.name }));

const isUp = ({ state }: BgpPeerFacts): number => Number(state === "established");

const messages = (facts: BgpFacts) =>
  facts.flatMap(({ name: peer, sent, received }) =>
    Object.entries({ sent, received }).flatMap(([direction, counts]) =>
      Object.entries(counts).map(([kind, count]) => sample(count, { peer, direction, kind })),
    ),
  );

/** The families of ours that are about BGP. */
export const bgpValues = (view: BgpView, facts: BgpFacts) => ({
  steelyard_bgp_session_up: byPeer(facts, isUp),
  steelyard_bgp_session_change_time_seconds: byPeer(facts, ({ since }) => since / 1_000),
  steelyard_bgp_session_ups_total: byPeer(facts, ({ ups }) => ups),
  steelyard_bgp_session_downs_total: counted(view.bgpDowns, "cause"),
  steelyard_bgp_peer_refused: [...view.bgpRefusals].map(([peer, { reason }]) => sample(1, { peer, reason })),
  steelyard_bgp_wanted_prefixes: byPeer(facts, ({ wanted }) => wanted),
  steelyard_bgp_announced_prefixes: byPeer(facts, ({ announced }) => announced),
  steelyard_bgp_pending_prefixes: byPeer(facts, ({ pending }) => pending),
  steelyard_bgp_left_out_prefixes: facts.flatMap(({ name: peer, leftOut }) =>
    leftOut.map(({ reason, family, count }) => sample(count, { peer, reason, family })),
  ),
  steelyard_bgp_messages_total: messages(facts),
  steelyard_bgp_trouble: [...view.bgpTroubles.keys()].map((subject) => sample(1, { subject })),
  steelyard_bgp_config_stale: Number(view.bgpRefused.length > 0),
});

/** MetalLB has peers by their address. */
const byAddress = (facts: BgpFacts, measure: (peer: BgpPeerFacts) => number) =>
  facts.map((peer) => sample(measure(peer), { peer: peer.address ?? peer.link ?? peer.name }));

/** The families of MetalLB's that are about BGP alone. */
export const metallbBgpValues = (facts: BgpFacts) => ({
  metallb_bgp_session_up: byAddress(facts, isUp),
  metallb_bgp_updates_total: byAddress(facts, ({ sent }) => sent.update ?? 0),
  metallb_bgp_announced_prefixes_total: byAddress(facts, ({ announced }) => announced),
  metallb_bgp_pending_prefixes_total: byAddress(facts, ({ pending }) => pending),
});

/** An address of a Service that this node is to tell routers of. */
export type BgpAnnouncement = { readonly service: ObjectKey; readonly address: IpAddress };

/** MetalLB's one family for both protocols, as far as it is about BGP. */
export const announcedByBgp = (announcements: Iterable<BgpAnnouncement>, node: string) =>
  [...announcements].map(({ service, address }) =>
    sample(1, { service, protocol: "bgp", node, ip: address }),
  );
