/** Which peers of this node have the route of an address, and why the others do not. */
import type { BgpAddressExplanation, BgpPeerExplanation } from "#api/speaker";
import { familyOf, type IpAddress } from "#base/address";
import { formatInterfaceAddress } from "#base/prefix";
import { LEFT_OUT_TEXTS } from "#core/bgp/rib-out/left-out";
import type { PeerPlan } from "#core/bgp-peers/plan";
import { refusedPeerSentence } from "#core/bgp-peers/reason";
import type { BgpRoutes } from "#core/bgp-routes/bgp-routes";
import type { PeerStanding } from "#core/bgp-routes/explain";
import { reasonSentence } from "#core/bgp-routes/reason";
import { explanationLines } from "#core/bgp-routes/words";
import type { BgpView } from "#core/speaker/bgp";
import type { BgpFacts, BgpPeerFacts } from "#core/speaker/bgp-facts";

/** What it is explained from. */
export type BgpExplainSources = {
  readonly routes: Pick<BgpRoutes, "explain">;
  readonly plan: PeerPlan | undefined;
  readonly facts: BgpFacts;
  readonly view: Pick<BgpView, "bgpAttempts" | "bgpDamped">;
};

type Outcome = Omit<BgpPeerExplanation, "peer">;

const noSession = ({ state, failure }: BgpPeerFacts, attempt: string | undefined): Outcome => {
  const why = attempt ?? failure?.text;
  return { has: "no", text: `There is no session: it is ${state}${why === undefined ? "" : `, ${why}`}.` };
};

const outcomeOf = (
  standing: PeerStanding,
  address: IpAddress,
  { facts, view }: Pick<BgpExplainSources, "facts" | "view">,
): Outcome => {
  if (standing.type === "silent") return { has: "no", text: reasonSentence(standing.reason) };
  const held = standing.routes.map(({ prefix }) => formatInterfaceAddress(prefix));
  if (held.every((prefix) => view.bgpDamped.has(prefix)))
    return {
      has: "no",
      text: `${held.join(", ")} came and went too often, and is told to nobody for a while.`,
    };
  const peer = facts.find(({ name }) => name === standing.peer);
  if (peer === undefined) return { has: "no", text: "There is no session yet." };
  if (peer.state !== "established") return noSession(peer, view.bgpAttempts.get(peer.name));
  const family = familyOf(address);
  if (peer.session?.families.includes(family) !== true)
    return { has: "no", text: `The session does not carry ${family} routes: see dualStackAddressFamily.` };
  const [left] = peer.leftOut.filter((each) => each.family === family);
  if (left?.reason === "over-limit")
    return { has: "unsure", text: `${left.count} ${family} routes ${LEFT_OUT_TEXTS[left.reason]}.` };
  if (left !== undefined) return { has: "no", text: `Routes of ${family} ${LEFT_OUT_TEXTS[left.reason]}.` };
  return peer.pending > 0
    ? { has: "unsure", text: `News of ${peer.pending} routes wait to be sent.` }
    : { has: "yes", text: "It was told, and has the session that it was told on." };
};

/** `undefined` where no Service of ours lists the address. */
export const explainBgp = (
  address: IpAddress,
  { routes, plan, facts, view }: BgpExplainSources,
): BgpAddressExplanation | undefined => {
  const explanation = routes.explain(address);
  if (explanation === undefined) return undefined;
  const refused = plan?.refused ?? [];
  return {
    stance: explanation.stance,
    peers: [
      ...explanation.peers.map((standing) => ({
        peer: standing.peer,
        ...outcomeOf(standing, address, { facts, view }),
      })),
      ...refused.map(
        (each): BgpPeerExplanation => ({ peer: each.name, has: "no", text: `${refusedPeerSentence(each)}.` }),
      ),
    ],
    text: explanationLines(explanation),
  };
};
