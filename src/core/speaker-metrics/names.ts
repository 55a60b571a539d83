/** The metrics of `steelyard speaker`. */
import type { MetricDefinition } from "#core/allocation-metrics/names";

/** By name. Each speaker tells what is so on its own node. */
export const SPEAKER_METRICS = {
  steelyard_info: {
    type: "gauge",
    labels: ["version", "role"],
    help: "Always 1; the labels say what runs.",
  },
  steelyard_process_start_time_seconds: {
    type: "gauge",
    labels: ["part"],
    words: { part: ["wire", "agent"] },
    help: "When the process was started, in seconds since 1970: the wire answers for addresses, its agent has Kubernetes.",
  },
  steelyard_cluster_read: {
    type: "gauge",
    labels: [],
    help: "1 once the cluster has been read since the start; 0 while the speaker goes on from what is on disk.",
  },
  steelyard_addresses: {
    type: "gauge",
    labels: ["state"],
    words: { state: ["standby", "claiming", "holding", "yielding"] },
    help: "Addresses that this node has had to do with, by where they are with it.",
  },
  steelyard_address_transitions_total: {
    type: "counter",
    labels: ["cause"],
    help: "How often an address changed its state on this node, by cause.",
  },
  steelyard_address_outage_seconds: {
    type: "gauge",
    labels: [],
    help: "Of the addresses that this node took from one that fell silent, the longest time from its last sign of life.",
  },
  steelyard_placements: {
    type: "gauge",
    labels: ["candidates"],
    words: { candidates: ["some", "none"] },
    help: "Addresses that are announced in the whole cluster, by whether any node may answer. Absent until the agent has read the cluster.",
  },
  steelyard_members: {
    type: "gauge",
    labels: ["standing"],
    words: { standing: ["alive", "leaving", "dead"] },
    help: "Other nodes with a speaker, by how this one sees them.",
  },
  steelyard_member_deaths_total: {
    type: "counter",
    labels: ["cause"],
    words: { cause: ["silent", "vacated", "never-heard", "not-ready", "not-a-member"] },
    help: "How often another node was found dead, by cause.",
  },
  steelyard_company: {
    type: "gauge",
    labels: ["company"],
    words: { company: ["accompanied", "doubtful", "alone", "isolated"] },
    help: "1 for whom this node hears: peers, nobody yet known, its gateway only, nobody; 0 for the others.",
  },
  steelyard_patience_seconds: {
    type: "gauge",
    labels: [],
    help: "After what silence others take over from this node, while that is longer than usual because it stands still again and again; 0 otherwise.",
  },
  steelyard_address_conflicts: {
    type: "gauge",
    labels: [],
    help: "Addresses for which a machine that is not ours was heard to answer.",
  },
  steelyard_addresses_flapping: {
    type: "gauge",
    labels: [],
    help: "Addresses that move too often, and are not taken back for a while.",
  },
  steelyard_addresses_probed: {
    type: "gauge",
    labels: ["verdict"],
    words: { verdict: ["unknown", "reachable", "unreachable"] },
    help: "Addresses that this node asks for because another one holds them, by what came of it.",
  },
  steelyard_bgp_session_up: {
    type: "gauge",
    labels: ["peer"],
    help: "1 for each BGP peer of this node with which a session is established, 0 for the others.",
  },
  steelyard_bgp_session_change_time_seconds: {
    type: "gauge",
    labels: ["peer"],
    help: "Since when the session is established, or is not, in seconds since 1970.",
  },
  steelyard_bgp_session_ups_total: {
    type: "counter",
    labels: ["peer"],
    help: "How often the session with a BGP peer was established.",
  },
  steelyard_bgp_session_downs_total: {
    type: "counter",
    labels: ["cause"],
    help: "How often an established session with a BGP peer ended, by cause.",
  },
  steelyard_bgp_peer_refused: {
    type: "gauge",
    labels: ["peer", "reason"],
    help: "1 for each BGPPeer that means this node and has no session, since it cannot be as it is asked for.",
  },
  steelyard_bgp_wanted_prefixes: {
    type: "gauge",
    labels: ["peer"],
    help: "Routes that a BGP peer is to know.",
  },
  steelyard_bgp_announced_prefixes: {
    type: "gauge",
    labels: ["peer"],
    help: "Routes that a BGP peer was told of.",
  },
  steelyard_bgp_pending_prefixes: {
    type: "gauge",
    labels: ["peer"],
    help: "Routes of which news wait to be sent to a BGP peer.",
  },
  steelyard_bgp_left_out_prefixes: {
    type: "gauge",
    labels: ["peer", "reason", "family"],
    words: { reason: ["family-not-spoken", "no-next-hop", "over-limit"], family: ["IPv4", "IPv6"] },
    help: "Routes that a BGP peer is not told of, by why.",
  },
  steelyard_bgp_messages_total: {
    type: "counter",
    labels: ["peer", "direction", "kind"],
    words: { direction: ["sent", "received"] },
    help: "BGP messages since the start of the process, by kind.",
  },
  steelyard_bgp_trouble: {
    type: "gauge",
    labels: ["subject"],
    help: "1 while something of BGP fails on this machine, such as a port to listen on.",
  },
  steelyard_bgp_config_stale: {
    type: "gauge",
    labels: [],
    help: "1 while BGPPeers, BGPAdvertisements and what belongs to them hold something that is refused, and the last valid ones stay in force.",
  },
  steelyard_links_down: {
    type: "gauge",
    labels: [],
    help: "Interfaces with addresses that are down.",
  },
  steelyard_packet_problems_total: {
    type: "counter",
    labels: ["reason"],
    help: "Packets that were dropped or could not be sent, by reason.",
  },
  steelyard_write_queue: {
    type: "gauge",
    labels: [],
    help: "Writes to the API server that are still to be done.",
  },
  steelyard_write_failures_total: {
    type: "counter",
    labels: ["reason"],
    help: "Writes that the API server did not take, by reason.",
  },
  steelyard_api_requests_total: {
    type: "counter",
    labels: ["verb", "resource", "code"],
    help: "Requests to the API server; the code is 0 where no answer came.",
  },
  steelyard_api_trouble: {
    type: "gauge",
    labels: ["resource"],
    help: "1 while the resource cannot be read from the API server.",
  },
  steelyard_config_loaded: {
    type: "gauge",
    labels: [],
    help: "1 once there has been a valid configuration of pools and L2Advertisements since the agent's start.",
  },
  steelyard_config_stale: {
    type: "gauge",
    labels: [],
    help: "1 while the resources hold something that is refused, and the last valid ones stay in force.",
  },
} as const satisfies Readonly<Record<string, MetricDefinition>>;

/** The name of a metric of the speaker. */
export type SpeakerMetric = keyof typeof SPEAKER_METRICS;

/** What MetalLB's speaker tells, by its names, as far as we measure the same. */
export const METALLB_SPEAKER_METRICS = {
  metallb_speaker_announced: {
    type: "gauge",
    labels: ["service", "protocol", "node", "ip"],
    words: { protocol: ["layer2", "bgp"] },
    help: "Always 1, for each address of a Service that this node answers for or tells routers of.",
  },
  metallb_bgp_session_up: {
    type: "gauge",
    labels: ["peer"],
    help: "1 for each BGP peer, by its address, with which a session is established, 0 for the others.",
  },
  metallb_bgp_updates_total: {
    type: "counter",
    labels: ["peer"],
    help: "UPDATE messages sent to a BGP peer.",
  },
  metallb_bgp_announced_prefixes_total: {
    type: "gauge",
    labels: ["peer"],
    help: "Routes that a BGP peer was told of.",
  },
  metallb_bgp_pending_prefixes_total: {
    type: "gauge",
    labels: ["peer"],
    help: "Routes of which news wait to be sent to a BGP peer.",
  },
} as const satisfies Readonly<Record<string, MetricDefinition>>;

/** The name of a metric that MetalLB's speaker has. */
export type MetallbSpeakerMetric = keyof typeof METALLB_SPEAKER_METRICS;
