/** VyOS 1.4 and later. */
import { familyOf, type IpFamily } from "#base/address";
import { formatInterfaceAddress } from "#base/prefix";
import { crossesFamilies, linkNames } from "./frr-lines.ts";
import { familiesOf, hasSeveralAsns, kindOf, pathsOf, type Router, type Session } from "./model.ts";
import { commentOf, namesOf, passwordOf, wordOf } from "./names.ts";
import { mapOf } from "./route-maps.ts";

const MOST_PATHS = 256;

const WORDS = {
  IPv4: { list: "prefix-list", match: "ip", channel: "ipv4-unicast" },
  IPv6: { list: "prefix-list6", match: "ipv6", channel: "ipv6-unicast" },
} as const;

const filterLines = (session: Session, name: string): readonly string[] => [
  ...session.families.flatMap((family) => {
    const accepted = session.accepted.filter(({ network }) => familyOf(network.address) === family);
    const map = `set policy route-map ${mapOf(name, family)} rule 10`;
    if (accepted.length === 0) return [`${map} action deny`];
    return [
      ...accepted.flatMap(({ network, length }, index) => {
        const rule = `set policy ${WORDS[family].list} ${name} rule ${(index + 1) * 5}`;
        const lengths =
          network.prefixLength === length ? [] : [`${rule} ge ${length}`, `${rule} le ${length}`];
        return [`${rule} action permit`, `${rule} prefix ${formatInterfaceAddress(network)}`, ...lengths];
      }),
      `${map} action permit`,
      `${map} match ${WORDS[family].match} address prefix-list ${name}`,
    ];
  }),
  `set policy route-map ${name}-out rule 10 action deny`,
];

const bfdLines = ({ bfd, distance }: Session, name: string): readonly string[] => {
  if (bfd === undefined) return [];
  const profile = `set protocols bfd profile ${name}`;
  return [
    `${profile} interval multiplier ${bfd.multiplier}`,
    `${profile} interval receive ${bfd.receive}`,
    `${profile} interval transmit ${bfd.transmit}`,
    ...(distance === "several-hops" ? [`${profile} minimum-ttl ${bfd.minimumTtl}`] : []),
  ];
};

/** What a neighbour and a peer-group alike are told. */
const settingLines = (session: Session, subject: string, name: string): readonly string[] => [
  ...(session.authentication === "none" ? [] : [`${subject} password '${passwordOf(session)}'`]),
  ...(session.distance === "several-hops" && kindOf(session) === "external"
    ? [`${subject} ebgp-multihop 255`]
    : []),
  ...(session.distance === "neighbours-only" ? [`${subject} ttl-security hops 1`] : []),
  ...(session.distance === "several-hops" && session.routerAddress !== undefined
    ? [`${subject} update-source ${session.routerAddress}`]
    : []),
  ...(session.bfd === undefined ? [] : [`${subject} bfd profile ${name}`]),
  ...(session.gracefulRestart ? [`${subject} graceful-restart restart-helper`] : []),
  ...(crossesFamilies(session) ? [`${subject} capability extended-nexthop`] : []),
  ...session.families.flatMap((family: IpFamily) => {
    const channel = `${subject} address-family ${WORDS[family].channel}`;
    return [`${channel} route-map import ${mapOf(name, family)}`, `${channel} route-map export ${name}-out`];
  }),
];

const timerLines = ({ timers }: Session, subject: string): readonly string[] =>
  timers === undefined
    ? []
    : [`${subject} timers holdtime ${timers.hold}`, `${subject} timers keepalive ${timers.keepalive}`];

const sessionLines = (session: Session, name: string): readonly string[] => {
  const { neighbours, nodeAsn, timers } = session;
  if (neighbours.type === "ranges") {
    const group = `set protocols bgp peer-group ${name}`;
    return [
      `${group} remote-as ${nodeAsn}`,
      ...settingLines(session, group, name),
      ...(timers === undefined
        ? []
        : [
            `# A peer-group has no timers of its own; the nodes ask for ${timers.hold} s, and the smaller hold time counts.`,
          ]),
      ...neighbours.ranges.map(
        (range) => `set protocols bgp listen range ${formatInterfaceAddress(range)} peer-group ${name}`,
      ),
    ];
  }
  const subjects =
    neighbours.type === "nodes"
      ? neighbours.nodes.map((node) => ({
          subject: `set protocols bgp neighbor ${node.address}`,
          first: [
            `set protocols bgp neighbor ${node.address} remote-as ${nodeAsn}`,
            `set protocols bgp neighbor ${node.address} description ${wordOf(node.name)}`,
          ],
        }))
      : linkNames(neighbours.nodes).map((link) => ({
          subject: `set protocols bgp neighbor ${link}`,
          first: [`set protocols bgp neighbor ${link} interface v6only remote-as ${nodeAsn}`],
        }));
  return subjects.flatMap(({ subject, first }) => [
    ...first,
    ...settingLines(session, subject, name),
    ...timerLines(session, subject),
  ]);
};

const pathLines = (router: Router): readonly string[] => {
  const kinds = new Set(router.sessions.map(kindOf));
  const paths = pathsOf(router, MOST_PATHS);
  return familiesOf(router).flatMap((family) => {
    const channel = `set protocols bgp address-family ${WORDS[family].channel} maximum-paths`;
    return [
      ...(kinds.has("external") ? [`${channel} ebgp ${paths}`] : []),
      ...(kinds.has("internal") ? [`${channel} ibgp ${paths}`] : []),
      `set system ${WORDS[family].match} multipath layer4-hashing`,
    ];
  });
};

/** The sessions of a router in the words of VyOS' configuration mode. */
export const renderVyos = (router: Router): string => {
  const names = namesOf(router.sessions);
  const each = (render: (session: Session, name: string) => readonly string[]): readonly string[] =>
    router.sessions.flatMap((session) => render(session, names.get(session) ?? ""));
  return [
    `# VyOS ${commentOf(router.name)}, AS ${router.asn}: sessions with the nodes that steelyard runs on.`,
    "# Paste it after `configure`, then `commit` and `save`.",
    "# Linux hashes anew when a node comes or goes: some open connections move to other nodes then.",
    ...each(({ notes, peer }) => notes.map((note) => `# BGPPeer ${commentOf(peer)}: ${commentOf(note)}`)),
    ...each(filterLines),
    ...each(bfdLines),
    `set protocols bgp system-as ${router.asn}`,
    ...(hasSeveralAsns(router) ? ["set protocols bgp parameters bestpath as-path multipath-relax"] : []),
    ...each(sessionLines),
    ...pathLines(router),
    "",
  ].join("\n");
};
