/** The servers that single packets are for: one of each family, protocol and hash, all at the bed's virtual addresses. */
import type { Protocol, Scheduler, VirtualServer } from "#core/balance/model";
import { onePort } from "#core/balance/ports";
import { address, VIRTUAL } from "./balance-bed.ts";

const PORT = 8080;
const FAMILIES = ["IPv4", "IPv6"] as const;
const PROTOCOLS: readonly Protocol[] = ["tcp", "udp"];
/** Who sends, from behind the router. */
export const CLIENT = { IPv4: "198.51.100.7", IPv6: "2001:db8::7" } as const;
/** Somebody on the way, who reports errors. */
export const ROUTER = { IPv4: "203.0.113.1", IPv6: "2001:db8:1::1" } as const;
/** The hashes. */
export const SCHEDULERS: readonly Scheduler[] = [
  { type: "consistent-hash", tableSize: 251 },
  { type: "source-hash", tableSize: 251 },
];

type Family = (typeof FAMILIES)[number];
/** One way to ask a server. */
export type Variant = { readonly family: Family; readonly protocol: Protocol; readonly scheduler: Scheduler };

/** All of them. */
export const VARIANTS: readonly Variant[] = FAMILIES.flatMap((family) =>
  PROTOCOLS.flatMap((protocol) => SCHEDULERS.map((scheduler) => ({ family, protocol, scheduler }))),
);

/** The port of its server. */
export const portOf = ({ scheduler }: Variant): number => PORT + SCHEDULERS.indexOf(scheduler);

/** Its server, with these workers. */
export const server = (variant: Variant, workers: readonly number[]): VirtualServer => ({
  name: `${variant.family}-${variant.protocol}-${variant.scheduler.type}`,
  address: address(VIRTUAL[variant.family]),
  protocol: variant.protocol,
  ports: onePort(portOf(variant)),
  mode: "dsr",
  scheduler: variant.scheduler,
  backends: workers.map((number) => ({
    name: `w${number}`,
    address: address(variant.family === "IPv4" ? `10.2.0.2${number}` : `fd02::2${number}`),
    weight: 1,
  })),
});

/** The servers of all variants. */
export const servers = (workers: readonly number[]): readonly VirtualServer[] =>
  VARIANTS.map((variant) => server(variant, workers));
