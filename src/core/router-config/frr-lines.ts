/** The configuration of FRR, which several products have inside. */
import { familyOf, type IpFamily } from "#base/address";
import { formatInterfaceAddress } from "#base/prefix";
import { familiesOf, hasSeveralAsns, kindOf, type Router, type Session } from "./model.ts";
import { commentOf, namesOf, passwordOf, wordOf } from "./names.ts";
import { filterLines, mapOf } from "./route-maps.ts";

const bfdLines = ({ bfd, distance }: Session, name: string): readonly string[] => {
  if (bfd === undefined) return [];
  return [
    "bfd",
    ` profile ${name}`,
    `  detect-multiplier ${bfd.multiplier}`,
    `  receive-interval ${bfd.receive}`,
    `  transmit-interval ${bfd.transmit}`,
    ...(distance === "several-hops" ? [`  minimum-ttl ${bfd.minimumTtl}`] : []),
    " exit",
    "exit",
  ];
};

/** The words after which the router knows its neighbours. */
const neighbourLines = ({ neighbours }: Session, name: string): readonly string[] => {
  switch (neighbours.type) {
    case "nodes":
      return neighbours.nodes.flatMap((node) => [
        ` neighbor ${node.address} peer-group ${name}`,
        ` neighbor ${node.address} description ${wordOf(node.name)}`,
      ]);
    case "ranges":
      return neighbours.ranges.map(
        (range) => ` bgp listen range ${formatInterfaceAddress(range)} peer-group ${name}`,
      );
    default:
      return linkNames(neighbours.nodes).map((link) => ` neighbor ${link} interface peer-group ${name}`);
  }
};

/** What stands where the router's own interfaces belong, which no resource knows. */
export const linkNames = (nodes: readonly string[]): readonly string[] =>
  nodes.length === 0 ? ["INTERFACE-TO-NODE"] : nodes.map((node) => `INTERFACE-TO-${wordOf(node)}`);

/** Whether IPv4 routes may come over a session that has no IPv4 address. */
export const crossesFamilies = ({ neighbours, families }: Session): boolean => {
  const [first] = neighbours.type === "nodes" ? neighbours.nodes : [];
  return first !== undefined && familyOf(first.address) === "IPv6" && families.includes("IPv4");
};

const groupLines = (session: Session, name: string): readonly string[] => [
  ` neighbor ${name} peer-group`,
  ` neighbor ${name} remote-as ${session.nodeAsn}`,
  ...(session.authentication === "none" ? [] : [` neighbor ${name} password ${passwordOf(session)}`]),
  ...(session.timers === undefined
    ? []
    : [` neighbor ${name} timers ${session.timers.keepalive} ${session.timers.hold}`]),
  ...(session.distance === "several-hops" && kindOf(session) === "external"
    ? [` neighbor ${name} ebgp-multihop 255`]
    : []),
  ...(session.distance === "neighbours-only" ? [` neighbor ${name} ttl-security hops 1`] : []),
  ...(session.distance === "several-hops" && session.routerAddress !== undefined
    ? [` neighbor ${name} update-source ${session.routerAddress}`]
    : []),
  ...(session.bfd === undefined ? [] : [` neighbor ${name} bfd profile ${name}`]),
  ...(session.gracefulRestart ? [` neighbor ${name} graceful-restart-helper`] : []),
  ...(crossesFamilies(session) ? [` neighbor ${name} capability extended-nexthop`] : []),
  ...neighbourLines(session, name),
];

const familyLines = (
  { sessions }: Router,
  { family, names, paths }: { family: IpFamily; names: ReadonlyMap<Session, string>; paths: number },
): readonly string[] => {
  const kinds = new Set(sessions.filter(({ families }) => families.includes(family)).map(kindOf));
  const ofSessions = sessions.flatMap((session) => {
    const name = names.get(session) ?? "";
    if (!session.families.includes(family)) return [`  no neighbor ${name} activate`];
    return [
      `  neighbor ${name} activate`,
      `  neighbor ${name} route-map ${mapOf(name, family)} in`,
      `  neighbor ${name} route-map ${name}-out out`,
    ];
  });
  return [
    ` address-family ${family.toLowerCase()} unicast`,
    ...ofSessions,
    ...(kinds.has("external") ? [`  maximum-paths ${paths}`] : []),
    ...(kinds.has("internal") ? [`  maximum-paths ibgp ${paths}`] : []),
    " exit-address-family",
  ];
};

/** The sessions of a router, `paths` next hops at most; comments come after `!`. */
export const frrLines = (router: Router, paths: number): readonly string[] => {
  const { sessions, asn } = router;
  const names = namesOf(sessions);
  const each = (render: (session: Session, name: string) => readonly string[]): readonly string[] =>
    sessions.flatMap((session) => render(session, names.get(session) ?? ""));
  // Every session is told what it does not carry: IPv4 is carried unless that is said.
  const families = new Set<IpFamily>(["IPv4", ...familiesOf(router)]);
  return [
    ...each(({ notes, peer }) => notes.map((note) => `! BGPPeer ${commentOf(peer)}: ${commentOf(note)}`)),
    ...each(filterLines),
    ...each(bfdLines),
    `router bgp ${asn}`,
    ...(hasSeveralAsns(router) ? [" bgp bestpath as-path multipath-relax"] : []),
    ...each(groupLines),
    ...[...families].flatMap((family) => familyLines(router, { family, names, paths })),
    "exit",
  ];
};
