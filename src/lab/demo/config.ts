/** The edges' configuration files, as an operator would write them. */
import { type IpAddress, parseAddress } from "#base/address";
import { assert } from "#base/assert";

const parsed = (text: string): IpAddress => {
  const address = parseAddress(text);
  assert(address !== undefined, "not an address", { text });
  return address;
};

/** The address that both edges hold in turn. */
export const VIRTUAL_ADDRESS = parsed("10.2.0.100");
/** HTTP in `masquerade` mode. */
export const WEB_PORT = 80;
/** HTTP in `dsr` mode. */
export const DOWNLOAD_PORT = 8080;
/** UDP echo in `dsr` mode. */
export const ECHO_PORT = 9000;
/**
 * Small, because an ordinary user may hand the kernel a few hundred kilobytes at once, not a ruleset with three tables
 * of the default size.
 */
const TABLE_SIZE = 251;

/** The first edge is preferred. */
const PRIORITY_BY_EDGE = { e1: 150, e2: 100 };

const server = (name: string, lines: readonly string[], port: number): string => `---
apiVersion: steelyard.dev/v1alpha1
kind: VirtualServer
metadata:
  name: ${name}
spec:
  address: ${VIRTUAL_ADDRESS}
  port: ${port}
  tableSize: ${TABLE_SIZE}
${lines.map((line) => `  ${line}\n`).join("")}  backends:
    - {name: n1, address: 10.2.0.21}
    - {name: n2, address: 10.2.0.22}
    - {name: n3, address: 10.2.0.23}
`;

/**
 * An edge that reaches nobody gives up its address; when it comes back it waits until it knows again which backends
 * are healthy. Otherwise it would take over with a table that lacks them and break the flows to them.
 */
const UPLINK = `---
apiVersion: steelyard.dev/v1alpha1
kind: TrackedCheck
metadata:
  name: uplink
spec:
  tcp: {}
  address: 10.2.0.1
  port: ${WEB_PORT}
  interval: 500ms
  timeout: 500ms
  retries: 1
`;

/** The file of an edge. */
export const edgeConfig = (edge: keyof typeof PRIORITY_BY_EDGE): string =>
  [
    `apiVersion: steelyard.dev/v1alpha1
kind: VirtualRouter
metadata:
  name: front
spec:
  interface: eth0
  vrid: 51
  priority: ${PRIORITY_BY_EDGE[edge]}
  advertisementInterval: 200ms
  preemptDelay: 3s
  addresses: [${VIRTUAL_ADDRESS}/24]
  track:
    checks: [{name: uplink}]
`,
    UPLINK,
    server("web", ["health: {http: {path: /}}"], WEB_PORT),
    server("downloads", ["mode: dsr", "health: {http: {path: /}}"], DOWNLOAD_PORT),
    server("echo", ["protocol: UDP", "mode: dsr", `health: {tcp: {}, port: ${WEB_PORT}}`], ECHO_PORT),
  ].join("");
