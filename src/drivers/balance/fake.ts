/** An engine without a kernel, for tests and simulations: it remembers what it was told. */
import type { ForwardingPlan } from "#core/balance/plan-model";
import { diffPlans } from "#core/nftables/delta";
import type { ApplyResult, BalanceEngine, BalanceError, Observed } from "./port.ts";

/** What outlives an engine as the kernel does: pass it to the next one to simulate a restart. */
export type FakeKernel = { plan: ForwardingPlan | undefined };

export type FakeEngine = BalanceEngine & {
  /** The plan that runs. */
  readonly running: () => ForwardingPlan | undefined;
  /** Lets every change from now on fail with `error`; `undefined` lets them succeed again. */
  readonly failWith: (error: BalanceError | undefined) => void;
  /** Somebody flushes the ruleset. */
  readonly flush: () => void;
};

/** A fake over `kernel`, by default an empty one. */
export const openFakeEngine = (kernel: FakeKernel = { plan: undefined }): FakeEngine => {
  let known: ForwardingPlan | undefined;
  let failure: BalanceError | undefined;
  const apply = (plan: ForwardingPlan): ApplyResult => {
    if (failure !== undefined) return { ok: false, error: failure };
    const repaired = known !== undefined && kernel.plan === undefined;
    const delta = known === undefined || repaired ? { type: "ruleset" as const } : diffPlans(known, plan);
    [known, kernel.plan] = [plan, plan];
    return { ok: true, how: delta.type === "none" ? "unchanged" : delta.type, repaired, tookMicros: 0 };
  };
  return {
    available: async () => undefined,
    apply: async (plan) => apply(plan),
    observe: async (): Promise<Observed> => ({
      tables: kernel.plan === undefined ? "absent" : "present",
      lastPlan: kernel.plan,
    }),
    remove: async () => {
      if (failure !== undefined) return { ok: false, error: failure };
      [known, kernel.plan] = [undefined, undefined];
      return { ok: true };
    },
    close: async () => undefined,
    running: () => kernel.plan,
    failWith: (error) => {
      failure = error;
    },
    flush: () => {
      kernel.plan = undefined;
    },
  };
};
