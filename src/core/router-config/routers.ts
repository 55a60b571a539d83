/** From resources to what each router has to be told. */
import { familyOf, type IpFamily } from "#base/address";
import { seconds, toMillis } from "#base/time";
import type { BfdProfile, BgpPeer, Configuration } from "#core/metallb/model";
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

/** The families of a session: its own; both over a link without addresses, or where that is asked for. */
export const peerFamilies = (peer: BgpPeer): readonly IpFamily[] => {
  const isBoth = peer.neighbor.type === "interface" || peer.dualStackAddressFamily;
  if (isBoth && !peer.disableMp) return ["IPv4", "IPv6"];
  return peer.neighbor.type === "interface" ? ["IPv6"] : [familyOf(peer.neighbor.address)];
};

const bfdOf = (profile: BfdProfile): RouterBfd => ({
  receive: toMillis(profile.transmitInterval),
  transmit: toMillis(profile.receiveInterval),
  multiplier: profile.detectMultiplier,
  minimumTtl: profile.minimumTtl,
});

/** Whole seconds; a hold time below one switches both off. */
const timersOf = ({ timers }: BgpPeer): Session["timers"] => {
  if (timers === undefined) return undefined;
  const hold = Math.min(65_535, Math.floor(timers.hold / seconds(1)));
  if (hold === 0) return { hold: 0, keepalive: 0 };
  return { hold, keepalive: Math.min(hold, Math.max(1, Math.floor(timers.keepalive / seconds(1)))) };
};

const peerNotes = (peer: BgpPeer, profile: BfdProfile | undefined): readonly string[] => [
  ...(peer.port === 179
    ? []
    : [`The nodes connect to TCP port ${peer.port}: the router has to listen there.`]),
  ...(peer.vrf === undefined ? [] : [`The nodes hold this session in their VRF ${peer.vrf}.`]),
  ...(profile?.passiveMode === true
    ? ["The nodes wait for the router to begin BFD: it must not be passive."]
    : []),
];

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
  const nodeAsn = peer.localAsn ?? peer.myAsn;
  const asn = routerAsnOf(peer, nodeAsn, routerAsn);
  if (asn === undefined) {
    const problem = `BGPPeer ${peer.name} takes any autonomous system but its own (dynamicASN: external): say the router's with --router-asn.`;
    return { ok: false, problem };
  }
  const found = neighboursOf(peer, source);
  if (!found.ok) return found;
  const profile = configuration.bfdProfiles.find(({ name }) => name === peer.bfdProfile);
  const families = peerFamilies(peer);
  const accepted = acceptedBy(configuration, { peer: peer.name, families });
  const session: Session = {
    peer: peer.name,
    neighbours: found.neighbours,
    nodeAsn,
    routerAsn: asn,
    routerAddress: peer.neighbor.type === "address" ? peer.neighbor.address : undefined,
    port: peer.port,
    timers: timersOf(peer),
    authentication: peer.authentication.type === "none" ? "none" : "password",
    bfd: profile === undefined ? undefined : bfdOf(profile),
    distance: peer.ebgpMultiHop ? "several-hops" : "one-hop",
    families,
    gracefulRestart: peer.enableGracefulRestart,
    accepted,
    notes: [
      ...found.notes,
      ...peerNotes(peer, profile),
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
