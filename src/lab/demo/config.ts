/** The edges' configuration files, as an operator would write them. */
import { type IpAddress, parseAddress } from "#base/address";
import { assert } from "#base/assert";
import { millis } from "#base/time";

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
/** Pause between advertisements. */
export const ADVERTISEMENT_INTERVAL = millis(200);
/** The second edge's priority; the first one's is higher. */
export const BACKUP_PRIORITY = 100;

const PRIORITY_BY_EDGE: Readonly<Record<string, number>> = { e1: 150, e2: BACKUP_PRIORITY };

const server = (name: string, lines: readonly string[], port: number): string => `---
apiVersion: steelyard.dev/v1alpha1
kind: VirtualServer
metadata:
  name: ${name}
spec:
  address: ${VIRTUAL_ADDRESS}
  port: ${port}
${lines.map((line) => `  ${line}\n`).join("")}  backends:
    - {name: n1, address: 10.2.0.21}
    - {name: n2, address: 10.2.0.22}
    - {name: n3, address: 10.2.0.23}
`;

/** The file of an edge, `e1` or `e2`. */
export const edgeConfig = (edge: string): string =>
  [
    `apiVersion: steelyard.dev/v1alpha1
kind: VirtualRouter
metadata:
  name: front
spec:
  interface: eth0
  vrid: 51
  priority: ${PRIORITY_BY_EDGE[edge] ?? BACKUP_PRIORITY}
  advertisementInterval: 200ms
  addresses: [${VIRTUAL_ADDRESS}/24]
`,
    server("web", ["health: {http: {path: /}}"], WEB_PORT),
    server("downloads", ["mode: dsr", "health: {http: {path: /}}"], DOWNLOAD_PORT),
    server("echo", ["protocol: UDP", "mode: dsr", `health: {tcp: {}, port: ${WEB_PORT}}`], ECHO_PORT),
  ].join("");
