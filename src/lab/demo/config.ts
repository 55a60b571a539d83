/** The edges' configuration files, as an operator would write them. */
import { type IpAddress, isIpv4, parseAddress } from "#base/address";
import { assert } from "#base/assert";

const parsed = (text: string): IpAddress => {
  const address = parseAddress(text);
  assert(address !== undefined, "not an address", { text });
  return address;
};

/** The addresses that both edges hold in turn. */
export const VIRTUAL_ADDRESS = parsed("10.2.0.100");
export const VIRTUAL_ADDRESS_6 = parsed("fd02::100");
export const VIRTUAL_ADDRESSES: readonly IpAddress[] = [VIRTUAL_ADDRESS, VIRTUAL_ADDRESS_6];
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

const router = (name: string, addresses: string, priority: number): string => `---
apiVersion: steelyard.dev/v1alpha1
kind: VirtualRouter
metadata:
  name: ${name}
spec:
  interface: eth0
  vrid: 51
  priority: ${priority}
  advertisementInterval: 200ms
  preemptDelay: 3s
  addresses: [${addresses}]
  track:
    checks: [{name: uplink}]
`;

type Server = {
  readonly name: string;
  readonly address: IpAddress;
  readonly port: number;
  /** Further lines of the specification. */
  readonly lines: readonly string[];
};

const server = ({ name, address, port, lines }: Server): string => `---
apiVersion: steelyard.dev/v1alpha1
kind: VirtualServer
metadata:
  name: ${name}
spec:
  address: ${address}
  port: ${port}
  tableSize: ${TABLE_SIZE}
${lines.map((line) => `  ${line}\n`).join("")}  backends:
${[1, 2, 3].map((n) => `    - {name: n${n}, address: "${isIpv4(address) ? "10.2.0.2" : "fd02::2"}${n}"}\n`).join("")}`;

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

const ECHO_LINES = ["protocol: UDP", "mode: dsr", `health: {tcp: {}, port: ${WEB_PORT}}`];
const HTTP_HEALTH = "health: {http: {path: /}}";

/** The file of an edge. */
export const edgeConfig = (edge: keyof typeof PRIORITY_BY_EDGE): string =>
  [
    router("front", `${VIRTUAL_ADDRESS}/24`, PRIORITY_BY_EDGE[edge]),
    // Advertisements of IPv6 begin with a link-local address (RFC 9568 §5.2.9).
    router("front6", `"fe80::100/64", "${VIRTUAL_ADDRESS_6}/64"`, PRIORITY_BY_EDGE[edge]),
    UPLINK,
    server({ name: "web", address: VIRTUAL_ADDRESS, port: WEB_PORT, lines: [HTTP_HEALTH] }),
    server({
      name: "downloads",
      address: VIRTUAL_ADDRESS,
      port: DOWNLOAD_PORT,
      lines: ["mode: dsr", HTTP_HEALTH],
    }),
    server({ name: "echo", address: VIRTUAL_ADDRESS, port: ECHO_PORT, lines: ECHO_LINES }),
    server({ name: "echo6", address: VIRTUAL_ADDRESS_6, port: ECHO_PORT, lines: ECHO_LINES }),
  ].join("");
