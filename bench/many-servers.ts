/** A large configuration: one router, and virtual servers that differ in their ports. */
import { PAIRS, routerResource } from "./pair.ts";

const BACKENDS = ["10.2.0.21", "10.2.0.22", "10.2.0.23"];

const server = (
  address: string,
  { port, checked, weight }: { port: number; checked: boolean; weight: number },
): string => `\
---
apiVersion: steelyard.dev/v1alpha1
kind: VirtualServer
metadata: {name: server-${port}}
spec:
  address: ${address}
  port: ${port}
  backends:
${BACKENDS.map((backend) => `    - {address: ${backend}, port: 80, weight: ${weight}}`).join("\n")}
${checked ? "  health: {tcp: {}, port: 80, interval: 5s}\n" : ""}`;

/** The YAML of so many virtual servers of three backends each, on the first pair's address. */
export const manyServers = (options: {
  readonly servers: number;
  /** Whether their backends are checked, each for itself. */
  readonly checked: boolean;
  readonly intervalMs?: number;
  /** Differs from one reload to the next where something is to change. */
  readonly weight?: number;
}): string => {
  const { servers, checked, intervalMs = 200, weight = 1 } = options;
  return PAIRS.slice(0, 1)
    .flatMap((pair) => [
      routerResource(pair, "active", { intervalMs }),
      ...Array.from({ length: servers }, (_, index) =>
        server(pair.virtualAddress, { port: 10_000 + index, checked, weight }),
      ),
    ])
    .join("");
};
