/** The engines that an edge has, for what runs and for what is cleaned up after it. */
import type { Instant } from "#base/time";
import { openEngines } from "#drivers/balance/engines";
import { openIpvsEngine } from "#drivers/balance/ipvs/linux";
import { openEngine } from "#drivers/balance/nftables/linux";
import type { Balancer } from "#drivers/balance/port";
import { openXdpEngine } from "#drivers/balance/xdp/engine";
import type { EdgeOptions } from "./options.ts";

const complain = (message: string): void => void process.stderr.write(`steelyard edge: ${message}\n`);

/** All of them as one, with their state in the runtime directory. */
export const openEdgeEngines = (
  { runtimeDirectory, engine, ipvsSync }: Pick<EdgeOptions, "runtimeDirectory" | "engine" | "ipvsSync">,
  now: () => Instant,
): Balancer =>
  openEngines({
    nftables: openEngine({ runDirectory: runtimeDirectory }),
    others: [
      openXdpEngine(),
      openIpvsEngine({ runDirectory: runtimeDirectory, sync: ipvsSync, warn: complain }),
    ],
    chosen: engine,
    now,
  });
