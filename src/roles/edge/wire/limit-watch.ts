/** Says what limits of sources keep out: every few seconds as counts, at most once a minute for each as an event. */
import { after, type Instant, seconds } from "#base/time";
import { LIMITS, type LimitKey, limitKey, limitsOf } from "#core/balance/limits";
import type { ForwardingPlan } from "#core/balance/plan-model";
import type { Event } from "#core/observation/event";
import type { Balancer } from "#drivers/balance/port";
import type { Clock, Deadlines } from "#runtime/deadlines";

const PERIOD = seconds(5);
/** A source that keeps trying is worth no more than this. */
const SILENCE = seconds(60);
const DEADLINE_ID = "limits";

export type LimitWatch = {
  /** A plan has come into force. */
  onApplied(plan: ForwardingPlan): void;
};

type Said = { readonly packets: number; readonly at: Instant };

/** Looks at nothing before a plan has limits. `tell` is given all counts so far, by `LimitKey`. */
export const createLimitWatch = (parts: {
  readonly engine: Pick<Balancer, "keptOut">;
  readonly clock: Pick<Clock, "now">;
  readonly deadlines: Deadlines;
  readonly emit: (event: Event) => void;
  readonly tell: (packetsByKey: ReadonlyMap<LimitKey, number>) => void;
}): LimitWatch => {
  const { engine, clock, deadlines, emit, tell } = parts;
  const saidByKey = new Map<LimitKey, Said>();
  let plan: ForwardingPlan | undefined;

  const say = (server: string, packetsByKey: ReadonlyMap<LimitKey, number>): void => {
    for (const limit of LIMITS) {
      const key = limitKey(server, limit);
      const packets = packetsByKey.get(key) ?? 0;
      const said = saidByKey.get(key);
      // A counter that is smaller than it was has begun anew.
      const count = packets - (said === undefined || said.packets > packets ? 0 : said.packets);
      if (count === 0 || (said !== undefined && after(said.at, SILENCE) > clock.now())) continue;
      saidByKey.set(key, { packets, at: clock.now() });
      emit({ type: "kept-out", server, limit, count });
    }
  };
  const look = async (): Promise<void> => {
    const limited = plan?.servers.filter(({ limits }) => limitsOf(limits).length > 0) ?? [];
    if (limited.length === 0) return;
    const packetsByKey = await engine.keptOut();
    tell(packetsByKey);
    for (const { name } of limited) say(name, packetsByKey);
    deadlines.set(DEADLINE_ID, after(clock.now(), PERIOD), () => void look());
  };

  return {
    onApplied(applied) {
      if (applied === plan) return;
      plan = applied;
      const limited = applied.servers.some(({ limits }) => limitsOf(limits).length > 0);
      deadlines.set(DEADLINE_ID, limited ? after(clock.now(), PERIOD) : undefined, () => void look());
    },
  };
};
