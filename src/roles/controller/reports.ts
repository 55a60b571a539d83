/**
 * What the leader writes about itself: the use of each pool, and whether the configuration can be used.
 *
 * Written only where it differs from what is there, and not more often than once in a while for each object: with hundreds of
 * Services a second nobody reads each count.
 */
import { seconds } from "#base/time";
import type { Allocation } from "#core/allocation/allocation";
import { fieldsOf, textOf } from "#core/kubernetes/read";
import { poolStatusOf, reportsPoolStatus, type Verdict } from "#core/metallb/status";
import type { ClusterPort } from "#drivers/kubernetes/port";
import type { Time } from "#drivers/kubernetes/time";
import { POOLS } from "#runtime/cluster/resources";
import type { Writes } from "#runtime/cluster/writes";
import { createVerdictReports } from "./verdicts.ts";

export type Reports = {
  /** Pools may be used otherwise now. */
  poolsChanged(allocation: Allocation): void;
  verdictChanged(verdict: Verdict): void;
  close(): void;
};

/** Between two reports of the pools. */
const PAUSE = seconds(1);

/** Reports nothing until told to. */
export const createReports = (options: {
  readonly cluster: Pick<ClusterPort, "read" | "write">;
  readonly writes: Writes;
  readonly clock: Time;
  readonly namespace: string;
  /** Asked before each write. */
  readonly mayWrite: () => boolean;
  /** Pools as they were read last, for what they report already. */
  readonly pools: () => readonly unknown[];
}): Reports => {
  const { writes, clock, namespace } = options;
  const verdicts = createVerdictReports(options);
  let cancel: (() => void) | undefined;
  /** Pools whose write has not ended, and those of them that are used as before by now. */
  const open = new Set<string>();
  const outdated = new Set<string>();

  const reportPools = (allocation: Allocation): void => {
    const rawByName = new Map(
      options.pools().map((raw) => [textOf(fieldsOf(fieldsOf(raw).metadata).name), raw]),
    );
    for (const { pool: name, ipv4, ipv6 } of allocation.pools()) {
      const raw = rawByName.get(name);
      const status = poolStatusOf({
        assigned: { IPv4: ipv4.assigned, IPv6: ipv6.assigned },
        available: { IPv4: ipv4.available, IPv6: ipv6.available },
      });
      const key = `IPAddressPool ${name}`;
      if (raw === undefined || reportsPoolStatus(raw, status)) {
        if (open.has(name) && !writes.drop(key)) outdated.add(name);
        continue;
      }
      open.add(name);
      writes.put(key, {
        request: () => ({
          target: { resource: POOLS, namespace, name, subresource: "status" },
          write: { verb: "patch", type: "merge", body: { status } },
        }),
        done: () => {
          open.delete(name);
          if (outdated.delete(name)) poolsChanged(allocation);
        },
      });
    }
  };

  const poolsChanged = (allocation: Allocation): void => {
    cancel ??= clock.later(PAUSE, () => {
      cancel = undefined;
      reportPools(allocation);
    });
  };

  return {
    poolsChanged,
    verdictChanged: (verdict) => verdicts.verdictChanged(verdict),
    close() {
      cancel?.();
      verdicts.close();
    },
  };
};
