/**
 * Who holds what while addresses are spread, and the cheapest chain of moves that makes room for one more.
 *
 * Addresses and nodes with a bound are a flow of least cost, where an address that is not at home costs one. Each address is
 * added along the cheapest path in the residual graph, so the moves are as few as can be (successive shortest paths; Ahuja,
 * Magnanti, Orlin, Network Flows, 1993, §9.7). Nearly all paths have one step; this file is for the others.
 */
import type { Item } from "./spread.ts";

/** How a node is reached: by moving this item there from another node, or from outside if `from` is `undefined`. */
type Step = { readonly cost: number; readonly item: Item; readonly from: string | undefined };

const NOTHING: ReadonlySet<Item> = new Set();

/** 0 at home, 1 elsewhere. */
const costAt = (item: Item, node: string): number => Number(item.home !== undefined && item.home !== node);

export class Flow {
  /** The most that a node holds, but for what nothing else can be done about. */
  readonly bound: number;
  readonly #held = new Map<string, Set<Item>>();
  /** Nodes from which no chain leads to room; loads never shrink, so none ever will. */
  readonly #saturated = new Set<string>();

  constructor(bound: number) {
    this.bound = bound;
  }

  get held(): ReadonlyMap<string, ReadonlySet<Item>> {
    return this.#held;
  }

  load(node: string): number {
    return this.#held.get(node)?.size ?? 0;
  }

  put(item: Item, node: string): void {
    const held = this.#held.get(node);
    if (held === undefined) this.#held.set(node, new Set([item]));
    else held.add(item);
  }

  /** Places an item whose takers are all full by moving others, as few as possible; or finds that nothing helps. */
  makeRoom(item: Item): "placed" | "saturated" {
    const reached = this.#reach(item);
    const end = this.#cheapestEnd(reached);
    if (end === undefined) {
      for (const node of reached.keys()) this.#saturated.add(node);
      return "saturated";
    }
    let to = end;
    for (;;) {
      const step = reached.get(to);
      if (step === undefined) return "placed";
      this.put(step.item, to);
      if (step.from === undefined) return "placed";
      this.#held.get(step.from)?.delete(step.item);
      to = step.from;
    }
  }

  /** The cheapest way to each node that chains from an item lead to (Bellman and Ford, with a queue). */
  #reach(item: Item): ReadonlyMap<string, Step> {
    const reached = new Map<string, Step>();
    const queue: string[] = [];
    const offer = (node: string, step: Step): void => {
      if (this.#saturated.has(node)) return;
      const before = reached.get(node);
      if (before !== undefined && before.cost <= step.cost) return;
      reached.set(node, step);
      queue.push(node);
    };
    for (const node of item.takers) offer(node, { cost: costAt(item, node), item, from: undefined });
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      if (this.load(next) < this.bound) continue;
      const { cost } = reached.get(next) ?? { cost: 0 };
      for (const moved of this.#held.get(next) ?? NOTHING) {
        for (const node of moved.takers) {
          if (node === next) continue;
          const more = costAt(moved, node) - costAt(moved, next);
          offer(node, { cost: cost + more, item: moved, from: next });
        }
      }
    }
    return reached;
  }

  /** Of the nodes with room, the one that is reached at the least cost; of several, the first by name. */
  #cheapestEnd(reached: ReadonlyMap<string, Step>): string | undefined {
    let end: string | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const [node, { cost }] of reached) {
      if (this.load(node) >= this.bound) continue;
      if (cost < least || (cost === least && end !== undefined && node < end)) {
        end = node;
        least = cost;
      }
    }
    return end;
  }
}
