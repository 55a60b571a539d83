/** Virtual servers by the thousand, which differ in their ports. */
import type { Pair } from "./pair.ts";

const BACKENDS = ["10.2.0.21", "10.2.0.22", "10.2.0.23"];
const FIRST_PORT = 10_000;

export type ManyServers = {
  readonly servers: number;
  readonly scheduler: "consistent-hash" | "round-robin";
  /** Whether each backend of each server is checked, for itself. */
  readonly checked: boolean;
  /** Of each server; 3 unless told otherwise. */
  readonly backends?: number;
  /** Slots of each server's table of consistent hashing; the program's own choice unless told otherwise. */
  readonly tableSize?: number;
};

/** The nodes in turn, on one port after the other. */
const backendLines = (count: number): string =>
  Array.from({ length: count }, (_, index) => {
    const address = BACKENDS[index % BACKENDS.length];
    return `    - {name: b${index}, address: ${address}, port: ${80 + Math.floor(index / BACKENDS.length)}}`;
  }).join("\n");

/** The YAML documents of so many virtual servers, on the pair's address. */
export const manyServers = ({ virtualAddress }: Pair, options: ManyServers): string => {
  const size = options.tableSize === undefined ? "" : `  tableSize: ${options.tableSize}\n`;
  const health = options.checked ? "  health: {tcp: {}, interval: 5s}\n" : "";
  return Array.from({ length: options.servers }, (_, index) => {
    const port = FIRST_PORT + index;
    return `\
---
apiVersion: steelyard.dev/v1alpha1
kind: VirtualServer
metadata: {name: server-${port}}
spec:
  address: ${virtualAddress}
  port: ${port}
  scheduler: ${options.scheduler}
  backends:
${backendLines(options.backends ?? BACKENDS.length)}
${size}${health}`;
  }).join("");
};
