/** What an edge tells routers, and its sessions with them, as tables. */
import type { BgpStatus } from "#api/speaker";
import type { RouteStatus, Status } from "#api/status";
import { bgpRemarks, bgpStatusLines, bgpTable } from "./speaker-bgp-status.ts";
import { printable, table } from "./table.ts";

type EdgeBgp = NonNullable<Status["bgp"]>;

const STATE_TEXTS: Readonly<Record<RouteStatus["state"], string>> = {
  announced: "announced",
  "last-resort": "last resort: every backend has failed its check here",
  withheld: "withheld: nobody behind it takes connections",
  damped: "withheld for a while: it came and went too often",
};

/** The same with the words of a speaker, which reads more than files. */
const asOfSpeaker = ({ peers, routes, troubles }: EdgeBgp): BgpStatus => ({
  engine: "own",
  ...{ routes: routes.length, peers, troubles, refusedPeers: [], refused: [] },
  damped: routes.filter(({ state }) => state === "damped").map(({ prefix }) => prefix),
});

const routeTable = ({ routes }: EdgeBgp): readonly string[] =>
  routes.length === 0
    ? []
    : table(
        ["ROUTE", "SERVERS", "PEERS", "STATE"],
        routes.map(({ prefix, servers, peers, state }) => [
          prefix,
          servers.join(" "),
          printable(peers.join(" ")),
          STATE_TEXTS[state],
        ]),
      );

/** Its part of the whole status; nothing where no router is meant. */
export const edgeBgpLines = ({ bgp, now }: Pick<Status, "bgp" | "now">): readonly string[] => {
  if (bgp === undefined) return [];
  const status = asOfSpeaker(bgp);
  return [
    ...bgpTable(status, now),
    ...bgpRemarks(status).map((text) => printable(`! ${text}`)),
    "",
    ...routeTable(bgp),
    "",
  ];
};

/** All there is to say of it. */
export const edgeBgpPage = ({ bgp, now }: Pick<Status, "bgp" | "now">): string[] =>
  bgp === undefined
    ? ["No router is told of anything: the configuration has no BGPPeer."]
    : [...bgpStatusLines(asOfSpeaker(bgp), now), "", ...routeTable(bgp)];
