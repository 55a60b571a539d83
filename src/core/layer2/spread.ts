/**
 * The even spread: which node is to hold which address, so that none holds more than its share and few have to move.
 *
 * A pure function of what every speaker reads from the API server: the addresses, their candidates, and who is recorded as
 * their holder. `docs/decisions/0008-sticky-placement.md` says why that is enough, and what happens while speakers do not
 * see the same.
 */
import { Flow } from "./spread-flow.ts";

/** What is to be placed: an address, and those that go with it. */
export type Item = {
  /** Unique. */
  readonly id: string;
  /** Nodes that may be given it, in the order of their names; at least one. Many items share one set. */
  readonly takers: ReadonlySet<string>;
  /** The recorded holder, if it may go on: a taker, or a node that may keep and not be given; `undefined` if there is none. */
  readonly home: string | undefined;
  /** The takers in the order in which they are tried; deterministic. */
  readonly preference: () => Iterable<string>;
  /** By which a node that has to give some up chooses: it keeps the smallest. Deterministic. */
  readonly attachment: () => number;
};

export type Spread = {
  /** The node for each item. */
  readonly nodeById: ReadonlyMap<string, string>;
  /** The most that a node was to hold; some hold more if there are items that cannot go elsewhere. */
  readonly bound: number;
};

const compareIds = (left: Item, right: Item): number =>
  left.id < right.id ? -1 : Number(left.id > right.id);

/** `slack` times the even share, rounded up. */
const boundFor = (items: number, nodes: number, slack: number): number =>
  nodes === 0 ? 0 : Math.ceil((slack * items) / nodes);

/** Nodes that some of the items may be given to. */
const takersOf = (items: readonly Item[]): ReadonlySet<string> =>
  new Set([...new Set(items.map(({ takers }) => takers))].flatMap((takers) => [...takers]));

/** Leaves to each node, of those recorded there, as many as it may hold; gives back the others. */
const keep = (flow: Flow, items: readonly Item[]): readonly Item[] => {
  const byHome = new Map<string, Item[]>();
  const rest: Item[] = [];
  for (const item of items) {
    if (item.home === undefined) rest.push(item);
    else {
      const atHome = byHome.get(item.home);
      if (atHome === undefined) byHome.set(item.home, [item]);
      else atHome.push(item);
    }
  }
  for (const [home, atHome] of byHome) {
    const attached =
      atHome.length <= flow.bound
        ? atHome
        : atHome
            .map((item) => ({ item, attachment: item.attachment() }))
            .sort((left, right) => left.attachment - right.attachment || compareIds(left.item, right.item))
            .map(({ item }) => item);
    for (const item of attached.slice(0, flow.bound)) flow.put(item, home);
    rest.push(...attached.slice(flow.bound));
  }
  return rest.sort(compareIds);
};

const firstWithRoom = (flow: Flow, item: Item, bound: number): string | undefined => {
  for (const node of item.preference()) if (flow.load(node) < bound) return node;
  return undefined;
};

/** Places what no exchange can bring within the bound: evenly among the nodes that it may go to, at home if possible. */
const placeBeyond = (flow: Flow, items: readonly Item[], slack: number): void => {
  const nodes = takersOf(items);
  const held = [...nodes].reduce((sum, node) => sum + flow.load(node), 0);
  const raised = Math.max(flow.bound, boundFor(held + items.length, nodes.size, slack));
  const homeless = items.filter((item) => {
    if (item.home === undefined || flow.load(item.home) >= raised) return true;
    flow.put(item, item.home);
    return false;
  });
  for (const item of homeless) {
    const least = [...item.takers].reduce((best, node) => (flow.load(node) < flow.load(best) ? node : best));
    flow.put(item, firstWithRoom(flow, item, raised) ?? least);
  }
};

/**
 * Spreads items over nodes: no node is given more than `slack` (at least 1) times its share if that can be, and as few items
 * as possible leave their recorded holder. The order of the items does not matter.
 */
export const spread = (items: readonly Item[], slack: number): Spread => {
  const nodeById = new Map<string, string>();
  const placed: Item[] = [];
  for (const item of items.toSorted(compareIds)) {
    if (item.home === undefined || item.takers.has(item.home)) placed.push(item);
    else nodeById.set(item.id, item.home);
  }
  const bound = boundFor(placed.length, takersOf(placed).size, slack);
  const flow = new Flow(bound);
  const beyond: Item[] = [];
  for (const item of keep(flow, placed)) {
    const node = firstWithRoom(flow, item, bound);
    if (node !== undefined) flow.put(item, node);
    else if (flow.makeRoom(item) === "saturated") beyond.push(item);
  }
  placeBeyond(flow, beyond, slack);
  for (const [node, held] of flow.held) for (const { id } of held) nodeById.set(id, node);
  return { nodeById, bound };
};
