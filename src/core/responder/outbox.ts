/**
 * Announcements and probes on their way out: not more than so many a second, the urgent ones first.
 *
 * What waits is kept once: an announcement that is asked for while the same one waits is the same announcement. So what
 * waits is bounded by the number of addresses, links and forms.
 */
import { earliest, type Instant } from "#base/time";
import { TokenBucket } from "./limits.ts";

/**
 * Where neighbours are being told otherwise goes first; first announcements go before probes, these before repetitions and refreshes.
 */
export const LANES = ["disputed", "first", "probe", "again"] as const;
export type Lane = (typeof LANES)[number];

/** Frames in one turn, and the most that may leave at once. */
const AT_ONCE = 64;
/** As many tokens as are waited for, so that a long queue wakes the thread a few hundred times a second. */
const BATCH = 16;

type Queue<Item> = { items: Item[]; head: number };

/** `Item` knows the lane in which it waits; one that was moved is found twice and skipped once. */
export class Outbox<Item extends { lane: Lane | undefined }> {
  readonly #bucket: TokenBucket;
  readonly #queues: Readonly<Record<Lane, Queue<Item>>> = {
    disputed: { items: [], head: 0 },
    first: { items: [], head: 0 },
    probe: { items: [], head: 0 },
    again: { items: [], head: 0 },
  };

  constructor(framesPerSecond: number) {
    this.#bucket = new TokenBucket(framesPerSecond, AT_ONCE);
  }

  /** Lets something wait in a lane; what waits in a better one already stays there. */
  put(item: Item, lane: Lane): void {
    if (item.lane !== undefined && LANES.indexOf(item.lane) <= LANES.indexOf(lane)) return;
    item.lane = lane;
    this.#queues[lane].items.push(item);
  }

  /** The next that may leave now; `undefined` when nothing waits or the rate is used up. */
  take(now: Instant): Item | undefined {
    for (const lane of LANES) {
      for (let item = this.#peek(lane); item !== undefined; item = this.#peek(lane)) {
        const isHere = item.lane === lane;
        if (isHere && !this.#bucket.take(now)) return undefined;
        this.#advance(lane);
        if (!isHere) continue;
        item.lane = undefined;
        return item;
      }
    }
    return undefined;
  }

  /** When something may leave; `undefined` when nothing waits. */
  deadline(now: Instant): Instant | undefined {
    return earliest(
      ...LANES.map((lane) => {
        const { items, head } = this.#queues[lane];
        const waiting = items.length - head;
        return waiting === 0 ? undefined : this.#bucket.readyAt(Math.min(BATCH, waiting), now);
      }),
    );
  }

  #peek(lane: Lane): Item | undefined {
    const { items, head } = this.#queues[lane];
    return items[head];
  }

  #advance(lane: Lane): void {
    const queue = this.#queues[lane];
    queue.head += 1;
    if (queue.head < queue.items.length && queue.head < 4_096) return;
    queue.items = queue.items.slice(queue.head);
    queue.head = 0;
  }
}
