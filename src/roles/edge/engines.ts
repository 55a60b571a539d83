/** The engines that an edge has, for what runs and for what is cleaned up after it. */
import type { Instant } from "#base/time";
import { openEngines } from "#drivers/balance/engines";
import { openIpvsEngine } from "#drivers/balance/ipvs/linux";
import { openEngine } from "#drivers/balance/nftables/linux";
import type { Balancer } from "#drivers/balance/port";
import { openXdpEngine } from "#drivers/balance/xdp/engine";
import { complaint, type EdgeOptions } from "./options.ts";

/** All of them as one, with their state in the runtime directory. */
export const openEdgeEngines = (
  {
    program,
    runtimeDirectory,
    engine,
    ipvsSync,
  }: Pick<EdgeOptions, "program" | "runtimeDirectory" | "engine" | "ipvsSync">,
  now: () => Instant,
): Balancer => {
  const warn = (message: string): void => void process.stderr.write(complaint({ program }, message));
  return openEngines({
    nftables: openEngine({ runDirectory: runtimeDirectory }),
    others: [openXdpEngine(), openIpvsEngine({ runDirectory: runtimeDirectory, sync: ipvsSync, warn })],
    chosen: engine,
    now,
  });
};
