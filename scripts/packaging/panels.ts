/** What the Grafana dashboard shows: titles, questions to Prometheus, units. `dashboard.ts` lays it out. */
import { of, type Query, type Row, rate } from "./panel.ts";
import { SPEAKERS } from "./speaker-panels.ts";

const OVERVIEW: Row = {
  title: "Overview",
  panels: [
    {
      kind: "stat",
      title: "Leader",
      description: "How many replicas lead. One is right; none in shadow mode.",
      queries: [{ expression: `sum(${of("steelyard_leader")})`, legend: "" }],
      steps: [
        { from: 0, color: "red" },
        { from: 1, color: "green" },
        { from: 2, color: "red" },
      ],
    },
    {
      kind: "stat",
      title: "Configuration",
      description: "Refused: a change of the pools does not run, and the last valid ones stay in force.",
      queries: [{ expression: `max(${of("steelyard_config_stale")})`, legend: "" }],
      steps: [
        { from: 0, color: "green" },
        { from: 1, color: "red" },
      ],
      words: { 0: "in force", 1: "refused" },
    },
    {
      kind: "stat",
      title: "Fullest pool",
      description: "Share of the addresses that Services hold, of the pool and family that has least left.",
      queries: [
        {
          expression: `max(${of("steelyard_pool_addresses_assigned")} / ${of("steelyard_pool_addresses")})`,
          legend: "",
        },
      ],
      unit: "percentunit",
      steps: [
        { from: 0, color: "green" },
        { from: 0.85, color: "orange" },
        { from: 0.95, color: "red" },
      ],
    },
    {
      kind: "stat",
      title: "Services without an address",
      description: "Each says why in its condition steelyard.dev/Allocated.",
      queries: [{ expression: `max(${of("steelyard_services", 'state="pending"')})`, legend: "" }],
      steps: [
        { from: 0, color: "green" },
        { from: 1, color: "orange" },
      ],
    },
    {
      kind: "stat",
      title: "Address conflicts",
      description: "Addresses of ours for which another machine answers.",
      queries: [{ expression: `max(${of("steelyard_address_conflicts")})`, legend: "" }],
      steps: [
        { from: 0, color: "green" },
        { from: 1, color: "red" },
      ],
    },
    {
      kind: "stat",
      title: "Replicas",
      description: "Those that Prometheus reaches, by version.",
      queries: [
        {
          expression: `count by (version) (${of("steelyard_info", 'role="controller"')})`,
          legend: "{{version}}",
        },
      ],
      steps: [{ from: 0, color: "blue" }],
    },
  ],
};

const POOLS: Row = {
  title: "Pools and Services",
  panels: [
    {
      kind: "graph",
      title: "Share of each pool that is given out",
      description: "At 100 % new Services from this pool stay without an address.",
      queries: [
        {
          expression: `max by (pool, family) (${of("steelyard_pool_addresses_assigned")} / ${of("steelyard_pool_addresses")})`,
          legend: "{{pool}} {{family}}",
        },
      ],
      unit: "percentunit",
      highest: 1,
    },
    {
      kind: "graph",
      title: "Addresses given out",
      description: "By pool and family.",
      queries: [
        {
          expression: `max by (pool, family) (${of("steelyard_pool_addresses_assigned")})`,
          legend: "{{pool}} {{family}}",
        },
      ],
      unit: "short",
    },
    {
      kind: "graph",
      title: "Services by pool",
      description: "With an address from the pool; several may share one.",
      queries: [{ expression: `max by (pool) (${of("steelyard_pool_services")})`, legend: "{{pool}}" }],
      unit: "short",
    },
    {
      kind: "graph",
      title: "Services of type LoadBalancer",
      description: "Foreign ones are served by another program.",
      queries: [{ expression: `max by (state) (${of("steelyard_services")})`, legend: "{{state}}" }],
      unit: "short",
      stacked: true,
    },
  ],
};

const quantile = (share: number): Query => ({
  expression: `histogram_quantile(${share}, sum by (le) (${rate("steelyard_allocation_seconds_bucket")}))`,
  legend: `p${share * 100}`,
});

const ALLOCATION: Row = {
  title: "Allocation",
  panels: [
    {
      kind: "graph",
      title: "Time to an address",
      description: "From seeing that a Service wants one to having written it.",
      queries: [quantile(0.5), quantile(0.99)],
      unit: "s",
    },
    {
      kind: "graph",
      title: "Addresses given",
      description: "A second.",
      queries: [{ expression: `sum(${rate("steelyard_allocation_seconds_count")})`, legend: "given" }],
      unit: "ops",
    },
    {
      kind: "graph",
      title: "Refusals",
      description: "A second, by reason.",
      queries: [
        {
          expression: `sum by (reason) (${rate("steelyard_allocation_refusals_total")})`,
          legend: "{{reason}}",
        },
      ],
      unit: "ops",
    },
    {
      kind: "graph",
      title: "Writes still to be done",
      description: "Goes up while many Services are created at once, and back to none.",
      queries: [{ expression: `max by (pod) (${of("steelyard_write_queue")})`, legend: "{{pod}}" }],
      unit: "short",
    },
  ],
};

const API: Row = {
  title: "API server and replicas",
  panels: [
    {
      kind: "graph",
      title: "Requests",
      description:
        "A second, by verb and resource. At rest there are no writes but those that renew the lease.",
      queries: [
        {
          expression: `sum by (verb, resource) (${rate("steelyard_api_requests_total")})`,
          legend: "{{verb}} {{resource}}",
        },
      ],
      unit: "reqps",
    },
    {
      kind: "graph",
      title: "Answers that were no success",
      description:
        "By code; 0 where no answer came, 403 where a right is missing, 429 where the server is overloaded.",
      queries: [
        {
          expression: `sum by (code, resource) (rate(${of("steelyard_api_requests_total", 'code!~"2.."')}[$__rate_interval]))`,
          legend: "{{code}} {{resource}}",
        },
      ],
      unit: "reqps",
    },
    {
      kind: "graph",
      title: "Resources that cannot be read",
      description: "1 while it lasts. The replica goes on with what it knew.",
      queries: [
        {
          expression: `max by (pod, resource) (${of("steelyard_api_trouble")})`,
          legend: "{{pod}} {{resource}}",
        },
      ],
      unit: "short",
    },
    {
      kind: "graph",
      title: "Who leads",
      description: "1 on the replica that leads.",
      queries: [{ expression: `max by (pod) (${of("steelyard_leader")})`, legend: "{{pod}}" }],
      unit: "short",
      highest: 1,
    },
  ],
};

/** The rows, from above. */
export const ROWS: readonly Row[] = [OVERVIEW, POOLS, ALLOCATION, SPEAKERS, API];
