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
  /** Makes what is sent, right before it is sent: thousands may wait. */
  readonly request: () => { readonly target: Target; readonly write: Write };
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
  /** Forgets what waits under this key; gives whether something waited of which nothing can have reached the API server. */
  drop(key: string): boolean;
  /** Forgets all about a key whose object is gone. */
  forget(key: string): void;
  /** Something that may be lost when there is too much of it. */
  tell(key: string, write: PlannedWrite): void;
  /** Forgets everything that has not begun; resolves when what has begun is over. */
  clear(): Promise<void>;
  /** How many wait or run. */
  readonly waiting: number;
  /** Whether nothing is under way at the API server. */
  readonly isIdle: boolean;
  close(): void;
};

const BACKOFF = { first: millis(50), most: seconds(30) };
/** How fast is written. */
const PACES = {
  /** By one in the whole cluster: an API server takes several hundred status patches a second, and more at once only makes each wait longer. */
  single: {
    statuses: { rate: 1_000, burst: 1_000, parallel: 16, backoff: BACKOFF },
    events: { rate: 200, burst: 500, parallel: 4, backoff: BACKOFF },
  },
  /** By one on each node: when thousands of addresses move, all of them have much to write at once. */
  "each-node": {
    statuses: { rate: 50, burst: 500, parallel: 4, backoff: BACKOFF },
    events: { rate: 10, burst: 200, parallel: 1, backoff: BACKOFF },
  },
} as const;
/** How soon it is asked again whether anything may be written. */
const NOT_NOW = millis(100);
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

type Queue = WorkQueue<string, PlannedWrite>;

type WritesOptions = {
  /** How many write like this one. */
  readonly pace: keyof typeof PACES;
  readonly cluster: Pick<ClusterPort, "write">;
  readonly clock: Pick<Time, "now" | "later">;
  /**
   * Asked before each write is sent: a process that was frozen past its term must not send what had waited, even if nothing
   * has told it yet that it leads no more.
   */
  readonly mayWrite: () => boolean;
  /** Hears of every failure, tried again or not, and with `undefined` of every success. */
  readonly onEnd: (key: string, failure: Failure | undefined) => void;
};

class QueuedWrites implements Writes {
  readonly #options: WritesOptions;
  #statuses: Queue;
  #events: Queue;
  /** How often a write of a key has failed that may have reached the API server all the same. */
  readonly #tries = new Map<string, number>();
  /** Keys of status writes that wait, and of those that run. */
  readonly #waiting = new Set<string>();
  #running = new Set<string>();
  readonly #idle: (() => void)[] = [];
  #underWay = 0;
  #cancel: (() => void) | undefined;
  #isPlanned = false;
  #isClosed = false;

  constructor(options: WritesOptions) {
    this.#options = options;
    this.#statuses = createWorkQueue(PACES[options.pace].statuses);
    this.#events = createWorkQueue(PACES[options.pace].events);
  }

  put(key: string, write: PlannedWrite): void {
    this.#waiting.add(key);
    this.#statuses.put(key, write, this.#options.clock.now());
    this.#plan();
  }

  drop(key: string): boolean {
    const isUnsent = this.#waiting.delete(key) && !this.#running.has(key) && !this.#tries.has(key);
    this.#statuses.drop(key);
    return isUnsent;
  }

  forget(key: string): void {
    this.drop(key);
    this.#tries.delete(key);
  }

  tell(key: string, write: PlannedWrite): void {
    if (this.#events.waiting >= MOST_EVENTS) return;
    this.#events.put(key, write, this.#options.clock.now());
    this.#plan();
  }

  clear(): Promise<void> {
    this.#statuses = createWorkQueue(PACES[this.#options.pace].statuses);
    this.#events = createWorkQueue(PACES[this.#options.pace].events);
    this.#tries.clear();
    this.#waiting.clear();
    // What is under way ends for itself, and says nothing about writes of the same keys that follow.
    this.#running = new Set();
    return this.isIdle ? Promise.resolve() : new Promise((resolve) => void this.#idle.push(resolve));
  }

  get waiting(): number {
    const [statuses, events] = [this.#statuses, this.#events];
    return statuses.waiting + statuses.running + events.waiting + events.running;
  }

  get isIdle(): boolean {
    return this.#underWay === 0;
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel?.();
  }

  async #run(queue: Queue, key: string, planned: PlannedWrite): Promise<void> {
    const running = this.#running;
    this.#underWay += 1;
    this.#waiting.delete(key);
    running.add(key);
    const { target, write } = planned.request();
    const answer = await this.#options.cluster.write(target, write, this.#options.mayWrite);
    running.delete(key);
    this.#endOne();
    // Whatever comes of it after leadership was lost is nobody's business.
    if (queue !== this.#statuses && queue !== this.#events) return;
    const tries = (this.#tries.get(key) ?? 0) + 1;
    const result = resultOf(answer, planned);
    this.#options.onEnd(key, answer.ok ? undefined : answer.failure);
    if (result.type === "failed") {
      this.#tries.set(key, tries);
      this.#waiting.add(key);
    } else this.#tries.delete(key);
    queue.done(key, result, this.#options.clock.now());
    if (result.type !== "failed") planned.done?.({ answer, tries });
    this.#pump();
  }

  #endOne(): void {
    this.#underWay -= 1;
    if (this.#underWay === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** Begins what may begin, and asks to be woken for the rest. */
  #pump(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (this.#isClosed) return;
    const { clock, mayWrite } = this.#options;
    const now = clock.now();
    const queues = [this.#statuses, this.#events];
    if (queues.every(({ waiting }) => waiting === 0)) return;
    if (!mayWrite()) {
      this.#cancel = clock.later(NOT_NOW, () => this.#pump());
      return;
    }
    for (const queue of queues) {
      for (let work = queue.take(now); work !== undefined; work = queue.take(now)) {
        void this.#run(queue, work.key, work.value);
      }
    }
    const due = earliest(...queues.map((queue) => queue.deadline()));
    if (due !== undefined) this.#cancel = clock.later(between(now, due), () => this.#pump());
  }

  /** Takes several puts of one turn of the event loop together. */
  #plan(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    queueMicrotask(() => {
      this.#isPlanned = false;
      this.#pump();
    });
  }
}

/** A writer with nothing to do yet. */
export const createWrites = (options: WritesOptions): Writes => new QueuedWrites(options);
