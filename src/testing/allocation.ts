/** A machine that allocates, driven by tests as the controller drives it. */
import assert from "node:assert/strict";
import { type Allocation, createAllocation } from "#core/allocation/allocation";
import type { Outcome } from "#core/allocation/outcome";
import type { AddressPool, IpamConfig, PoolAdmission } from "#core/ipam/pool";
import { objectKey } from "#core/kubernetes/meta";
import type { Service } from "#core/service/service";
import { addressPool } from "./services.ts";

export const POOL = addressPool("default", ["192.0.2.0/24"]);

export const configOf = (pools: readonly AddressPool[], more: Partial<IpamConfig> = {}): IpamConfig => ({
  pools,
  reservations: [],
  conflicts: [],
  ...more,
});

export const admission = (overrides: Partial<PoolAdmission>): PoolAdmission => ({
  priority: 0,
  namespaces: undefined,
  serviceSelectors: [],
  ...overrides,
});

/** The object as the API server has it after the outcome was written. */
export const written = (
  service: Service,
  { write }: Pick<Outcome, "write">,
  resourceVersion = "2",
): Service => {
  assert.ok(write !== undefined);
  const annotations = { ...service.meta.annotations };
  for (const [key, value] of Object.entries(write.annotations)) {
    if (value === undefined) delete annotations[key];
    else annotations[key] = value;
  }
  const condition = write.condition;
  return {
    ...service,
    meta: { ...service.meta, resourceVersion, annotations },
    ingress: write.ingress,
    conditions:
      condition === undefined
        ? []
        : [{ ...condition, lastTransitionTime: "2026-01-01T00:00:00Z", observedGeneration: 0 }],
  };
};

/** A machine past its initial load, and what followed from each call. */
export class Bench {
  readonly allocation: Allocation = createAllocation({ lbClass: undefined });

  constructor(config: IpamConfig = configOf([POOL]), existing: readonly Service[] = []) {
    for (const service of existing) this.allocation.observe(service);
    this.allocation.configure(config);
    this.started = this.allocation.synced();
  }

  readonly started: readonly Outcome[];

  /** What follows for the Service itself. */
  outcome(service: Service): Outcome | undefined {
    return this.allocation.observe(service).find(({ key }) => key === objectKey(service.meta));
  }

  /** Gives the Service what follows and observes it again, as it is then. */
  settle(service: Service): Service {
    const outcome = this.outcome(service);
    if (outcome?.write === undefined) return service;
    const next = written(service, outcome, `${service.meta.resourceVersion}'`);
    assert.deepEqual(
      this.allocation.observe(next).filter(({ key }) => key === outcome.key),
      [],
    );
    return next;
  }
}

export const ips = (outcome: Pick<Outcome, "write"> | undefined): readonly (string | undefined)[] =>
  outcome?.write?.ingress.map(({ ip }) => ip) ?? [];
export const reasons = (outcome: Outcome | undefined): readonly string[] =>
  outcome?.events.map(({ type, reason }) => `${type} ${reason}`) ?? [];
export const condition = (outcome: Outcome | undefined): string => {
  const found = outcome?.write?.condition;
  return found === undefined ? "none" : `${found.status} ${found.reason}`;
};

/** Overrides of a Service with these annotations. */
export const asks = (
  annotations: Record<string, string>,
): { readonly meta: { readonly annotations: Record<string, string> } } => ({
  meta: { annotations },
});
