/** The dialects of VRRP in which both programs are made to meet. */

/** One way to speak VRRP; both sides are configured from the same value. */
export type Variant = {
  readonly name: string;
  readonly version: 2 | 3;
  readonly family: "IPv4" | "IPv6";
  readonly transport: "multicast" | "unicast";
  /** Version 2 only: simple-text password, which travels in clear. */
  readonly password?: string;
  /** Advertisement interval in milliseconds; version 2 knows whole seconds only. */
  readonly intervalMs: number;
};

const version3 = { version: 3, intervalMs: 200 } as const;
const version2 = { version: 2, family: "IPv4", intervalMs: 1_000 } as const;

/** Every combination that both programs and the standards know. */
export const VARIANTS: readonly Variant[] = [
  { ...version3, name: "version 3, IPv4, multicast", family: "IPv4", transport: "multicast" },
  { ...version3, name: "version 3, IPv4, unicast", family: "IPv4", transport: "unicast" },
  { ...version3, name: "version 3, IPv6, multicast", family: "IPv6", transport: "multicast" },
  { ...version3, name: "version 3, IPv6, unicast", family: "IPv6", transport: "unicast" },
  { ...version2, name: "version 2, multicast", transport: "multicast" },
  { ...version2, name: "version 2, unicast", transport: "unicast" },
  {
    ...version2,
    name: "version 2, multicast, simple password",
    transport: "multicast",
    password: "hunter22",
  },
];

/** The virtual router's number in every variant. */
export const VRID = 51;

/** The virtual addresses of a family; IPv6 starts with a link-local one (RFC 9568 §5.2.9). */
export const virtualAddresses = ({ family }: Variant): readonly string[] =>
  family === "IPv4" ? ["10.2.0.100/24", "10.2.0.101/32"] : ["fe80::100/64", "fd02::100/64"];

/** The address of edge `e1` or `e2` in the lab's LAN, in the variant's family. */
export const edgeAddress = ({ family }: Variant, edge: "e1" | "e2"): string => {
  const host = edge === "e1" ? 11 : 12;
  return family === "IPv4" ? `10.2.0.${host}` : `fd02::${host}`;
};

/** Silence after which a backup of this priority takes over: 3 × interval + skew (RFC 9568 §6.1), in milliseconds. */
export const activeDownMs = ({ version, intervalMs }: Variant, priority: number): number =>
  3 * intervalMs + ((256 - priority) / 256) * (version === 3 ? intervalMs : 1_000);
