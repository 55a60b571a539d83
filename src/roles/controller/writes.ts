/**
 * Carries writes out at the API server: one at a time for each key, the newest wins, and those that fail wait.
 *
 * Status comes before Events: a Service that waits for its address must not wait for what is said about others.
 */
import { between, earliest, millis, seconds } from "#base/time";
import { createWorkQueue, type WorkQueue, type WorkResult } from "#core/kubernetes/work-queue";
import type { Answer, ClusterPort, Failure, Target, Write } from "#drivers/kubernetes/port";
import type { Time } from "#drivers/kubernetes/time";

/** A write and what becomes of its outcome. */
export type PlannedWrite = {
  readonly target: Target;
  readonly write: Write;
  /** Called once, when it has succeeded or will not be tried again. */
  readonly done?: (outcome: { readonly answer: Answer; readonly tries: number }) => void;
  /**
   * Whether a failure can be mended by asking again. Without it: everything but conflicts, absent objects and refusals,
   * for which the caller must decide anew.
   */
  readonly isWorthAnother?: (failure: Failure) => boolean;
};

export type Writes = {
  /** What a Service or another object is to become; replaces what still waits under this key. */
  put(key: string, write: PlannedWrite): void;
  /** Something that may be lost when there is too much of it. */
  tell(key: string, write: PlannedWrite): void;
  /** Forgets everything that has not begun; resolves when what has begun is over. */
  clear(): Promise<void>;
  /** How many wait or run. */
  readonly waiting: number;
  close(): void;
};

const BACKOFF = { first: millis(50), most: seconds(30) };
/** A cluster's API server takes several hundred status patches a second; more at once only makes each wait longer. */
const STATUS = { rate: 1_000, burst: 1_000, parallel: 16, backoff: BACKOFF } as const;
const EVENTS = { rate: 200, burst: 500, parallel: 4, backoff: BACKOFF } as const;
/** Events that may wait; the API server is too busy for more. */
const MOST_EVENTS = 20_000;

const isPassing = ({ reason }: Failure): boolean =>
  reason === "unreachable" ||
  reason === "throttled" ||
  reason === "server-error" ||
  reason === "unauthorized";

const resultOf = (answer: Answer, { isWorthAnother = isPassing }: PlannedWrite): WorkResult => {
  if (answer.ok) return { type: "succeeded" };
  if (!isWorthAnother(answer.failure)) return { type: "refused" };
  const { retryAfter } = answer.failure;
  return {
    type: "failed",
    ...(retryAfter === undefined ? {} : { retryAfter: millis(retryAfter) }),
  };
};

/** A writer on `cluster`; `onFailure` hears of every failure, tried again or not. */
export const createWrites = (options: {
  readonly cluster: Pick<ClusterPort, "write">;
  readonly clock: Pick<Time, "now" | "later">;
  readonly onFailure: (key: string, failure: Failure) => void;
}): Writes => {
  const { cluster, clock, onFailure } = options;
  const makeQueue = (config: typeof STATUS | typeof EVENTS): WorkQueue<string, PlannedWrite> =>
    createWorkQueue(config);
  let queues = [makeQueue(STATUS), makeQueue(EVENTS)] as const;
  const tries = new Map<string, number>();
  const idle: (() => void)[] = [];
  let underWay = 0;
  let cancel: (() => void) | undefined;
  let closed = false;

  const run = async (
    queue: WorkQueue<string, PlannedWrite>,
    key: string,
    planned: PlannedWrite,
  ): Promise<void> => {
    underWay += 1;
    const answer = await cluster.write(planned.target, planned.write);
    underWay -= 1;
    if (underWay === 0) for (const resolve of idle.splice(0)) resolve();
    if (!queues.includes(queue)) return;
    const count = (tries.get(key) ?? 0) + 1;
    const result = resultOf(answer, planned);
    if (!answer.ok) onFailure(key, answer.failure);
    if (result.type === "failed") tries.set(key, count);
    else tries.delete(key);
    queue.done(key, result, clock.now());
    if (result.type !== "failed") planned.done?.({ answer, tries: count });
    pump();
  };

  const pump = (): void => {
    cancel?.();
    cancel = undefined;
    if (closed) return;
    const now = clock.now();
    for (const queue of queues) {
      for (let work = queue.take(now); work !== undefined; work = queue.take(now)) {
        void run(queue, work.key, work.value);
      }
    }
    const next = queues.flatMap((queue) => queue.deadline() ?? []);
    const due = earliest(...next);
    if (due !== undefined) cancel = clock.later(between(now, due), pump);
  };

  /** Takes several puts of one turn of the event loop together. */
  let isPlanned = false;
  const plan = (): void => {
    if (isPlanned) return;
    isPlanned = true;
    queueMicrotask(() => {
      isPlanned = false;
      pump();
    });
  };

  return {
    put(key, write) {
      queues[0].put(key, write, clock.now());
      plan();
    },
    tell(key, write) {
      if (queues[1].waiting >= MOST_EVENTS) return;
      queues[1].put(key, write, clock.now());
      plan();
    },
    clear() {
      queues = [makeQueue(STATUS), makeQueue(EVENTS)];
      tries.clear();
      return underWay === 0 ? Promise.resolve() : new Promise((resolve) => void idle.push(resolve));
    },
    get waiting() {
      return queues.reduce((sum, { waiting, running }) => sum + waiting + running, 0);
    },
    close() {
      closed = true;
      cancel?.();
    },
  };
};
