/** Everything that Prometheus may ask an edge, made from the status and the event counters. */
import type { Status } from "#api/status";
import { type MetricFamily, renderMetrics, type Sample } from "#core/metrics/exposition";
import type { Counters } from "#core/observation/view";
import { bgpFamilies } from "./bgp-metrics.ts";
import { type Knowledge, statusOf } from "./status.ts";

const gauge = (name: string, help: string, samples: readonly Sample[]): MetricFamily => ({
  name,
  help,
  type: "gauge",
  samples,
});
const counter = (name: string, help: string, samples: readonly Sample[]): MetricFamily => ({
  name,
  help,
  type: "counter",
  samples,
});

/** The counters of one event type; `labels` names the words after the type in their keys. */
const counted = (counters: Readonly<Counters>, type: string, labels: readonly string[]): Sample[] =>
  Object.entries(counters)
    .map(([key, value]) => ({ words: key.split(" "), value }))
    .filter(({ words }) => words[0] === type)
    .map(({ words, value }) => ({
      labels: Object.fromEntries(labels.map((label, index) => [label, words[index + 1] ?? ""])),
      value,
    }));

const withLabel = ({ labels, value }: Sample, name: string, text: string): Sample => ({
  labels: { ...labels, [name]: text },
  value,
});

const STATES = ["initialize", "backup", "active", "fault"] as const;

const routerFamilies = (status: Status, counters: Counters): MetricFamily[] => [
  gauge(
    "steelyard_router_state",
    "1 for the state that the virtual router is in, 0 for the others.",
    status.routers.flatMap((router) =>
      STATES.map((state) => ({
        labels: { router: router.name, state },
        value: router.state === state ? 1 : 0,
      })),
    ),
  ),
  gauge(
    "steelyard_router_priority",
    "Priority in force, after tracking; 0 while the router may not take part.",
    status.routers.map(({ name, effectivePriority }) => ({
      labels: { router: name },
      value: effectivePriority === "fault" ? 0 : effectivePriority,
    })),
  ),
  gauge(
    "steelyard_router_conflicts",
    "Conflicts with other routers that go on now.",
    status.routers.map(({ name, conflicts }) => ({ labels: { router: name }, value: conflicts.length })),
  ),
  gauge(
    "steelyard_address_held",
    "1 if this machine holds the virtual address.",
    status.routers.flatMap(({ name, addresses }) =>
      addresses.map(({ address, held }) => ({ labels: { router: name, address }, value: held ? 1 : 0 })),
    ),
  ),
  counter(
    "steelyard_router_transitions_total",
    "Changes of state by their reason.",
    counted(counters, "router-state", ["router", "to", "reason"]),
  ),
  counter(
    "steelyard_address_changes_total",
    "Virtual addresses added, removed, put back after a foreign change, or failed.",
    counted(counters, "address", ["router", "change"]),
  ),
  counter(
    "steelyard_duplicate_addresses_total",
    "How often another machine was found to claim a virtual address held here.",
    counted(counters, "duplicate-address", ["router"]),
  ),
];

const packetFamilies = (counts: Readonly<Counters>): MetricFamily[] => [
  counter(
    "steelyard_vrrp_dropped_total",
    "Advertisements without effect, by reason.",
    counted(counts, "vrrp-dropped", ["router", "reason"]),
  ),
  counter(
    "steelyard_vrrp_unsent_total",
    "Advertisements that the kernel did not send, by errno.",
    counted(counts, "vrrp-unsent", ["router", "errno"]),
  ),
  counter(
    "steelyard_announcements_unsent_total",
    "Gratuitous ARP and unsolicited neighbour advertisements that the kernel did not send, by errno.",
    counted(counts, "announcement-unsent", ["router", "errno"]),
  ),
  counter(
    "steelyard_socket_errors_total",
    "Errors of the sockets that hear advertisements and neighbours, by errno.",
    [
      ...counted(counts, "vrrp-socket", ["router", "errno"]).map((sample) =>
        withLabel(sample, "socket", "vrrp"),
      ),
      ...counted(counts, "neighbour-socket", ["router", "errno"]).map((sample) =>
        withLabel(sample, "socket", "neighbour"),
      ),
    ],
  ),
];

const serverFamilies = (status: Status, counters: Counters, counts: Readonly<Counters>): MetricFamily[] => [
  gauge(
    "steelyard_backend_available",
    "1 if the backend is healthy or not checked.",
    status.servers.flatMap((server) =>
      server.backends.map(({ name, health }) => ({
        labels: { server: server.name, backend: name },
        value: health === "healthy" || health === "unchecked" ? 1 : 0,
      })),
    ),
  ),
  counter(
    "steelyard_health_transitions_total",
    "Changes of backends' health.",
    counted(counters, "backend-health", ["server", "to"]),
  ),
  gauge(
    "steelyard_check_healthy",
    "1 if the tracked check is healthy.",
    status.checks.map(({ name, health }) => ({
      labels: { check: name },
      value: health === "healthy" ? 1 : 0,
    })),
  ),
  counter(
    "steelyard_check_transitions_total",
    "Changes of tracked checks' health.",
    counted(counters, "check-health", ["check", "to"]),
  ),
  counter(
    "steelyard_kept_out_total",
    "Packets that limits of sources have kept out.",
    counted(counts, "kept-out", ["server", "limit"]),
  ),
  counter(
    "steelyard_flows_ended_total",
    "How often tracked flows of backends that can take nothing were ended.",
    counted(counters, "flows-ended", ["server"]),
  ),
  gauge("steelyard_forwarding_applied", "1 if the kernel forwards as wanted.", [
    { labels: {}, value: status.forwarding.state === "applied" ? 1 : 0 },
  ]),
  counter(
    "steelyard_forwarding_changes_total",
    "Changes made to the kernel's forwarding, by how.",
    counted(counters, "forwarding-applied", ["how"]),
  ),
  counter(
    "steelyard_forwarding_failures_total",
    "Changes that the kernel refused.",
    counted(counters, "forwarding-failed", []),
  ),
];

/** What carries virtual servers has counted. */
const engineFamilies = (counts: Readonly<Counters>): MetricFamily[] => [
  counter(
    "steelyard_nftables_connections_total",
    "Connections that nftables gave to backends in masquerade and nat since the edge started.",
    counted(counts, "nftables-connections", ["server"]),
  ),
  counter(
    "steelyard_nftables_packets_total",
    "Packets that nftables sent to the backend in dsr since the edge started, as the kernel joined them on reception. Where hundreds of backends change at once, those of the last seconds before are missing.",
    counted(counts, "nftables-packets", ["server", "backend"]),
  ),
  counter(
    "steelyard_nftables_bytes_total",
    "Bytes of these packets, without Ethernet headers.",
    counted(counts, "nftables-bytes", ["server", "backend"]),
  ),
  counter(
    "steelyard_xdp_packets_total",
    "Packets that the XDP program sent to the backend.",
    counted(counts, "xdp-packets", ["server", "backend"]),
  ),
  counter(
    "steelyard_xdp_bytes_total",
    "Bytes of Ethernet frames that the XDP program sent to the backend.",
    counted(counts, "xdp-bytes", ["server", "backend"]),
  ),
  counter(
    "steelyard_xdp_passed_total",
    "Packets for servers of the XDP program that it left to nftables, by reason.",
    counted(counts, "xdp-passed", ["reason"]),
  ),
];

const programFamilies = (status: Status, counters: Counters): MetricFamily[] => [
  gauge("steelyard_info", "Always 1; the labels say what runs.", [
    { labels: { version: status.version, role: status.role }, value: 1 },
  ]),
  gauge("steelyard_config_generation", "Accepted configurations that changed something, since the start.", [
    { labels: {}, value: status.config.generation },
  ]),
  gauge("steelyard_config_stale", "1 while the files hold something that is refused.", [
    { labels: {}, value: status.config.refused === undefined ? 0 : 1 },
  ]),
  counter(
    "steelyard_config_refusals_total",
    "Configurations that were refused.",
    counted(counters, "config-refused", []),
  ),
  counter(
    "steelyard_sysctl_changes_total",
    "Kernel settings set, restored, or failed.",
    counted(counters, "sysctl", ["change"]),
  ),
  counter(
    "steelyard_process_changes_total",
    "Starts and ends of the program's parts.",
    counted(counters, "process", ["part", "change"]),
  ),
];

/** Every family, with the samples that there are now. */
export const metricFamilies = (known: Knowledge): readonly MetricFamily[] => {
  const status = statusOf(known, known.view.config.since);
  const { counters } = known.view;
  return [
    ...routerFamilies(status, counters),
    ...packetFamilies(known.counts),
    ...serverFamilies(status, counters, known.counts),
    ...engineFamilies(known.counts),
    ...bgpFamilies(status, counters),
    ...programFamilies(status, counters),
  ];
};

/** The metrics page. */
export const metricsText = (known: Knowledge): string => renderMetrics(metricFamilies(known));
