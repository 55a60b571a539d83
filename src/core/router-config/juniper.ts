/** Juniper Junos. */
import { familyOf } from "#base/address";
import { formatInterfaceAddress } from "#base/prefix";
import { crossesFamilies, linkNames } from "./frr-lines.ts";
import { hasSeveralAsns, kindOf, type Router, type Session } from "./model.ts";
import { commentOf, namesOf, passwordOf, wordOf } from "./names.ts";

const FAMILY = { IPv4: "inet", IPv6: "inet6" } as const;

const policyLines = (session: Session, name: string): readonly string[] => {
  const policy = `set policy-options policy-statement ${name}-in`;
  const accepting = session.families.flatMap((family) => {
    const accepted = session.accepted.filter(({ network }) => familyOf(network.address) === family);
    if (accepted.length === 0) return [];
    const term = `${policy} term ${FAMILY[family]}`;
    return [
      `${term} from family ${FAMILY[family]}`,
      ...accepted.map(({ network, length }) => {
        const lengths =
          network.prefixLength === length ? "exact" : `prefix-length-range /${length}-/${length}`;
        return `${term} from route-filter ${formatInterfaceAddress(network)} ${lengths}`;
      }),
      `${term} then accept`,
    ];
  });
  return [
    ...accepting,
    `${policy} term rest then reject`,
    `set policy-options policy-statement ${name}-out then reject`,
  ];
};

const neighbourLines = ({ neighbours, nodeAsn }: Session, group: string, name: string): readonly string[] => {
  switch (neighbours.type) {
    case "nodes":
      return [
        `${group} peer-as ${nodeAsn}`,
        ...neighbours.nodes.map(
          (node) => `${group} neighbor ${node.address} description ${wordOf(node.name)}`,
        ),
      ];
    case "ranges":
      return [
        `${group} peer-as ${nodeAsn}`,
        ...neighbours.ranges.map((range) => `${group} allow ${formatInterfaceAddress(range)}`),
      ];
    default: {
      const links = linkNames(neighbours.nodes);
      const dynamic = `${group} dynamic-neighbor nodes peer-auto-discovery`;
      return [
        `set policy-options as-list ${name} members ${nodeAsn}`,
        `${group} peer-as-list ${name}`,
        `${dynamic} family inet6 ipv6-nd`,
        ...links.map((link) => `${dynamic} interface ${link}`),
        ...links.map((link) => `set protocols router-advertisement interface ${link}`),
      ];
    }
  }
};

const bfdLines = ({ bfd }: Session, group: string): readonly string[] => {
  if (bfd === undefined) return [];
  const liveness = `${group} bfd-liveness-detection`;
  return [
    `${liveness} minimum-receive-interval ${bfd.receive}`,
    `${liveness} transmit-interval minimum-interval ${bfd.transmit}`,
    `${liveness} multiplier ${bfd.multiplier}`,
  ];
};

const groupLines = (session: Session, name: string): readonly string[] => {
  const group = `set protocols bgp group ${name}`;
  const extended = session.neighbours.type === "links" || crossesFamilies(session) ? " extended-nexthop" : "";
  return [
    `${group} type ${kindOf(session)}`,
    ...neighbourLines(session, group, name),
    ...session.families.map(
      (family) => `${group} family ${FAMILY[family]} unicast${family === "IPv4" ? extended : ""}`,
    ),
    ...(session.authentication === "none" ? [] : [`${group} authentication-key "${passwordOf(session)}"`]),
    ...(session.timers === undefined ? [] : [`${group} hold-time ${session.timers.hold}`]),
    ...(session.distance === "several-hops" && kindOf(session) === "external"
      ? [`${group} multihop ttl 255`]
      : []),
    ...(session.distance === "neighbours-only"
      ? [
          "# The nodes drop what comes with a TTL below 255. Junos drops nothing by itself: a firewall filter on lo0 can.",
          `${group} ttl 255`,
        ]
      : []),
    ...(session.distance === "several-hops" && session.routerAddress !== undefined
      ? [`${group} local-address ${session.routerAddress}`]
      : []),
    ...bfdLines(session, group),
    `${group} import ${name}-in`,
    `${group} export ${name}-out`,
  ];
};

/** The sessions of a router in Junos' words of `configure`. */
export const renderJuniper = (router: Router): string => {
  const names = namesOf(router.sessions);
  const each = (render: (session: Session, name: string) => readonly string[]): readonly string[] =>
    router.sessions.flatMap((session) => render(session, names.get(session) ?? ""));
  const multipath = hasSeveralAsns(router) ? "multipath multiple-as" : "multipath";
  return [
    `# Junos ${commentOf(router.name)}, AS ${router.asn}: sessions with the nodes that steelyard runs on.`,
    "# Paste it after `configure`, look at `show | compare`, then `commit`.",
    "# `per-packet` means per connection on this hardware. Where the platform has it, connections keep their node when others come",
    "# or go with: set policy-options policy-statement NAME-in term inet then load-balance consistent-hash",
    "# A keepalive is sent three times in a hold time; Junos has no other setting for it.",
    ...each(({ notes, peer }) => notes.map((note) => `# BGPPeer ${commentOf(peer)}: ${commentOf(note)}`)),
    ...each(policyLines),
    "set policy-options policy-statement steelyard-balance then load-balance per-packet",
    "set routing-options forwarding-table export steelyard-balance",
    `set routing-options autonomous-system ${router.asn}`,
    ...(router.sessions.some(({ gracefulRestart }) => gracefulRestart)
      ? ["set routing-options graceful-restart"]
      : []),
    ...each(groupLines),
    ...each((_, name) => [`set protocols bgp group ${name} ${multipath}`]),
    "",
  ].join("\n");
};
