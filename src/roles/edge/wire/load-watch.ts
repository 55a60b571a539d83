/**
 * Counts the open flows of servers that balance by least connections, and of backends that drain.
 *
 * Every quarter of a second, or as seldom as it takes to spend no more than a twentieth of one processor on it: a large
 * connection tracking table takes long to read.
 */
import { after, type Duration, micros, millis, seconds } from "#base/time";
import { type BackendKey, backendKey } from "#core/balance/model";
import type { ForwardingPlan, ServerPlan } from "#core/balance/plan-model";
import { isTracked, selectorOf, targetOf } from "#core/conntrack/endings";
import type { ConntrackPort } from "#drivers/conntrack/port";
import type { Clock, Deadlines } from "#runtime/deadlines";

const SHORTEST_PERIOD = millis(250);
/** Where nothing but what is shown depends on it. */
const DRAIN_PERIOD = seconds(5);
/** Counting takes at most one part in so many of the time. */
const SHARE = 20;
const DEADLINE_ID = "loads";

export type LoadWatch = {
  /** A plan has come into force. */
  onApplied(plan: ForwardingPlan): void;
  /** Open flows of a backend when they were last counted; 0 before. */
  load(key: BackendKey): number;
};

const isBalancedByLoad = ({ scheduler }: ServerPlan): boolean => scheduler.type === "least-connections";
const isDraining = ({ backends }: ServerPlan): boolean =>
  backends.some(({ availability }) => availability === "draining");

/** Counts nothing before a plan needs it. `onChange` is told of each server by least connections that has news. */
export const createLoadWatch = (parts: {
  readonly conntrack: ConntrackPort | undefined;
  readonly clock: Pick<Clock, "now">;
  readonly deadlines: Deadlines;
  readonly onChange: (server: string) => void;
  /** Given everything that was counted last, each time. */
  readonly tell: (loadByKey: ReadonlyMap<BackendKey, number>) => void;
}): LoadWatch => {
  const { conntrack, clock, deadlines, onChange, tell } = parts;
  let plan: ForwardingPlan | undefined;
  let loadByKey: ReadonlyMap<BackendKey, number> = new Map();
  let counting = false;

  const counted = (): readonly ServerPlan[] =>
    plan?.servers.filter((server) => isTracked(server) && (isBalancedByLoad(server) || isDraining(server))) ??
    [];

  const schedule = (cost: Duration): void => {
    const servers = counted();
    const usual = servers.some(isBalancedByLoad) ? SHORTEST_PERIOD : DRAIN_PERIOD;
    const pause = micros(Math.max(usual, cost * SHARE));
    deadlines.set(
      DEADLINE_ID,
      servers.length === 0 ? undefined : after(clock.now(), pause),
      () => void count(),
    );
  };

  const count = async (): Promise<void> => {
    if (conntrack === undefined || counting) return;
    counting = true;
    const loads = new Map<BackendKey, number>();
    const changed = new Set<string>();
    const [running, servers] = [plan, counted()];
    const result = await conntrack.count(
      running === undefined
        ? []
        : servers.map((server) => ({
            selector: selectorOf(server, running),
            targets: server.backends.map(targetOf),
          })),
    );
    const { open, costMicros } = result.ok ? result.value : { open: [], costMicros: 0 };
    for (const [place, server] of result.ok ? servers.entries() : []) {
      const { name, backends } = server;
      for (const [index, backend] of backends.entries()) {
        const key = backendKey(name, backend.name);
        const load = open[place]?.[index] ?? 0;
        if (isBalancedByLoad(server) && loadByKey.get(key) !== load) changed.add(name);
        loads.set(key, load);
      }
    }
    loadByKey = loads;
    tell(loads);
    counting = false;
    for (const name of changed) onChange(name);
    schedule(micros(costMicros));
  };

  return {
    load: (key) => loadByKey.get(key) ?? 0,
    onApplied(applied) {
      const before = counted();
      plan = applied;
      const now = counted();
      if (!counting && now.length !== before.length) schedule(micros(0));
    },
  };
};
