/** Our part of FRR's configuration, from what the speaker is told. */
import { familyOf, type IpFamily } from "#base/address";
import { formatInterfaceAddress } from "#base/prefix";
import { seconds } from "#base/time";
import type { PeerWord, RouteWord } from "#core/bgp/desired";
import { attributeLines } from "./attributes.ts";
import { classesOf, type RouteClass, type RouteCounts } from "./classes.ts";
import { classMapOf, hashOf, IN_MAP, outMapOf, profileOf, viewOf } from "./names.ts";
import { familyLines, kindOf, peerLines, profileLines } from "./peer-lines.ts";
import { type AddressedPeer, admitted, type Refusal } from "./refusal.ts";
import type { Running } from "./running.ts";
import { addLines, below, type Growing, type Tree } from "./tree.ts";

/** What FRR is to do for us. */
export type Wanted = { readonly peers: readonly PeerWord[]; readonly routes: readonly RouteWord[] };

export type Section = {
  /** What is to be there, and nothing else of ours; in the form of `Running.own`. */
  readonly wanted: Tree;
  /** Peers that cannot be there, or not as they are asked for. */
  readonly refused: readonly Refusal[];
  /** Peers that are there. */
  readonly peers: readonly AddressedPeer[];
  /** By peer; a peer without routes is not in it. */
  readonly counts: ReadonlyMap<string, RouteCounts>;
};

const FAMILIES: readonly IpFamily[] = ["IPv4", "IPv6"];

const familyBlock = (family: IpFamily): string => `address-family ${family.toLowerCase()} unicast`;

const addView = (tree: Growing, peers: readonly AddressedPeer[], classes: readonly RouteClass[]): void => {
  const [first] = peers;
  if (first === undefined) return;
  const view = below(tree, `router bgp ${first.localAsn} view ${viewOf(first.localAsn)}`);
  const restarts = peers.flatMap(({ gracefulRestart }) => gracefulRestart?.restartTime ?? []);
  addLines(view, [
    `bgp router-id ${first.routerId}`,
    "no bgp default ipv4-unicast",
    // What carries the packets goes on without FRR, so that peers may keep the routes meanwhile.
    ...(restarts.length === 0
      ? []
      : [
          `bgp graceful-restart restart-time ${Math.min(4_095, Math.max(1, Math.floor(Math.max(...restarts) / seconds(1))))}`,
          "bgp graceful-restart preserve-fw-state",
        ]),
    "no bgp network import-check",
    ...peers.flatMap(peerLines),
  ]);
  const names = new Set(peers.map(({ name }) => name));
  for (const family of FAMILIES) {
    const carrying = peers.filter(({ families }) => families.includes(family));
    if (carrying.length === 0) continue;
    const block = below(view, familyBlock(family));
    for (const { tag, targets, prefixes } of classes) {
      if (!targets.some((target) => target.peers.some((name) => names.has(name)))) continue;
      for (const prefix of prefixes) {
        if (familyOf(prefix.address) === family)
          addLines(block, [`network ${formatInterfaceAddress(prefix)} route-map ${classMapOf(tag)}`]);
      }
    }
    addLines(block, carrying.flatMap(familyLines));
  }
};

/** The last entry of a peer's map: everything that no class of it means. */
const LAST_ENTRY = 65_535;

/** Where a class stands in maps: the same place whatever other classes there are, but for collisions. */
const placesOf = (classes: readonly RouteClass[]): ReadonlyMap<RouteClass, number> => {
  const taken = new Set<number>();
  return new Map(
    classes.map((each) => {
      let place = 1 + (hashOf(`place ${each.tag}`) % (LAST_ENTRY - 1));
      while (taken.has(place)) place = 1 + (place % (LAST_ENTRY - 1));
      taken.add(place);
      return [each, place];
    }),
  );
};

const addOutMap = (tree: Growing, peer: AddressedPeer, places: ReadonlyMap<RouteClass, number>): void => {
  const map = outMapOf(peer.name);
  for (const [{ tag, targets }, place] of places) {
    const target = targets.find(({ peers }) => peers.includes(peer.name));
    if (target === undefined) continue;
    addLines(below(tree, `route-map ${map} permit ${place}`), [
      `match tag ${tag}`,
      ...attributeLines(target.attributes, kindOf(peer)),
    ]);
  }
  below(tree, `route-map ${map} deny ${LAST_ENTRY}`);
};

/** More classes than a map has places do not happen: each is a combination of advertisements. */
const MOST_CLASSES = 10_000;

/** What is to be there of ours in an FRR that runs with this. */
export const sectionOf = (
  { peers: words, routes }: Wanted,
  running: Pick<Running, "neighbours" | "bfd">,
): Section => {
  const { peers, refused } = admitted(words, running);
  const byName = new Map(peers.map((peer) => [peer.name, peer]));
  const { classes: all, counts } = classesOf(routes, byName);
  const classes = all.slice(0, MOST_CLASSES);
  const places = placesOf(classes);
  const tree: Growing = new Map();
  for (const { name, bfd } of peers) {
    if (bfd !== undefined) addLines(below(tree, `profile ${profileOf(name)}`), profileLines(bfd));
  }
  if (peers.length > 0) below(tree, `route-map ${IN_MAP} deny 10`);
  for (const { tag } of classes)
    addLines(below(tree, `route-map ${classMapOf(tag)} permit 10`), [`set tag ${tag}`]);
  for (const peer of peers) addOutMap(tree, peer, places);
  for (const group of Map.groupBy(peers, ({ localAsn }) => localAsn).values()) addView(tree, group, classes);
  return { wanted: tree, refused, peers, counts };
};
