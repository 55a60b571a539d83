/** The metrics of `steelyard controller`. */

/** A metric without its values. */
export type MetricDefinition = {
  readonly type: "counter" | "gauge" | "histogram";
  readonly labels: readonly string[];
  /** The values of those labels that have a closed list of them. */
  readonly words?: Readonly<Record<string, readonly string[]>>;
  /** One line for people. */
  readonly help: string;
};

const FAMILIES = ["ipv4", "ipv6"] as const;

/** By name. Of pools and Services the leader alone tells, and in shadow mode each replica. */
export const CONTROLLER_METRICS = {
  steelyard_info: {
    type: "gauge",
    labels: ["version", "role"],
    help: "Always 1; the labels say what runs.",
  },
  steelyard_leader: {
    type: "gauge",
    labels: [],
    help: "1 on the replica that leads, 0 on the others and in shadow mode.",
  },
  steelyard_lease_transitions_total: {
    type: "counter",
    labels: [],
    help: "How often this replica began or ceased to lead.",
  },
  steelyard_pool_addresses: {
    type: "gauge",
    labels: ["pool", "family"],
    words: { family: FAMILIES },
    help: "Addresses that the pool can give; 2^63 where it has more.",
  },
  steelyard_pool_addresses_assigned: {
    type: "gauge",
    labels: ["pool", "family"],
    words: { family: FAMILIES },
    help: "Addresses of the pool that Services hold.",
  },
  steelyard_pool_services: {
    type: "gauge",
    labels: ["pool"],
    help: "Services with an address from the pool.",
  },
  steelyard_services: {
    type: "gauge",
    labels: ["state"],
    words: { state: ["allocated", "pending", "foreign"] },
    help: "Services of type LoadBalancer: with an address, without one, and those that another program serves.",
  },
  steelyard_allocation_refusals_total: {
    type: "counter",
    labels: ["reason"],
    help: "How often a Service was refused an address, by reason.",
  },
  steelyard_allocation_seconds: {
    type: "histogram",
    labels: [],
    help: "From deciding that a Service gets an address to having written it.",
  },
  steelyard_address_conflicts: {
    type: "gauge",
    labels: [],
    help: "Addresses for which a machine that is not ours was heard to answer.",
  },
  steelyard_write_queue: {
    type: "gauge",
    labels: [],
    help: "Writes to the API server that are still to be done.",
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
    help: "1 once there has been a valid configuration of pools since the start.",
  },
  steelyard_config_stale: {
    type: "gauge",
    labels: [],
    help: "1 while the resources hold something that is refused, and the last valid ones stay in force.",
  },
  steelyard_config_refusals_total: {
    type: "counter",
    labels: [],
    help: "Configurations of pools that were refused.",
  },
  steelyard_webhook_certificate_expiry_timestamp_seconds: {
    type: "gauge",
    labels: [],
    help: "When the webhook's certificate ends, in seconds since 1970. Absent without the webhook.",
  },
  steelyard_shadow_differences: {
    type: "gauge",
    labels: [],
    help: "Services that steelyard would serve otherwise than they are. Present in shadow mode only.",
  },
} as const satisfies Readonly<Record<string, MetricDefinition>>;

/** The name of a metric of the controller. */
export type ControllerMetric = keyof typeof CONTROLLER_METRICS;

/** What MetalLB's controller tells, by its names, with `--metallb-metrics`. Several end in `_total` and are gauges. */
export const METALLB_METRICS = {
  metallb_allocator_addresses_total: {
    type: "gauge",
    labels: ["pool"],
    help: "Addresses that the pool can give, of both families.",
  },
  metallb_allocator_ipv4_addresses_total: {
    type: "gauge",
    labels: ["pool"],
    help: "IPv4 addresses that the pool can give.",
  },
  metallb_allocator_ipv6_addresses_total: {
    type: "gauge",
    labels: ["pool"],
    help: "IPv6 addresses that the pool can give.",
  },
  metallb_allocator_addresses_in_use_total: {
    type: "gauge",
    labels: ["pool"],
    help: "Addresses of the pool that Services hold, of both families.",
  },
  metallb_allocator_ipv4_addresses_in_use_total: {
    type: "gauge",
    labels: ["pool"],
    help: "IPv4 addresses of the pool that Services hold.",
  },
  metallb_allocator_ipv6_addresses_in_use_total: {
    type: "gauge",
    labels: ["pool"],
    help: "IPv6 addresses of the pool that Services hold.",
  },
  metallb_allocator_services_allocated_total: {
    type: "gauge",
    labels: ["pool"],
    help: "Services with an address from the pool.",
  },
  metallb_k8s_client_updates_total: {
    type: "counter",
    labels: [],
    help: "Changes of Kubernetes objects that were looked at.",
  },
  metallb_k8s_client_update_errors_total: {
    type: "counter",
    labels: [],
    help: "Changes of Kubernetes objects that could not be carried out.",
  },
  metallb_k8s_client_config_loaded_bool: {
    type: "gauge",
    labels: [],
    help: "1 once there has been a valid configuration since the start.",
  },
  metallb_k8s_client_config_stale_bool: {
    type: "gauge",
    labels: [],
    help: "1 while the last valid configuration stays in force because a newer one is refused.",
  },
} as const satisfies Readonly<Record<string, MetricDefinition>>;

/** The name of a metric that MetalLB has. */
export type MetallbMetric = keyof typeof METALLB_METRICS;
