/** An engine without a kernel, for tests and simulations: it remembers what it was told. */
import type { LimitKey } from "#core/balance/limits";
import type { ClientKey, Pin } from "#core/balance/pin";
import type { ForwardingPlan } from "#core/balance/plan-model";
import { diffPlans } from "#core/nftables/delta";
import type { ApplyResult, BalanceEngine, BalanceError, Balancer, Observed } from "./port.ts";

/** What outlives an engine as the kernel does: pass it to the next one to simulate a restart. */
export type FakeKernel = { plan: ForwardingPlan | undefined };

export type FakeEngine = BalanceEngine &
  Balancer & {
    /** The plan that runs. */
    readonly running: () => ForwardingPlan | undefined;
    /** Lets every change from now on fail with `error`; `undefined` lets them succeed again. */
    readonly failWith: (error: BalanceError | undefined) => void;
    /** Sets what a limit has kept out. */
    readonly keepOut: (key: LimitKey, packets: number) => void;
    /** The clients that a server keeps; they stay until they are taken out. */
    readonly pinsOf: (server: string) => Map<ClientKey, Pin>;
    /** Somebody flushes the ruleset, and the kernel tells of it or not. */
    readonly flush: (telling?: "told" | "untold") => void;
    /** The next ruleset finds something in its way, and is loaded anew for this reason. */
    readonly obstruct: (reason: string) => void;
  };

/** What the fake says of itself; it is `nftables`, and refuses nothing, unless told otherwise. */
export type FakeNature = Partial<Pick<BalanceEngine, "name" | "passesOn" | "refuses">>;

/** A fake over `kernel`, by default an empty one. */
export const openFakeEngine = (
  kernel: FakeKernel = { plan: undefined },
  { name = "nftables", passesOn = false, refuses = () => undefined }: FakeNature = {},
): FakeEngine => {
  let known: ForwardingPlan | undefined;
  let failure: BalanceError | undefined;
  const keptOut = new Map<LimitKey, number>();
  const pinsByServer = new Map<string, Map<ClientKey, Pin>>();
  const pinsOf = (server: string): Map<ClientKey, Pin> => {
    const pins = pinsByServer.get(server) ?? new Map<ClientKey, Pin>();
    pinsByServer.set(server, pins);
    return pins;
  };
  let obstacle: string | undefined;
  let onTouched = (): void => {};
  const apply = (plan: ForwardingPlan): ApplyResult => {
    if (failure !== undefined) return { ok: false, error: failure };
    const repaired = known !== undefined && kernel.plan === undefined;
    const delta = known === undefined || repaired ? { type: "ruleset" as const } : diffPlans(known, plan);
    [known, kernel.plan] = [plan, plan];
    const how = delta.type === "none" ? "unchanged" : delta.type;
    const anew = how === "ruleset" && obstacle !== undefined ? { anew: obstacle } : {};
    if (how === "ruleset") obstacle = undefined;
    return { ok: true, how, repaired, tookMicros: 0, ...anew };
  };
  return {
    name,
    passesOn,
    refuses,
    counts: () => ({}),
    pins: {
      read: async ({ name }, onPin) => {
        for (const pin of pinsOf(name).values()) onPin(pin);
        return 0;
      },
      write: async ({ name }, pins) => {
        for (const pin of pins) pinsOf(name).set(pin.client, pin);
        return undefined;
      },
    },
    pinsOf,
    carrier: () => ({ engine: name }),
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
    keptOut: async () => new Map(keptOut),
    close: async () => undefined,
    running: () => kernel.plan,
    keepOut: (key, packets) => void keptOut.set(key, packets),
    failWith: (error) => {
      failure = error;
    },
    watch: (listener) => {
      onTouched = listener;
    },
    flush: (telling = "told") => {
      kernel.plan = undefined;
      if (telling === "told") onTouched();
    },
    obstruct: (reason) => {
      obstacle = reason;
    },
  };
};
