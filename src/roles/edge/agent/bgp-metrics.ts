/** BGP in the metrics of an edge, by the names that a speaker has for the same. */
import type { PeerStatus, RouteStatus, Status } from "#api/status";
import type { MetricFamily, Sample } from "#core/metrics/exposition";
import type { Counters } from "#core/observation/view";
import { SPEAKER_METRICS } from "#core/speaker-metrics/names";

type Name = Extract<keyof typeof SPEAKER_METRICS, `steelyard_bgp_${string}`>;

/** With the words of the speaker's page. */
const family = (name: Name, samples: readonly Sample[]): MetricFamily => {
  const { type, help } = SPEAKER_METRICS[name];
  return { name, type, help, samples };
};

const byPeer = (peers: readonly PeerStatus[], measure: (peer: PeerStatus) => number): readonly Sample[] =>
  peers.map((peer) => ({ labels: { peer: peer.name }, value: measure(peer) }));

const messages = (peers: readonly PeerStatus[]): readonly Sample[] =>
  peers.flatMap(({ name: peer, sent, received }) =>
    Object.entries({ sent, received }).flatMap(([direction, counts]) =>
      Object.entries(counts).map(([kind, value]) => ({ labels: { peer, direction, kind }, value })),
    ),
  );

/** Sessions that went down, by cause. */
const downs = (counters: Readonly<Counters>): readonly Sample[] =>
  Object.entries(counters).flatMap(([key, value]) => {
    const [type, to, cause = ""] = key.split(" ");
    return type === "bgp-session" && to === "down" ? [{ labels: { cause }, value }] : [];
  });

const STATES: readonly RouteStatus["state"][] = ["announced", "last-resort", "withheld", "damped"];

/** The families that are about BGP; without samples where there is none. */
export const bgpFamilies = (
  { bgp }: Pick<Status, "bgp">,
  counters: Readonly<Counters>,
): readonly MetricFamily[] => {
  const { peers, routes, troubles } = bgp ?? { peers: [], routes: [], troubles: [] };
  return [
    family(
      "steelyard_bgp_session_up",
      byPeer(peers, ({ state }) => Number(state === "established")),
    ),
    family(
      "steelyard_bgp_session_change_time_seconds",
      byPeer(peers, ({ since }) => since / 1_000),
    ),
    family(
      "steelyard_bgp_session_ups_total",
      byPeer(peers, ({ ups }) => ups),
    ),
    family("steelyard_bgp_session_downs_total", downs(counters)),
    family(
      "steelyard_bgp_wanted_prefixes",
      byPeer(peers, ({ wanted }) => wanted),
    ),
    family(
      "steelyard_bgp_announced_prefixes",
      byPeer(peers, ({ announced }) => announced),
    ),
    family(
      "steelyard_bgp_pending_prefixes",
      byPeer(peers, ({ pending }) => pending),
    ),
    family(
      "steelyard_bgp_left_out_prefixes",
      peers.flatMap(({ name: peer, leftOut }) =>
        leftOut.map(({ reason, family: of, count }) => ({
          labels: { peer, reason, family: of },
          value: count,
        })),
      ),
    ),
    family("steelyard_bgp_messages_total", messages(peers)),
    family(
      "steelyard_bgp_trouble",
      troubles.map((text) => ({ labels: { subject: text.split(": ", 1)[0] ?? "" }, value: 1 })),
    ),
    {
      ...{ name: "steelyard_bgp_routes", type: "gauge" },
      help: "Prefixes of virtual servers, by what routers are told of them.",
      samples: STATES.map((state) => ({
        labels: { state },
        value: routes.filter((route) => route.state === state).length,
      })),
    },
  ];
};
