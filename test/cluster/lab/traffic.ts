/** Asking a Service from outside, and who answered. */
import { setTimeout as pause } from "node:timers/promises";
import type { LabHostHandle } from "#lab/index";
import { startHttpLoad } from "#lab/probe/start";
import type { LabCluster } from "./bed.ts";
import { pinNeighbour } from "./neighbours.ts";
import { urlAt } from "./services.ts";

/** Who answered how often, and why nobody did. */
export type Answers = {
  readonly requests: number;
  /** Pods that have answered, by name, in order. */
  readonly pods: readonly string[];
  readonly errors: readonly string[];
};

/** Makes connection after connection to a Service for so long; none of them has to succeed. */
export const ask = async (
  host: LabHostHandle,
  address: string,
  { millis = 600, timeout = 1_000 } = {},
): Promise<Answers> => {
  const load = await startHttpLoad(host, { url: urlAt(address), clients: 4, rate: 50, timeout });
  await pause(millis);
  const { requests } = await load.finish();
  return {
    requests: requests.length,
    pods: [...new Set(requests.flatMap(({ backend }) => backend ?? []))].sort(),
    errors: requests.flatMap(({ error }) => error ?? []),
  };
};

/** Makes client and gateway send what is for these addresses to a node, whatever others say: a Service without a speaker. */
export const lead = async (
  { client, gateway, node }: Pick<LabCluster, "client" | "gateway" | "node">,
  { to, addresses }: { readonly to: string; readonly addresses: readonly string[] },
): Promise<void> => {
  const { mac } = node(to);
  for (const host of [client, gateway])
    for (const address of addresses) await pinNeighbour(host, { address, mac });
};
