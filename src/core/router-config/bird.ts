/** BIRD 2, on a router that runs Linux or a BSD. */
import { familyOf, type IpFamily } from "#base/address";
import { formatInterfaceAddress } from "#base/prefix";
import { crossesFamilies, linkNames } from "./frr-lines.ts";
import { kindOf, pathsOf, type Router, type Session } from "./model.ts";
import { commentOf, namesOf, passwordOf, wordOf } from "./names.ts";

/** More next hops than this BIRD merges for nobody. */
const MOST_PATHS = 255;

/** Names with dashes are quoted. */
const symbol = (name: string): string => `'${name}'`;

const filterLines = (session: Session, name: string): readonly string[] =>
  session.families.flatMap((family) => {
    const accepted = session.accepted.filter(({ network }) => familyOf(network.address) === family);
    const sets = accepted.map(
      ({ network, length }, index) =>
        `    ${formatInterfaceAddress(network)}{${length},${length}}${index === accepted.length - 1 ? "" : ","}`,
    );
    return [
      `filter ${symbol(`${name}-${family.toLowerCase()}`)} {`,
      ...(sets.length === 0 ? [] : ["  if net ~ [", ...sets, "  ] then accept;"]),
      "  reject;",
      "}",
    ];
  });

const channelLines = (session: Session, name: string): readonly string[] =>
  session.families.flatMap((family: IpFamily) => [
    `  ${family.toLowerCase()} {`,
    `    import filter ${symbol(`${name}-${family.toLowerCase()}`)};`,
    "    export none;",
    ...(family === "IPv4" && (session.neighbours.type === "links" || crossesFamilies(session))
      ? ["    extended next hop on;"]
      : []),
    "  };",
  ]);

/** Each neighbour has a protocol of its own: its name, and the words that say who it is. */
const neighboursOf = ({ neighbours, nodeAsn }: Session, name: string): readonly Protocol[] => {
  switch (neighbours.type) {
    case "nodes":
      return neighbours.nodes.map((node) => ({
        name: `${name}-${wordOf(node.name)}`,
        lines: [`  neighbor ${node.address} as ${nodeAsn};`],
      }));
    case "ranges":
      return neighbours.ranges.map((range, index) => {
        const own = index === 0 ? name : `${name}-${index + 1}`;
        const network = formatInterfaceAddress(range);
        return {
          name: own,
          lines: [`  neighbor range ${network} as ${nodeAsn};`, `  dynamic name "${own}-";`],
        };
      });
    default:
      return linkNames(neighbours.nodes).map((link) => ({
        name: `${name}-${link}`,
        lines: [`  neighbor range fe80::/10 as ${nodeAsn};`, `  interface "${link}";`],
      }));
  }
};

type Protocol = { readonly name: string; readonly lines: readonly string[] };

const bfdLines = ({ bfd }: Session): readonly string[] =>
  bfd === undefined
    ? []
    : [
        "  bfd {",
        `    min rx interval ${bfd.receive} ms;`,
        `    min tx interval ${bfd.transmit} ms;`,
        `    multiplier ${bfd.multiplier};`,
        "  };",
      ];

/** Over several hops the address that the nodes know has to be the one that is used. */
const localLine = ({ distance, routerAddress, routerAsn }: Session): string =>
  distance === "several-hops" && routerAddress !== undefined
    ? `  local ${routerAddress} as ${routerAsn};`
    : `  local as ${routerAsn};`;

const distanceLines = ({ distance }: Session): readonly string[] => {
  if (distance === "several-hops") return ["  multihop;"];
  return distance === "neighbours-only" ? ["  direct;", "  ttl security on;"] : ["  direct;"];
};

const protocolLines = (session: Session, name: string): readonly string[] =>
  neighboursOf(session, name).flatMap((protocol) => [
    `protocol bgp ${symbol(protocol.name)} {`,
    localLine(session),
    ...protocol.lines,
    ...distanceLines(session),
    ...(session.authentication === "none" ? [] : [`  password "${passwordOf(session)}";`]),
    ...(session.timers === undefined
      ? []
      : [
          `  hold time ${session.timers.hold};`,
          // With a hold time of 0 nobody sends keepalives, and BIRD takes no 0 here.
          ...(session.timers.hold === 0 ? [] : [`  keepalive time ${session.timers.keepalive};`]),
        ]),
    ...bfdLines(session),
    ...(session.gracefulRestart ? ["  graceful restart aware;"] : []),
    ...channelLines(session, name),
    "}",
  ]);

/** Routers find each other on a link without addresses by their router advertisements. */
const advertisementLines = ({ sessions }: Router): readonly string[] => {
  const links = new Set(
    sessions.flatMap(({ neighbours }) => (neighbours.type === "links" ? linkNames(neighbours.nodes) : [])),
  );
  if (links.size === 0) return [];
  return [
    "protocol radv 'steelyard-links' {",
    ...[...links].map((link) => `  interface "${link}" { max ra interval 10; default lifetime 0; };`),
    "}",
  ];
};

/** The sessions of a router as a file that BIRD includes. */
export const renderBird = (router: Router): string => {
  const names = namesOf(router.sessions);
  const each = (render: (session: Session, name: string) => readonly string[]): readonly string[] =>
    router.sessions.flatMap((session) => render(session, names.get(session) ?? ""));
  const paths = pathsOf(router, MOST_PATHS);
  return [
    `# BIRD 2 ${commentOf(router.name)}, AS ${router.asn}: sessions with the nodes that steelyard runs on.`,
    '# Save it as /etc/bird/steelyard.conf, add `include "/etc/bird/steelyard.conf";` to /etc/bird/bird.conf, and run',
    "# `birdc configure`. Several next hops are used where the kernel protocols of bird.conf say so:",
    `#   protocol kernel { ipv4 { export all; }; merge paths on limit ${paths}; }`,
    ...(router.sessions.some(({ bfd }) => bfd !== undefined)
      ? ["# BFD needs `protocol bfd { }` in bird.conf, once."]
      : []),
    "# So that connections spread over the nodes, and not only addresses:",
    "#   sysctl -w net.ipv4.fib_multipath_hash_policy=1 net.ipv6.fib_multipath_hash_policy=1",
    "# Linux hashes anew when a node comes or goes: some open connections move to other nodes then.",
    ...each(({ notes, peer }) => notes.map((note) => `# BGPPeer ${commentOf(peer)}: ${commentOf(note)}`)),
    ...(router.sessions.some((session) => kindOf(session) === "internal")
      ? ["# Merged paths of an internal session need equal local preferences and next hops that are reached."]
      : []),
    ...advertisementLines(router),
    ...each(filterLines),
    ...each(protocolLines),
    "",
  ].join("\n");
};
