/** The BGP sessions of a speaker's node, and what is the matter with them, as tables. */
import type { BgpStatus } from "#api/speaker";
import { LEFT_OUT_TEXTS } from "#core/bgp/rib-out/left-out";
import { ago, printable, table } from "./table.ts";

type Peer = BgpStatus["peers"][number];

const placeOf = ({ address, link }: Peer): string =>
  [address ?? "not found yet", ...(link === undefined ? [] : [`on ${link}`])].join(" ");

const failureOf = ({ obstacle, failure, state }: Peer, now: number): string => {
  if (obstacle !== undefined) return obstacle;
  if (failure === undefined) return "";
  // Of one that is up it is history.
  return state === "established" ? `${ago(now - failure.at)} ago: ${failure.text}` : failure.text;
};

const peerRow = (peer: Peer, now: number): readonly string[] => [
  printable(peer.name),
  printable(placeOf(peer)),
  peer.session === undefined ? "-" : `${peer.session.asn}`,
  peer.state,
  ago(now - peer.since),
  peer.state === "established" ? `${peer.announced} of ${peer.wanted}` : `0 of ${peer.wanted}`,
  peer.bfd ?? "-",
  printable(failureOf(peer, now)),
];

/** What wants attention, without marks. */
export const bgpRemarks = ({
  peers,
  refusedPeers,
  refused,
  damped,
  troubles,
}: BgpStatus): readonly string[] => [
  ...refused.map((problem) => `BGP, refused, what was in force stays: ${problem}`),
  ...refusedPeers.map(({ peer, text }) => `BGPPeer ${peer} has no session here, since it ${text}`),
  ...troubles.map((text) => `BGP: ${text}`),
  ...damped.map((prefix) => `${prefix} came and went too often, and no router is told of it for a while`),
  ...peers.flatMap(({ name, leftOut }) =>
    leftOut.map(
      ({ reason, family, count }) =>
        `peer ${name} is not told of ${count} ${family} routes, which ${LEFT_OUT_TEXTS[reason]}`,
    ),
  ),
];

/** A line for each peer; nothing where there is none. */
export const bgpTable = ({ peers }: BgpStatus, now: number): readonly string[] =>
  peers.length === 0
    ? []
    : table(
        ["PEER", "ADDRESS", "AS", "STATE", "SINCE", "ROUTES", "BFD", "LAST FAILURE"],
        peers.map((peer) => peerRow(peer, now)),
      );

const counts = (texts: Readonly<Record<string, number>>): string =>
  Object.entries(texts)
    .map(([kind, count]) => `${count} ${kind}`)
    .join(", ");

const sessionLines = ({ session, sent, received, ignoredRoutes, ups }: Peer): readonly string[] => [
  ...(session === undefined
    ? []
    : [
        `  agreed: identifier ${session.routerId}, ${session.families.join(" and ")}, hold time ${session.holdTime}s, keepalive ${session.keepaliveTime}s, ${
          session.keepsRoutes === undefined
            ? "no graceful restart"
            : `keeps routes for ${session.keepsRoutes}s without a session`
        }`,
      ]),
  `  sent: ${counts(sent) || "nothing"}; received: ${counts(received) || "nothing"}; up ${ups} time${ups === 1 ? "" : "s"}`,
  ...(ignoredRoutes > 0 ? [`  it has told us of ${ignoredRoutes} routes, which are not used`] : []),
];

/** Everything there is to say of BGP. */
export const bgpStatusLines = (status: BgpStatus, now: number): string[] => {
  const { engine, peers, routes, routerId } = status;
  const identifier =
    routerId === undefined
      ? []
      : [
          routerId.from === "name"
            ? `router identifier ${routerId.id}, made from the name of the node, which has no IPv4 address`
            : `router identifier ${routerId.id}`,
        ];
  return [
    [
      routes === undefined ? "routes not known yet" : `${routes} route${routes === 1 ? "" : "s"}`,
      `${peers.length} BGP peer${peers.length === 1 ? "" : "s"}`,
      ...identifier,
      ...(engine === "frr" ? ["announced by the FRR of this machine"] : []),
    ].join(", "),
    ...bgpRemarks(status).map((text) => printable(`! ${text}`)),
    "",
    ...bgpTable(status, now),
    ...peers.flatMap((peer) => ["", printable(peer.name), ...sessionLines(peer).map(printable)]),
  ];
};
