/** Cisco IOS XE. */
import { familyOf, type IpFamily } from "#base/address";
import { addressBits, formatInterfaceAddress } from "#base/prefix";
import { familiesOf, hasSeveralAsns, kindOf, pathsOf, type Router, type Session } from "./model.ts";
import { commentOf, namesOf, passwordOf, wordOf } from "./names.ts";
import { filterLines, IP, mapOf } from "./route-maps.ts";

const MOST_PATHS = 32;

const bfdLines = ({ bfd, distance, neighbours, routerAddress }: Session, name: string): readonly string[] => {
  if (bfd === undefined) return [];
  const { transmit, receive, multiplier } = bfd;
  if (distance !== "several-hops") {
    return [
      "interface INTERFACE-TO-NODES",
      ` bfd interval ${transmit} min_rx ${receive} multiplier ${multiplier}`,
      " no bfd echo",
      "exit",
    ];
  }
  const remotes =
    neighbours.type === "nodes"
      ? neighbours.nodes.map(({ address }) => ({
          family: familyOf(address),
          text: `${address}/${addressBits(address)}`,
        }))
      : neighbours.type === "ranges"
        ? neighbours.ranges.map((range) => ({
            family: familyOf(range.address),
            text: formatInterfaceAddress(range),
          }))
        : [];
  return [
    `bfd-template multi-hop ${name}`,
    ` interval min-tx ${transmit} min-rx ${receive} multiplier ${multiplier}`,
    "exit",
    ...remotes.map(
      ({ family, text }) =>
        `bfd map ${family.toLowerCase()} ${text} ${routerAddress}/${family === "IPv4" ? 32 : 128} ${name}`,
    ),
  ];
};

/** How neighbours are named: each node by its address, a range by the peer-group that it leads to. */
const subjectsOf = ({ neighbours }: Session, name: string): readonly string[] => {
  if (neighbours.type === "nodes") return neighbours.nodes.map(({ address }) => address);
  return neighbours.type === "ranges" ? [name] : [];
};

const neighbourLines = (session: Session, name: string): readonly string[] => {
  const { neighbours, timers } = session;
  if (neighbours.type === "links") {
    return [
      `! BGPPeer ${commentOf(session.peer)} has no address but an interface, for which IOS XE has no session: give the router an`,
      "! address and name it in peerAddress. (NX-OS has `neighbor ethernet 1/1` under `router bgp`.)",
    ];
  }
  const descriptions = neighbours.type === "nodes" ? neighbours.nodes.map((node) => wordOf(node.name)) : [];
  const opening =
    neighbours.type === "ranges"
      ? [
          ` neighbor ${name} peer-group`,
          ...neighbours.ranges.map(
            (range) => ` bgp listen range ${formatInterfaceAddress(range)} peer-group ${name}`,
          ),
        ]
      : [];
  const settings = subjectsOf(session, name).flatMap((subject, index) => [
    ` neighbor ${subject} remote-as ${session.nodeAsn}`,
    ...(descriptions[index] === undefined ? [] : [` neighbor ${subject} description ${descriptions[index]}`]),
    ...(session.authentication === "none" ? [] : [` neighbor ${subject} password ${passwordOf(session)}`]),
    ...(timers === undefined ? [] : [` neighbor ${subject} timers ${timers.keepalive} ${timers.hold}`]),
    ...(session.distance === "several-hops" && kindOf(session) === "external"
      ? [` neighbor ${subject} ebgp-multihop 255`]
      : []),
    ...(session.distance === "neighbours-only" ? [` neighbor ${subject} ttl-security hops 1`] : []),
    ...(session.bfd === undefined
      ? []
      : [
          ` neighbor ${subject} fall-over bfd ${session.distance === "several-hops" ? "multi-hop" : "single-hop"}`,
        ]),
    ...(session.gracefulRestart ? [` neighbor ${subject} ha-mode graceful-restart`] : []),
  ]);
  return [...opening, ...settings];
};

const familyLines = (
  router: Router,
  family: IpFamily,
  names: ReadonlyMap<Session, string>,
): readonly string[] => {
  const carrying = router.sessions.filter(({ families }) => families.includes(family));
  const kinds = new Set(carrying.map(kindOf));
  const paths = pathsOf(router, MOST_PATHS);
  const ofSessions = router.sessions.flatMap((session) => {
    const name = names.get(session) ?? "";
    const subjects = subjectsOf(session, name);
    // IPv4 is carried unless that is said.
    if (!session.families.includes(family)) return subjects.map((each) => `  no neighbor ${each} activate`);
    return subjects.flatMap((subject) => [
      `  neighbor ${subject} activate`,
      `  neighbor ${subject} route-map ${mapOf(name, family)} in`,
      `  neighbor ${subject} route-map ${name}-out out`,
    ]);
  });
  return [
    ` address-family ${family.toLowerCase()} unicast`,
    ...ofSessions,
    ...(kinds.has("external") ? [`  maximum-paths ${paths}`] : []),
    ...(kinds.has("internal") ? [`  maximum-paths ibgp ${paths}`] : []),
    " exit-address-family",
  ];
};

/** The sessions of a router in the words of IOS XE. */
export const renderCisco = (router: Router): string => {
  const names = namesOf(router.sessions);
  const each = (render: (session: Session, name: string) => readonly string[]): readonly string[] =>
    router.sessions.flatMap((session) => render(session, names.get(session) ?? ""));
  const families = familiesOf(router);
  return [
    `! Cisco IOS XE ${commentOf(router.name)}, AS ${router.asn}: sessions with the nodes that steelyard runs on.`,
    "! Paste it after `configure terminal`, then `write memory`. NX-OS has other words: neighbours are blocks there, and",
    "! `feature bgp` and `feature bfd` come first.",
    "! Cisco hashes anew when a node comes or goes: some open connections move to other nodes then. Several Catalyst and Nexus",
    "! models have resilient hashing as a setting of the hardware.",
    ...(router.sessions.some(({ bfd, distance }) => bfd !== undefined && distance !== "several-hops")
      ? ["! Write the interface towards the nodes for INTERFACE-TO-NODES: times of BFD are set there."]
      : []),
    ...each(({ notes, peer }) => notes.map((note) => `! BGPPeer ${commentOf(peer)}: ${commentOf(note)}`)),
    ...each(filterLines),
    ...each(bfdLines),
    ...families.map((family) => `${IP[family]} cef load-sharing algorithm include-ports source destination`),
    `router bgp ${router.asn}`,
    ...(hasSeveralAsns(router) ? [" bgp bestpath as-path multipath-relax"] : []),
    ...each(neighbourLines),
    ...[...new Set<IpFamily>(["IPv4", ...families])].flatMap((family) => familyLines(router, family, names)),
    "exit",
    "",
  ].join("\n");
};
