/**
 * The alert rules: one list for each program, from which the rules for Prometheus and the pages for people are made.
 *
 * Several replicas may tell of the same pools and Services for a while, so values are never added up over replicas. Where a pool
 * fills up, one alert at a time is on. What both programs tell in one name has one alert, here.
 */
import { stringify } from "yaml";
import type { Alert } from "./alert.ts";
import { SPEAKER_ALERTS } from "./speaker-alerts.ts";

const USAGE =
  "100 * max by (namespace, pool, family) (steelyard_pool_addresses_assigned) / max by (namespace, pool, family) (steelyard_pool_addresses)";

/** Below `to`, but for the last step before the pool is empty. */
const filling = (from: number, to: number, severity: Alert["severity"]): Alert => ({
  name: `SteelyardPoolAbove${from}Percent`,
  expression: `(${USAGE} > ${from}) ${to === 100 ? "<" : "<="} ${to}`,
  for: "5m",
  severity,
  summary: `Pool {{ $labels.pool }} has given out {{ printf "%.0f" $value }} % of its {{ $labels.family }} addresses`,
  description:
    "When none is left, new Services stay without an address. Widen the pool, or look for Services that nobody needs.",
});

const POOLS: readonly Alert[] = [
  filling(75, 85, "info"),
  filling(85, 95, "warning"),
  filling(95, 100, "critical"),
  {
    name: "SteelyardPoolExhausted",
    expression: `${USAGE} >= 100`,
    for: "1m",
    severity: "critical",
    summary: "Pool {{ $labels.pool }} has no {{ $labels.family }} address left",
    description:
      "The next Service that needs one from this pool stays without. Widen the pool, or look for Services that nobody needs.",
  },
];

const SERVICES: readonly Alert[] = [
  {
    name: "SteelyardServicesPending",
    expression: 'max by (namespace) (steelyard_services{state="pending"}) > 0',
    for: "10m",
    severity: "warning",
    summary: "{{ $value }} Services of type LoadBalancer have no address",
    description:
      "The condition steelyard.dev/Allocated of each such Service, its events, and `steelyard explain service NAMESPACE/NAME` say which pools were tried and why each refused.",
  },
  {
    name: "SteelyardAddressConflict",
    expression: "max by (namespace) (steelyard_address_conflicts) > 0",
    for: "0m",
    severity: "critical",
    summary: "Another machine answers for {{ $value }} of our addresses",
    description:
      "Clients may reach the wrong machine. `kubectl get addressconflicts` in the namespace of steelyard, the condition steelyard.dev/Announced and the events of the Services name the address and the hardware address of the other machine: take the address from it, or out of the pool.",
  },
  {
    name: "SteelyardAllocationSlow",
    expression:
      "histogram_quantile(0.99, sum by (namespace, le) (rate(steelyard_allocation_seconds_bucket[10m]))) > 1",
    for: "10m",
    severity: "warning",
    summary: 'New Services wait {{ printf "%.1f" $value }} s for their address',
    description:
      "The API server answers slowly or refuses requests for a while (code 429 of steelyard_api_requests_total), or the controller lacks processor time.",
  },
  {
    name: "SteelyardWritesPending",
    expression: "min_over_time(steelyard_write_queue[10m]) > 0",
    for: "5m",
    severity: "warning",
    summary: "{{ $labels.pod }} has had writes to do for ten minutes",
    description:
      "What is decided does not reach the Services. Look at the codes of steelyard_api_requests_total and at the log.",
  },
];

const CONFIGURATION: readonly Alert[] = [
  {
    name: "SteelyardConfigStale",
    expression: "max by (namespace) (steelyard_config_stale) == 1",
    for: "1m",
    severity: "warning",
    summary: "A change of the pools was refused and does not run",
    description:
      "The last valid configuration stays in force. `kubectl get configurationstates -o yaml` in the namespace of steelyard says what is wrong.",
  },
  {
    name: "SteelyardConfigNotLoaded",
    expression: "min by (namespace, pod) (steelyard_config_loaded) == 0",
    for: "5m",
    severity: "warning",
    summary: "{{ $labels.pod }} has had no valid configuration since it started",
    description:
      "A controller gives no address until it has one, a speaker answers for none. `kubectl get configurationstates -o yaml` says what is wrong, if it can read the resources at all.",
  },
  {
    name: "SteelyardWebhookCertificateExpiring",
    expression:
      "min by (namespace) (steelyard_webhook_certificate_expiry_timestamp_seconds) - time() < 7 * 24 * 3600",
    for: "1h",
    severity: "warning",
    summary: "The webhook's certificate ends in less than a week and has not been renewed",
    description:
      "When it has ended, changes of pools are refused by the API server. The leader renews it long before: its log says what keeps it.",
  },
  {
    name: "SteelyardShadowDiffers",
    expression: "max by (namespace) (steelyard_shadow_differences) > 0",
    for: "10m",
    severity: "info",
    summary: "In shadow mode, {{ $value }} Services would be served otherwise than they are",
    description: "The log of steelyard-controller names each one, with both answers and the reason.",
  },
];

const CONTROLLER: readonly Alert[] = [
  {
    name: "SteelyardNoLeader",
    expression: "absent(steelyard_leader == 1) unless on () steelyard_shadow_differences",
    for: "1m",
    severity: "critical",
    summary: "No replica of steelyard-controller leads",
    description:
      "Addresses that are given stay; new Services get none. Either no replica runs, or none can renew its Lease at the API server, or Prometheus does not reach them.",
  },
  {
    name: "SteelyardTwoLeaders",
    expression: "sum by (namespace) (steelyard_leader) > 1",
    for: "1m",
    severity: "critical",
    summary: "{{ $value }} replicas of steelyard-controller believe that they lead",
    description:
      "Two installations use leases of different names, or the clock of a node jumps. Stop all replicas but one until it is understood.",
  },
  {
    name: "SteelyardLeaderChanges",
    expression: "sum by (namespace) (increase(steelyard_lease_transitions_total[1h])) > 6",
    for: "0m",
    severity: "warning",
    summary: "The replicas of steelyard-controller take turns in leading",
    description:
      "The lease is not renewed in time: the API server is slow, or the controller lacks processor time or memory. No address is lost by it.",
  },
  {
    name: "SteelyardApiTrouble",
    expression: "max by (namespace, pod, resource) (steelyard_api_trouble) == 1",
    for: "5m",
    severity: "warning",
    summary: "{{ $labels.pod }} cannot read {{ $labels.resource }} from the API server",
    description:
      "It goes on with what it knew. The log has the reason; code 403 means that a right is missing.",
  },
];

/** The alerts of the controller, and those of both. */
export const ALERTS: readonly Alert[] = [...POOLS, ...SERVICES, ...CONFIGURATION, ...CONTROLLER];

const groupOf = (name: string, alerts: readonly Alert[]) => ({
  name,
  rules: alerts.map((alert) => ({
    alert: alert.name,
    expr: alert.expression,
    for: alert.for,
    labels: { severity: alert.severity },
    annotations: { summary: alert.summary, description: alert.description },
  })),
});

/** The rules as a file for Prometheus (`rule_files`). */
export const alertRules = (): string =>
  stringify(
    { groups: [groupOf("steelyard-controller", ALERTS), groupOf("steelyard-speaker", SPEAKER_ALERTS)] },
    { lineWidth: 0 },
  );
