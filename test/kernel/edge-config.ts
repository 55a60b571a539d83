/** Configuration of edges, written as JSON, which is YAML. */

export type Spec = Readonly<Record<string, unknown>>;

const resource = (kind: string, name: string, spec: Spec): string =>
  `${JSON.stringify({ apiVersion: "steelyard.dev/v1alpha1", kind, metadata: { name }, spec })}\n`;

/** Several resources in one file. */
export const config = (...resources: readonly string[]): string => resources.join("---\n");

/** The virtual address of most tests. */
export const VIP = "10.2.0.100";

/** The advertisement interval of `router`, in milliseconds. */
export const INTERVAL = 100;

/** Silence after which a backup takes over: 3 × interval + skew (RFC 9568 §6.1), in milliseconds. */
export const activeDown = (priority: number, interval = INTERVAL): number =>
  3 * interval + ((256 - priority) / 256) * interval;

/** A virtual router `front` (or `name`) for `VIP` on eth0. */
export const router = (spec: Spec, name = "front"): string =>
  resource("VirtualRouter", name, {
    interface: "eth0",
    vrid: 51,
    advertisementInterval: `${INTERVAL}ms`,
    addresses: [`${VIP}/24`],
    ...spec,
  });

const NODES = ["10.2.0.21", "10.2.0.22", "10.2.0.23"];

/** Backends n1, n2, ... as many as asked for. */
export const backends = (count = NODES.length): readonly Spec[] =>
  NODES.slice(0, count).map((address, index) => ({ name: `n${index + 1}`, address }));

/** A virtual server `web` (or `name`) on port 80 of `VIP`, in mode `masquerade`, over all three nodes. */
export const server = (spec: Spec = {}, name = "web"): string =>
  resource("VirtualServer", name, {
    address: VIP,
    port: 80,
    backends: backends(),
    health: { tcp: {}, interval: "200ms", timeout: "500ms" },
    tableSize: 251,
    ...spec,
  });

/** UDP echo on port 9000; health by TCP on port 80. */
export const echo = (spec: Spec = {}): string =>
  server(
    {
      protocol: "UDP",
      port: 9000,
      health: { tcp: {}, port: 80, interval: "200ms", timeout: "500ms" },
      ...spec,
    },
    "echo",
  );

/** A tracked check. */
export const check = (name: string, spec: Spec): string => resource("TrackedCheck", name, spec);
