/** What routers are told of a Service, as the condition `steelyard.dev/Announced` says it. */
import { reasonSentence, type SilentReason } from "#core/bgp-routes/reason";

/** A node that is to tell routers of a Service. */
export type RoutedNode = {
  readonly node: string;
  /** BGPPeers by name; at least one. */
  readonly peers: readonly string[];
  /** Those of them with which it has a session. */
  readonly reached: readonly string[];
};

/** More nodes than this are counted instead of named: a message is read by people. */
const MOST_NAMED = 8;

/** How what is said of routers begins, whoever they are. */
export const ROUTED_GIST = "Routers are told of it by ";

/** `a, b and c`. */
const listed = (texts: readonly string[]): string => {
  const last = texts.at(-1) ?? "";
  return texts.length < 2 ? last : `${texts.slice(0, -1).join(", ")} and ${last}`;
};

const named = (nodes: readonly RoutedNode[]): string => {
  const texts = nodes.slice(0, MOST_NAMED).map(({ node, reached }) => `node ${node} (${reached.join(", ")})`);
  const rest = nodes.length - texts.length;
  return listed(rest > 0 ? [...texts, `${rest} more`] : texts);
};

/** Whether any router is told, and by whom, in sentences. */
export const routedText = (
  nodes: readonly RoutedNode[],
): { readonly isTold: boolean; readonly text: string } => {
  const told = nodes.filter(({ reached }) => reached.length > 0);
  if (told.length > 0) return { isTold: true, text: `${ROUTED_GIST}${named(told)}.` };
  const peers = [...new Set(nodes.flatMap((each) => each.peers))].sort();
  return {
    isTold: false,
    text: `No router is told of it: no node has a session with ${listed(peers)}. Run steelyard status bgp on a node: it says why.`,
  };
};

/** Why no router is told, where that has to do with the Service and not with there being no BGP for it. */
export const unroutedText = (
  reason: SilentReason | undefined,
): { readonly reason: string; readonly text: string } | undefined => {
  switch (reason) {
    case "noLocalEndpoints":
    case "noEndpoints":
      // On no node: whoever had one would say so.
      return { reason: "NoEndpoints", text: reasonSentence("noEndpoints") };
    case "noPeers":
    case "conflictingAdvertisements":
    case "sharedIPWithServiceSelector": {
      const word = `${reason.slice(0, 1).toUpperCase()}${reason.slice(1)}`;
      return { reason: word, text: reasonSentence(reason) };
    }
    default:
      return undefined;
  }
};
