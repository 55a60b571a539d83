/**
 * Whether the router spreads, judged by connections that were asked for through it, each from another port.
 *
 * Each answer comes straight from the node that the router had chosen, whose Ethernet address it carries. What the router sends back to the node
 * that asks gets no answer: its kernel takes nothing from elsewhere that says to be from itself. So with two nodes that share evenly about half
 * are answered, and with more the answers are of several.
 */
import type { Facts } from "./facts.ts";
import type { Finding } from "./finding.ts";
import type { SpreadQuestion } from "./spread-question.ts";

/** What came of trying. */
export type Spread = {
  readonly question: SpreadQuestion;
  /** How many connections were asked for. */
  readonly asked: number;
  /** How many were answered by whom: an address of the node, where it is known, else its Ethernet address. */
  readonly answered: ReadonlyMap<string, number>;
};

/** Fewer say nothing. */
const LEAST_ASKED = 24;
/** Of two nodes that share evenly one gets so many with a probability below one in a million. */
const NEARLY_ALL = 0.9;

/** The node that the router sends all to, or nearly: some are lost; `undefined`: it spreads, or it cannot be said. */
export const onlyOne = ({ asked, answered }: Spread): string | undefined => {
  const [first, second] = [...answered];
  if (asked < LEAST_ASKED || first === undefined || second !== undefined) return undefined;
  const [node, count] = first;
  return count >= asked * NEARLY_ALL ? node : undefined;
};

/** A router that was seen to send everything to one of several nodes. */
export const spreadFindings = ({ spread }: Facts): readonly Finding[] => {
  const node = spread === undefined ? undefined : onlyOne(spread);
  if (spread === undefined || node === undefined) return [];
  const { question, asked, answered } = spread;
  const { address, port, peer, router, nodes, service } = question;
  return [
    {
      ...{ code: "bgp-no-ecmp", severity: "warning", subject: peer },
      message: `The router ${router} sent ${answered.get(node)} of ${asked} connections to ${address}:${port} (Service ${service}) to ${node}, each from another port, though ${nodes.length} nodes tell it of the address (${nodes.join(", ")}): it takes one next hop only, or does not spread by ports.`,
      remedy: `Let the router take several next hops and hash by ports: maximum-paths in FRR, merge paths in BIRD's kernel protocol, net.ipv4.fib_multipath_hash_policy=1 on Linux; steelyard router-config --peer ${peer} prints them. Nothing, where the router is meant to prefer that node`,
    },
  ];
};
