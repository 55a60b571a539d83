/**
 * What is kept of BGP on disk for a start while the API server is away: the peers of this node and its routes. It holds passwords
 * of sessions, so nobody but root may read it, as it is with the Secrets of a kubelet.
 *
 * It is checked all the same: a file that a full disk cut off must not stop the program.
 */
import { type Instant, instant } from "#base/time";
import type { PeerWord, RouteWord } from "#core/bgp/desired";
import { type Fields, fieldsOf } from "#core/kubernetes/read";
import { readPeerWord, readRouteWord } from "./state-words.ts";

/** What is kept. */
export type SavedBgp = { readonly peers: readonly PeerWord[]; readonly routes: readonly RouteWord[] };

export type BgpStateReading =
  | { readonly ok: true; readonly value: SavedBgp }
  /** Why it cannot be used, as the end of a sentence about the file. */
  | { readonly ok: false; readonly reason: string };

/** In UTF-16 units, which are bytes but for passwords with other letters. */
export const LONGEST_BGP_STATE = 32 * 1_024 * 1_024;
const VERSION = 1;
/** Of milliseconds since the machine was started: three hundred years. */
const AT_DIGITS = 13;
const MOST = { peers: 1_000, routes: 50_000 } as const;

/**
 * When a run was alive, on a clock that goes on while the machine is suspended, and on which start of the machine. The time of day may be
 * set back between two runs, and routes would be dropped by peers that have them.
 */
export type Life = { readonly at: Instant; readonly bootId: string };

/** The beginning of the text: as long for each time, so that it can be written over in place. */
export const bgpStateStamp = (at: Instant): string =>
  `{"up":${`${Math.max(0, Math.floor(at / 1_000))}`.padStart(AT_DIGITS, "0").slice(-AT_DIGITS)}`;

/** When the run was last alive that wrote the text; `undefined` if it does not say so. */
export const lifeIn = (text: string): Life | undefined => {
  const [, at, bootId] = /^\{"up":([0-9]{13}),"bootId":"([0-9a-f-]{36})"/.exec(text) ?? [];
  return at === undefined || bootId === undefined ? undefined : { at: instant(Number(at) * 1_000), bootId };
};

/**
 * Routes as text. What many share is the same object, and turned into text once: ten thousand with lists of peers would take the thread that
 * BFD lives on for longer than its packets may wait.
 */
const routeTexts = (): ((route: RouteWord) => string) => {
  const textByTargets = new Map<RouteWord["targets"], string>();
  return ({ prefix, targets }) => {
    const known = textByTargets.get(targets);
    const text = known ?? JSON.stringify(targets);
    if (known === undefined) textByTargets.set(targets, text);
    return `{"prefix":${JSON.stringify(prefix)},"targets":${text}}`;
  };
};

/** The text for the disk, with as many routes as fit. */
export const bgpStateText = (node: string, { peers, routes }: SavedBgp, { at, bootId }: Life): string => {
  const rest = JSON.stringify({ bootId, version: VERSION, node, peers: peers.slice(0, MOST.peers) });
  const head = `${bgpStateStamp(at)},${rest.slice(1)}`;
  const texts: string[] = [];
  const textOf = routeTexts();
  let length = head.length;
  for (const route of routes.slice(0, MOST.routes)) {
    const text = textOf(route);
    length += text.length + 1;
    if (length > LONGEST_BGP_STATE - 32) break;
    texts.push(text);
  }
  return `${head.slice(0, -1)},"routes":[${texts.join(",")}]}\n`;
};

/** A list in which everything can be read; `undefined` for anything else. */
const listOf = <Item>(
  value: unknown,
  { most, read }: { readonly most: number; readonly read: (item: unknown) => Item | undefined },
): readonly Item[] | undefined => {
  if (!Array.isArray(value) || value.length > most) return undefined;
  const items = value.flatMap((item) => read(item) ?? []);
  return items.length === value.length ? items : undefined;
};

const refused = (reason: string): BgpStateReading => ({ ok: false, reason });

/** What the text says, for this node. */
export const readBgpState = (node: string, text: string): BgpStateReading => {
  if (text.length > LONGEST_BGP_STATE) return refused(`has more than ${LONGEST_BGP_STATE} characters`);
  let fields: Fields;
  try {
    // The number may begin with zeros, which JSON does not have.
    fields = fieldsOf(JSON.parse(text.replace(/^\{"up":[0-9]{13},/, "{")));
  } catch {
    return refused("is no JSON");
  }
  if (fields.version !== VERSION) return refused("is of another version");
  if (fields.node !== node) return refused("is that of another node");
  const peers = listOf(fields.peers, { most: MOST.peers, read: readPeerWord });
  if (peers === undefined) return refused("has peers that cannot be read");
  const routes = listOf(fields.routes, { most: MOST.routes, read: readRouteWord });
  if (routes === undefined) return refused("has routes that cannot be read");
  return { ok: true, value: { peers, routes } };
};
