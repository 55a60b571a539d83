/** A speaker's metrics, and those of MetalLB's speaker that mean the same. */
import type { IpAddress } from "#base/address";
import { toMillis, type WallTime } from "#base/time";
import { VERSION } from "#base/version";
import type { ObjectKey } from "#core/kubernetes/meta";
import { renderMetrics, type Sample } from "#core/metrics/exposition";
import {
  METALLB_SPEAKER_METRICS,
  type MetallbSpeakerMetric,
  SPEAKER_METRICS,
  type SpeakerMetric,
} from "#core/speaker-metrics/names";
import { counted, familiesOf, sample, type Values } from "#runtime/cluster/metric-families";
import { announcedByBgp, type BgpAnnouncement, bgpValues, metallbBgpValues } from "./bgp/metrics.ts";
import type { Heard } from "./heard.ts";

/** Everything that metrics are made of. */
export type Facts = {
  readonly heard: Heard;
  readonly node: string;
  readonly startedAt: WallTime;
  /** `undefined` until the wire has been told everything. */
  readonly placements: ReadonlyMap<"some" | "none", number> | undefined;
  /** Machines that are none of ours and answer for addresses. */
  readonly conflicts: number;
  /** Services that are announced at an address. */
  readonly servicesAt: (address: IpAddress) => readonly ObjectKey[];
  /** Addresses of Services that this node is to tell routers of. */
  readonly bgpAnnounced: Iterable<BgpAnnouncement>;
  readonly isConfigured: boolean;
  readonly waitingWrites: number;
  /** Requests to the API server: their labels and how many there were. */
  readonly requests: readonly Sample[];
};

/** How many there are of each word, those of which there is none included. */
const tally = (words: readonly string[], found: Iterable<string>, label: string): readonly Sample[] => {
  const counts = new Map(words.map((word) => [word, 0]));
  for (const word of found) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counted(counts, label);
};

const stateValues = ({ heard: { view, verdicts, counts, bgp }, conflicts }: Facts) => {
  const { words } = SPEAKER_METRICS.steelyard_addresses;
  const addresses = [...view.addresses.values()];
  const outages = addresses.flatMap(({ outage }) => (outage === undefined ? [] : [toMillis(outage) / 1_000]));
  return {
    steelyard_addresses: tally(
      words.state,
      addresses.map(({ state }) => state),
      "state",
    ),
    steelyard_address_transitions_total: counted(view.transitions, "cause"),
    steelyard_address_outage_seconds: outages.length === 0 ? undefined : Math.max(...outages),
    steelyard_address_conflicts: conflicts,
    steelyard_addresses_flapping: view.flapping.size,
    steelyard_addresses_probed: tally(
      SPEAKER_METRICS.steelyard_addresses_probed.words.verdict,
      [...verdicts.values()].map(({ type }) => type),
      "verdict",
    ),
    ...bgpValues(view, bgp),
    steelyard_links_down: view.linksDown.size,
    steelyard_packet_problems_total: counted(new Map(Object.entries(counts)), "reason"),
  };
};

const ownValues = (facts: Facts): Readonly<Record<SpeakerMetric, Values>> => {
  const { view } = facts.heard;
  const { steelyard_members: members, steelyard_company: company } = SPEAKER_METRICS;
  const standings = [...view.members.values()].map(({ standing }) => standing);
  return {
    ...stateValues(facts),
    steelyard_info: [sample(1, { version: VERSION, role: "speaker" })],
    steelyard_cluster_read: Number(view.isSynced),
    steelyard_process_start_time_seconds: [
      sample(facts.heard.wire.startedAt / 1_000, { part: "wire" }),
      sample(facts.startedAt / 1_000, { part: "agent" }),
    ],
    steelyard_placements:
      facts.placements === undefined ? undefined : counted(facts.placements, "candidates"),
    steelyard_members: tally(members.words.standing, standings, "standing"),
    steelyard_member_deaths_total: counted(view.deaths, "cause"),
    steelyard_company: company.words.company.map((word) =>
      sample(Number(view.company === word), { company: word }),
    ),
    steelyard_patience_seconds: (view.patience ?? 0) / 1_000_000,
    steelyard_write_queue: facts.waitingWrites,
    steelyard_write_failures_total: counted(view.failedWrites, "reason"),
    steelyard_api_requests_total: facts.requests,
    steelyard_api_trouble: [...view.trouble.keys()].map((resource) => sample(1, { resource })),
    steelyard_config_loaded: Number(facts.isConfigured),
    steelyard_config_stale: Number(view.refused.length > 0),
  };
};

const metallbValues = ({
  heard: { view, voices, bgp },
  node,
  servicesAt,
  bgpAnnounced,
}: Facts): Readonly<Record<MetallbSpeakerMetric, Values>> => {
  const held = [...voices.keys()].filter((address) => {
    const state = view.addresses.get(address)?.state;
    return state === "holding" || state === "yielding";
  });
  return {
    metallb_speaker_announced: [
      ...held.flatMap((ip) =>
        servicesAt(ip).map((service) => sample(1, { service, protocol: "layer2", node, ip })),
      ),
      ...announcedByBgp(bgpAnnounced, node),
    ],
    ...metallbBgpValues(bgp),
  };
};

/** The text of `/metrics`. */
export const speakerMetrics = (facts: Facts): string =>
  renderMetrics([
    ...familiesOf(ownValues(facts), SPEAKER_METRICS),
    ...familiesOf(metallbValues(facts), METALLB_SPEAKER_METRICS),
  ]);
