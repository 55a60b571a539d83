/** The panels about speakers. Each tells of its own node; what all of them tell alike is taken from the one that tells most. */
import { of, type Panel, type Row, rate } from "./panel.ts";

const ADDRESSES: readonly Panel[] = [
  {
    kind: "graph",
    title: "Addresses held, by node",
    description: "For these the node answers, and takes their traffic.",
    queries: [
      {
        expression: `sum by (node) (${of("steelyard_addresses", 'state="holding"')})`,
        legend: "{{node}}",
      },
    ],
    unit: "short",
    stacked: true,
  },
  {
    kind: "graph",
    title: "Addresses, and those that somebody holds",
    description:
      "Held are those that some node should answer for, but for a moment while one moves. No node may answer where no pod is ready, for example.",
    queries: [
      {
        expression: `max(${of("steelyard_placements", 'candidates="some"')})`,
        legend: "some node should answer",
      },
      { expression: `max(${of("steelyard_placements", 'candidates="none"')})`, legend: "no node may answer" },
      { expression: `sum(${of("steelyard_addresses", 'state="holding"')})`, legend: "held" },
    ],
    unit: "short",
  },
  {
    kind: "graph",
    title: "Addresses as another node sees them",
    description:
      "Each is asked for by a node that does not hold it. The condition steelyard.dev/Reachable says more.",
    queries: [
      {
        expression: `sum by (verdict) (${of("steelyard_addresses_probed")})`,
        legend: "{{verdict}}",
      },
    ],
    unit: "short",
    stacked: true,
  },
  {
    kind: "graph",
    title: "Moves",
    description: "A second, by cause. Each move has two, one at either node.",
    queries: [
      {
        expression: `sum by (cause) (${rate("steelyard_address_transitions_total")})`,
        legend: "{{cause}}",
      },
    ],
    unit: "ops",
  },
  {
    kind: "graph",
    title: "Silence before a take-over",
    description:
      "How long the node had not been heard from which addresses were taken that are held now: the longest, by the node that took them.",
    queries: [
      { expression: `max by (node) (${of("steelyard_address_outage_seconds")})`, legend: "{{node}}" },
    ],
    unit: "s",
  },
  {
    kind: "graph",
    title: "Nodes that stand still, and ask others for patience",
    description:
      "After what silence others take over from a node that gets too little processor time, while that is longer than usual.",
    queries: [{ expression: `sum by (node) (${of("steelyard_patience_seconds")}) > 0`, legend: "{{node}}" }],
    unit: "s",
  },
  {
    kind: "graph",
    title: "Addresses that move too often, or that another machine has",
    description: "Neither should ever be.",
    queries: [
      { expression: `max(${of("steelyard_addresses_flapping")})`, legend: "flapping" },
      { expression: `max(${of("steelyard_address_conflicts")})`, legend: "another machine answers" },
    ],
    unit: "short",
  },
];

const NODES: readonly Panel[] = [
  {
    kind: "graph",
    title: "Speakers, as others see them",
    description: "The greatest number that one of them sees. Dead ones should be machines that are off.",
    queries: [{ expression: `max by (standing) (${of("steelyard_members")})`, legend: "{{standing}}" }],
    unit: "short",
  },
  {
    kind: "graph",
    title: "Deaths",
    description: "A second, by cause. Each node that watches the dead one tells of it.",
    queries: [
      { expression: `sum by (cause) (${rate("steelyard_member_deaths_total")})`, legend: "{{cause}}" },
    ],
    unit: "ops",
  },
  {
    kind: "graph",
    title: "Nodes that hear no other",
    description: "alone: the gateway only; isolated: not even that, and they answer for nothing.",
    queries: [
      {
        expression: `sum by (company) (${of("steelyard_company", 'company=~"alone|isolated"')})`,
        legend: "{{company}}",
      },
    ],
    unit: "short",
  },
  {
    kind: "graph",
    title: "Interfaces that are down",
    description: "Of those that have addresses, by node.",
    queries: [{ expression: `max by (node) (${of("steelyard_links_down")})`, legend: "{{node}}" }],
    unit: "short",
  },
  {
    kind: "graph",
    title: "Packets that were dropped, or could not be sent",
    description: "A second, by reason. authentication-digest: two speakers have different secrets.",
    queries: [
      {
        expression: `sum by (reason) (${rate("steelyard_packet_problems_total")})`,
        legend: "{{reason}}",
      },
    ],
    unit: "pps",
  },
  {
    kind: "graph",
    title: "Writes that the API server did not take",
    description: "A second, by reason.",
    queries: [
      {
        expression: `sum by (reason) (${rate("steelyard_write_failures_total")})`,
        legend: "{{reason}}",
      },
    ],
    unit: "ops",
  },
];

const SESSIONS: readonly Panel[] = [
  {
    kind: "graph",
    title: "BGP sessions",
    description:
      "Established ones, by peer: as many as there are nodes that have it. Below 1 on a node: none.",
    queries: [{ expression: `sum by (peer) (${of("steelyard_bgp_session_up")})`, legend: "{{peer}}" }],
    unit: "short",
  },
  {
    kind: "graph",
    title: "Age of BGP sessions",
    description: "Since when the youngest with each peer is up, or is not.",
    queries: [
      {
        expression: `min by (peer) (time() - ${of("steelyard_bgp_session_change_time_seconds")})`,
        legend: "{{peer}}",
      },
    ],
    unit: "s",
  },
  {
    kind: "graph",
    title: "BGP sessions that came up and ended",
    description: "A second. Those that ended by cause.",
    queries: [
      { expression: `sum(${rate("steelyard_bgp_session_ups_total")})`, legend: "up" },
      { expression: `sum by (cause) (${rate("steelyard_bgp_session_downs_total")})`, legend: "{{cause}}" },
    ],
    unit: "ops",
  },
  {
    kind: "graph",
    title: "Routes of BGP peers",
    description:
      "The greatest number of a node, by peer: what it is to know, what it was told of, and what waits to be sent.",
    queries: [
      { expression: `max by (peer) (${of("steelyard_bgp_wanted_prefixes")})`, legend: "{{peer}} is to know" },
      {
        expression: `max by (peer) (${of("steelyard_bgp_announced_prefixes")})`,
        legend: "{{peer}} was told of",
      },
      { expression: `max by (peer) (${of("steelyard_bgp_pending_prefixes")})`, legend: "{{peer}} waits for" },
    ],
    unit: "short",
  },
  {
    kind: "graph",
    title: "BGP messages",
    description: "A second, by kind.",
    queries: [
      {
        expression: `sum by (direction, kind) (${rate("steelyard_bgp_messages_total")})`,
        legend: "{{kind}} {{direction}}",
      },
    ],
    unit: "ops",
  },
];

/** The row of the speakers. */
export const SPEAKERS: Row = { title: "Speakers", panels: [...ADDRESSES, ...NODES, ...SESSIONS] };
