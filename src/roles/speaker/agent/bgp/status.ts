/** BGP in what a speaker says of itself at `/v1/status`. */
import type { BgpStatus } from "#api/speaker";
import type { PeerPlan } from "#core/bgp-peers/plan";
import { PEER_REMEDIES } from "#core/bgp-peers/reason";
import type { BgpView } from "#core/speaker/bgp";
import type { BgpFacts } from "#core/speaker/bgp-facts";

/** What it is made from. */
export type BgpStatusSources = {
  readonly engine: BgpStatus["engine"];
  readonly view: BgpView;
  readonly facts: BgpFacts;
  /** Routes that the wire was told of. */
  readonly routes: number | undefined;
  readonly plan: PeerPlan | undefined;
};

/** The status of BGP as the admin socket gives it. */
export const bgpStatus = ({ engine, view, facts, routes, plan }: BgpStatusSources): BgpStatus => ({
  engine,
  ...(routes === undefined ? {} : { routes }),
  peers: facts.map((peer) => {
    const obstacle = peer.state === "established" ? undefined : view.bgpAttempts.get(peer.name);
    const limit = view.bgpLimits.get(peer.name);
    return {
      ...peer,
      ...(obstacle === undefined ? {} : { obstacle }),
      ...(limit === undefined ? {} : { limit }),
    };
  }),
  refusedPeers: [...view.bgpRefusals]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([peer, { reason, detail }]) => ({ peer, reason, text: `${detail}: ${PEER_REMEDIES[reason]}` })),
  refused: view.bgpRefused,
  damped: [...view.bgpDamped].sort(),
  troubles: [...view.bgpTroubles].map(([subject, detail]) => `${subject}: ${detail}`).sort(),
  ...(plan === undefined ? {} : { routerId: plan.routerId }),
});
