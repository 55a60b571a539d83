/** BGP in what an edge says of itself. */
import type { PeerStatus, RouteStatus, Status } from "#api/status";
import type { EdgeRoute } from "#core/edge-routes/route";
import { find, type View } from "#core/observation/view";
import type { BgpPeerFacts } from "#core/speaker/bgp-facts";
import type { Knowledge } from "./status.ts";

const peerStatus = (peer: BgpPeerFacts, view: View): PeerStatus => {
  const obstacle = peer.state === "established" ? undefined : find(view.obstacles, peer.name);
  const limit = find(view.limits, peer.name);
  return {
    ...peer,
    ...(obstacle === undefined ? {} : { obstacle }),
    ...(limit === undefined ? {} : { limit }),
  };
};

const routeStatus = ({ name, servers, route }: EdgeRoute, view: View): RouteStatus => {
  const usual = find(view.damped, name) === true ? "damped" : "announced";
  return {
    ...{ prefix: name, servers, peers: [...new Set(route.targets.flatMap(({ peers }) => peers))].sort() },
    state: find(view.routes, name) ?? usual,
  };
};

/** Nothing where no router is meant. */
export const bgpStatus = ({
  view,
  desired,
  bgp,
}: Pick<Knowledge, "view" | "desired" | "bgp">): Pick<Status, "bgp"> => {
  const troubles = Object.entries(view.troubles).map(([subject, detail]) => `${subject}: ${detail}`);
  if (desired.peers.length + desired.routes.length + troubles.length === 0) return {};
  const names = new Set(desired.peers.map(({ name }) => name));
  return {
    bgp: {
      peers: bgp.filter(({ name }) => names.has(name)).map((peer) => peerStatus(peer, view)),
      routes: desired.routes.map((route) => routeStatus(route, view)),
      troubles: troubles.sort(),
    },
  };
};
