/** MikroTik RouterOS 7. */
import { addressBits, formatInterfaceAddress } from "#base/prefix";
import { familiesOf, kindOf, type Router, type Session } from "./model.ts";
import { commentOf, namesOf, passwordOf, wordOf } from "./names.ts";

const filterLines = ({ accepted }: Session, name: string): readonly string[] => [
  "/routing/filter/rule",
  ...accepted.map(
    ({ network, length }) =>
      `add chain=${name}-in rule="if (dst in ${formatInterfaceAddress(network)} && dst-len == ${length}) { accept }"`,
  ),
  `add chain=${name}-in rule="reject"`,
  `add chain=${name}-out rule="reject"`,
];

/** Networks that the nodes of a session are in, with a name for each and whether they call. */
const remotesOf = ({ neighbours }: Session, name: string) => {
  switch (neighbours.type) {
    case "nodes":
      return neighbours.nodes.map(({ name: node, address }) => ({
        name: `${name}-${wordOf(node)}`,
        remote: `${address}`,
        network: `${address}/${addressBits(address)}`,
        listen: "",
      }));
    case "ranges":
      return neighbours.ranges.map((range, index) => ({
        name: index === 0 ? name : `${name}-${index + 1}`,
        remote: formatInterfaceAddress(range),
        network: formatInterfaceAddress(range),
        listen: " listen=yes",
      }));
    default:
      return [];
  }
};

const connectionLines = (session: Session, name: string): readonly string[] => {
  const remotes = remotesOf(session, name);
  if (remotes.length === 0) {
    return [
      `# BGPPeer ${commentOf(session.peer)} has no address but an interface. Sessions over links without addresses are not`,
      "# written for RouterOS: give the router an address, and name it in peerAddress.",
    ];
  }
  const afi = session.families.map((family) => (family === "IPv4" ? "ip" : "ipv6")).join(",");
  const role = kindOf(session) === "internal" ? "ibgp" : "ebgp";
  const { timers, bfd } = session;
  const settings = [
    `remote.as=${session.nodeAsn} local.role=${role} afi=${afi}`,
    `input.filter=${name}-in output.filter-chain=${name}-out`,
    ...(timers === undefined
      ? []
      : [
          timers.hold === 0
            ? "hold-time=infinity"
            : `hold-time=${timers.hold}s keepalive-time=${timers.keepalive}s`,
        ]),
    ...(session.distance === "several-hops"
      ? [`multihop=yes local.address=${session.routerAddress ?? ""}`]
      : []),
    ...(session.distance === "neighbours-only" ? ["local.ttl=255 remote.ttl=255"] : []),
    ...(bfd === undefined ? [] : ["use-bfd=yes"]),
    ...(session.authentication === "none" ? [] : [`tcp-md5-key="${passwordOf(session)}"`]),
  ].join(" ");
  return [
    "/routing/bgp/connection",
    ...remotes.map(
      (remote) =>
        `add name=${remote.name} instance=steelyard remote.address=${remote.remote}${remote.listen} ${settings}`,
    ),
    ...(bfd === undefined
      ? []
      : [
          "/routing/bfd/configuration",
          ...remotes.map(
            ({ network }) =>
              `add addresses=${network} min-rx=${bfd.receive}ms min-tx=${bfd.transmit}ms multiplier=${bfd.multiplier}`,
          ),
        ]),
  ];
};

/** The sessions of a router as commands of RouterOS. */
export const renderMikrotik = (router: Router): string => {
  const names = namesOf(router.sessions);
  const each = (render: (session: Session, name: string) => readonly string[]): readonly string[] =>
    router.sessions.flatMap((session) => render(session, names.get(session) ?? ""));
  const families = familiesOf(router);
  return [
    `# MikroTik ${commentOf(router.name)}, AS ${router.asn}: sessions with the nodes that steelyard runs on.`,
    "# Paste it into a terminal of RouterOS 7.20 or later. Before 7.20 there is no instance: add a template",
    `# (\`/routing/bgp/template add name=steelyard as=${router.asn}\`) instead, and write templates=steelyard for instance=steelyard and`,
    "# address-families= for afi= below.",
    "# RouterOS documents no BGP multipath: expect one node to get the traffic of an address, and another one when it goes.",
    "# Where it does install several next hops, connections spread with:",
    ...(families.includes("IPv4") ? ["#   /ip/settings/set ipv4-multipath-hash-policy=l4"] : []),
    ...(families.includes("IPv6") ? ["#   /ipv6/settings/set multipath-hash-policy=l4"] : []),
    ...(router.sessions.some(({ gracefulRestart }) => gracefulRestart)
      ? [
          "# The resources ask for graceful restart, for which RouterOS has no setting here: routes may be gone while a speaker restarts.",
        ]
      : []),
    ...(router.sessions.some(({ bfd, distance }) => bfd !== undefined && distance === "several-hops")
      ? ["# BFD over several hops: RouterOS chooses it by itself where multihop=yes."]
      : []),
    ...each(({ notes, peer }) => notes.map((note) => `# BGPPeer ${commentOf(peer)}: ${commentOf(note)}`)),
    `/routing/bgp/instance add name=steelyard as=${router.asn}`,
    ...each(filterLines),
    ...each(connectionLines),
    "",
  ].join("\n");
};
