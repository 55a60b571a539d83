/** The engines that an edge has, for what runs and for what is cleaned up after it. */
import type { Instant } from "#base/time";
import { openEngines } from "#drivers/balance/engines";
import { openEngine } from "#drivers/balance/nftables/linux";
import type { Balancer } from "#drivers/balance/port";
import type { EdgeOptions } from "./options.ts";

/** All of them as one, with their state in the runtime directory. */
export const openEdgeEngines = (
  { runtimeDirectory, engine }: Pick<EdgeOptions, "runtimeDirectory" | "engine">,
  now: () => Instant,
): Balancer =>
  openEngines({
    nftables: openEngine({ runDirectory: runtimeDirectory }),
    others: [],
    chosen: engine,
    now,
  });
