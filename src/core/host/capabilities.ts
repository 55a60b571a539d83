/** Linux capabilities (capabilities(7)) as /proc/PID/status shows them. */

const BIT = { CAP_NET_ADMIN: 12, CAP_NET_RAW: 13 } as const;

export type Capability = keyof typeof BIT;

const EFFECTIVE = /^CapEff:\s*([0-9a-f]{1,16})$/m;

/** Those of `wanted` that the text of a /proc/PID/status does not list as effective; all of them if it cannot be read. */
export const missingCapabilities = (status: string, wanted: readonly Capability[]): Capability[] => {
  const mask = BigInt(`0x${EFFECTIVE.exec(status)?.[1] ?? "0"}`);
  return wanted.filter((capability) => (mask & (1n << BigInt(BIT[capability]))) === 0n);
};
