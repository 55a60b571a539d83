/** From resources to what each router has to be told. */
import { isIpv4, parseAddress } from "#base/address";
import { assert } from "#base/assert";
import { seconds, toMillis } from "#base/time";
import type { BfdWord, PeerWord } from "#core/bgp/desired";
import { type PeerSurroundings, planPeer } from "#core/bgp-peers/peer-word";
import { refusedPeerSentence } from "#core/bgp-peers/reason";
import type { BgpPeer, Configuration } from "#core/metallb/model";
import type { Router, RouterBfd, Session } from "./model.ts";
import { type NodeSource, neighboursOf } from "./neighbours.ts";
import { acceptedBy } from "./prefixes.ts";

/** What routers are computed from. */
export type RoutersInput = {
  readonly configuration: Configuration;
  readonly source: NodeSource;
  /** Of the router, where the BGPPeer takes it as it comes (`dynamicASN: external`). */
  readonly routerAsn: number | undefined;
  /** Names of the BGPPeers that are meant; `undefined`: all. */
  readonly peers: ReadonlySet<string> | undefined;
};

/** Routers in the order of their first BGPPeer, or every reason why they cannot be told anything. */
export type RoutersRead =
  | { readonly ok: true; readonly routers: readonly Router[] }
  | { readonly ok: false; readonly problems: readonly string[] };

/** What the router does is what the nodes expect of it. */
const bfdOf = ({ transmitInterval, receiveInterval, detectMultiplier, minimumTtl }: BfdWord): RouterBfd => ({
  receive: toMillis(transmitInterval),
  transmit: toMillis(receiveInterval),
  multiplier: detectMultiplier,
  minimumTtl,
});

/** Whole seconds; `undefined` where the resources leave them open. */
const timersOf = ({ timers }: BgpPeer, { holdTime, keepaliveTime }: PeerWord): Session["timers"] => {
  if (timers === undefined) return undefined;
  const hold = holdTime / seconds(1);
  const keepalive = Math.max(1, Math.floor(keepaliveTime / seconds(1)));
  return hold === 0 ? { hold: 0, keepalive: 0 } : { hold, keepalive: Math.min(hold, keepalive) };
};

const distanceOf = ({ ebgpMultiHop }: BgpPeer, { ttlSecurity }: PeerWord): Session["distance"] => {
  if (ttlSecurity) return "neighbours-only";
  return ebgpMultiHop ? "several-hops" : "one-hop";
};

const wordNotes = ({ port, vrf, role, bfd, gracefulRestart }: PeerWord): readonly string[] => [
  ...(port === 179 ? [] : [`The nodes connect to TCP port ${port}: the router has to listen there.`]),
  ...(vrf === undefined ? [] : [`The nodes hold this session in their VRF ${vrf}.`]),
  ...(role === "passive"
    ? ["The nodes wait for the router to connect, to the port of their option --bgp-listen."]
    : []),
  ...(bfd?.role === "passive" ? ["The nodes wait for the router to begin BFD: it must not be passive."] : []),
  ...(bfd === undefined || gracefulRestart === undefined
    ? []
    : [
        "Before a planned restart nodes ask BFD to wait (RFC 5882, 4.3.2.2), so that it stays up.",
        "Have the router believe BFD under graceful restart all the same: with `bfd check-control-plane-failure` (FRR, Cisco) or `bfd graceful` (BIRD) routes of a dead node would stay for 120 s.",
      ]),
];

const someRouterId = parseAddress("192.0.2.1");
assert(someRouterId !== undefined && isIpv4(someRouterId), "an IPv4 address");

/** What the router need not know of the nodes: any identifier, any password. */
const aroundPeers = ({ bfdProfiles }: Configuration): PeerSurroundings => ({
  profiles: new Map(bfdProfiles.map((profile) => [profile.name, profile])),
  secretOf: () => ({ type: "password", password: "any" }),
  routerId: someRouterId,
  listening: "yes",
});

/** The router's number: as given, the nodes' own, or what the operator says. */
const routerAsnOf = ({ peerAsn }: BgpPeer, nodeAsn: number, said: number | undefined): number | undefined => {
  switch (peerAsn.type) {
    case "given":
      return peerAsn.asn;
    case "internal":
      return nodeAsn;
    default:
      return said;
  }
};

type SessionRead =
  | { readonly ok: true; readonly session: Session }
  | { readonly ok: false; readonly problem: string };

const sessionOf = (peer: BgpPeer, { configuration, source, routerAsn }: RoutersInput): SessionRead => {
  const { name } = peer;
  const planned = planPeer(peer, aroundPeers(configuration));
  if (!("word" in planned)) return { ok: false, problem: `${refusedPeerSentence(planned)}.` };
  const { word } = planned;
  const { localAsn: nodeAsn, families, bfd } = word;
  const asn = routerAsnOf(peer, nodeAsn, routerAsn);
  if (asn === undefined) {
    const problem = `BGPPeer ${name} takes any autonomous system but its own (dynamicASN: external): say the router's with --router-asn.`;
    return { ok: false, problem };
  }
  if (word.role === "passive" && source.type === "ranges") {
    const problem = `BGPPeer ${name} waits for the router to connect, which it cannot do to a network: name the nodes.`;
    return { ok: false, problem };
  }
  const found = neighboursOf(peer, source);
  if (!found.ok) return found;
  const accepted = acceptedBy(configuration, { peer: name, families });
  const session: Session = {
    ...{ peer: name, neighbours: found.neighbours, nodeAsn, routerAsn: asn, families, accepted },
    routerAddress: peer.neighbor.type === "address" ? peer.neighbor.address : undefined,
    port: peer.port,
    timers: timersOf(peer, word),
    authentication: peer.authentication.type === "none" ? "none" : "password",
    bfd: bfd === undefined ? undefined : bfdOf(bfd),
    distance: distanceOf(peer, word),
    gracefulRestart: peer.enableGracefulRestart,
    notes: [
      ...found.notes,
      ...wordNotes(word),
      ...(accepted.length === 0
        ? ["No BGPAdvertisement and pool lead to this peer: nothing is accepted."]
        : []),
    ],
  };
  return { ok: true, session };
};

const routerNameOf = ({ neighbor }: BgpPeer): string =>
  neighbor.type === "address" ? neighbor.address : `at ${neighbor.name} of the nodes`;

/** Makes out which routers there are, and what sessions each has. */
export const routersOf = (input: RoutersInput): RoutersRead => {
  const { configuration, peers: meant } = input;
  const peers = configuration.peers.filter(({ name }) => meant === undefined || meant.has(name));
  const known = new Set(configuration.peers.map(({ name }) => name));
  const problems = [...(meant ?? [])]
    .filter((name) => !known.has(name))
    .map((name) => `There is no BGPPeer ${name}.`);
  if (known.size === 0) problems.push("There is no BGPPeer.");
  const sessionsByRouter = new Map<string, { name: string; asn: number; sessions: Session[] }>();
  for (const peer of peers) {
    const read = sessionOf(peer, input);
    if (!read.ok) {
      problems.push(read.problem);
      continue;
    }
    const { session } = read;
    const key = JSON.stringify([peer.neighbor, session.routerAsn]);
    const router = sessionsByRouter.get(key) ?? {
      name: routerNameOf(peer),
      asn: session.routerAsn,
      sessions: [],
    };
    router.sessions.push(session);
    sessionsByRouter.set(key, router);
  }
  return problems.length > 0
    ? { ok: false, problems }
    : { ok: true, routers: [...sessionsByRouter.values()] };
};
