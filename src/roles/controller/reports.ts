/**
 * What the leader writes about itself: the use of each pool, and whether the configuration can be used.
 *
 * Written only where it differs from what is there, and not more often than once in a while for each object: with hundreds of
 * Services a second nobody reads each count.
 */
import { type Duration, seconds } from "#base/time";
import type { Allocation } from "#core/allocation/allocation";
import { fieldsOf, textOf } from "#core/kubernetes/read";
import {
  poolStatusOf,
  reportsPoolStatus,
  reportsState,
  stateObject,
  stateStatusOf,
  type Verdict,
} from "#core/metallb/status";
import type { ClusterPort, Target } from "#drivers/kubernetes/port";
import type { Time } from "#drivers/kubernetes/time";
import { rfc3339 } from "./patch.ts";
import { CONFIGURATION_STATES, POOLS } from "./resources.ts";
import type { Writes } from "./writes.ts";

export type Reports = {
  /** Pools may be used otherwise now. */
  poolsChanged(allocation: Allocation): void;
  verdictChanged(verdict: Verdict): void;
  close(): void;
};

/** Between two reports of the same thing. */
const PAUSE = seconds(1);
/** Until a report is tried again that could not be read or written. */
const AGAIN = seconds(10);

const CONTROLLER = { type: "controller" } as const;

/** Reports nothing until told to. */
export const createReports = (options: {
  readonly cluster: Pick<ClusterPort, "read" | "write">;
  readonly writes: Writes;
  readonly clock: Time;
  readonly namespace: string;
  /** Pools as they were read last, for what they report already. */
  readonly pools: () => readonly unknown[];
}): Reports => {
  const { cluster, writes, clock, namespace } = options;
  let cancelPools: (() => void) | undefined;
  let cancelVerdict: (() => void) | undefined;
  let closed = false;

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
      if (raw === undefined || reportsPoolStatus(raw, status)) continue;
      writes.put(`IPAddressPool ${name}`, {
        target: { resource: POOLS, namespace, name, subresource: "status" },
        write: { verb: "patch", type: "merge", body: { status } },
      });
    }
  };

  const writeState = async (verdict: Verdict): Promise<boolean> => {
    const wanted = stateObject(CONTROLLER, namespace);
    const target: Target = { resource: CONFIGURATION_STATES, namespace, name: wanted.metadata.name };
    const read = await cluster.read(target);
    // MetalLB before 0.15.3 has no such kind.
    if (!read.ok && read.failure.reason !== "not-found") return false;
    const observed = read.ok ? read.body : undefined;
    const status = stateStatusOf(CONTROLLER, { verdict, observed, now: rfc3339(clock.wall()) });
    if (observed === undefined) {
      const { name: _, ...collection } = target;
      const created = await cluster.write(collection, { verb: "create", body: wanted });
      if (!created.ok) return created.failure.reason === "not-found";
    }
    if (observed !== undefined && reportsState(observed, status)) return true;
    const body = { status };
    return (await cluster.write({ ...target, subresource: "status" }, { verb: "patch", type: "merge", body }))
      .ok;
  };

  const reportVerdict = (verdict: Verdict, delay: Duration): void => {
    cancelVerdict?.();
    cancelVerdict = clock.later(delay, () => {
      cancelVerdict = undefined;
      void writeState(verdict).then((done) => {
        if (!done && !closed && cancelVerdict === undefined) reportVerdict(verdict, AGAIN);
      });
    });
  };

  return {
    poolsChanged(allocation) {
      cancelPools ??= clock.later(PAUSE, () => {
        cancelPools = undefined;
        reportPools(allocation);
      });
    },
    verdictChanged: (verdict) => reportVerdict(verdict, seconds(0)),
    close() {
      closed = true;
      cancelPools?.();
      cancelVerdict?.();
    },
  };
};
