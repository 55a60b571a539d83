/** What a node's death cost each flow. Pure. */
import type { Instant } from "#base/time";

/** When an answer came, and which node gave it. */
export type Answer = readonly [at: Instant, node: string];

/** The answers of each flow, in order. */
export type FlowsRecord = { readonly flows: readonly (readonly Answer[])[] };

/** How long flows were without an answer, in milliseconds. */
export type Outages = {
  /** Of the flows that the dead node had answered: from its last answer to another's first. */
  readonly lost: readonly number[];
  /** Flows of the dead node that nobody answered any more. */
  readonly forsaken: number;
  /** The longest that a flow of another node was without an answer from the fault on. */
  readonly others: number;
};

const toMs = (from: Instant, to: Instant): number => (to - from) / 1_000;

const longestAfter = (answers: readonly Answer[], fault: Instant): number => {
  let longest = 0;
  let last: Instant | undefined;
  for (const [at] of answers) {
    if (last !== undefined && at >= fault) longest = Math.max(longest, toMs(last, at));
    last = at;
  }
  return longest;
};

/** What became of all flows when `node` died. */
export const outagesOf = (
  { flows }: FlowsRecord,
  { node, fault }: { readonly node: string; readonly fault: Instant },
): Outages => {
  const lost: number[] = [];
  let forsaken = 0;
  let others = 0;
  for (const answers of flows) {
    const last = answers.findLast(([at]) => at < fault);
    if (last === undefined) continue;
    if (last[1] !== node) {
      others = Math.max(others, longestAfter(answers, fault));
      continue;
    }
    // What was under way when the node died may still arrive.
    const next = answers.find(([at, by]) => at >= fault && by !== node);
    const end = answers.findLast(([at, by]) => by === node && (next === undefined || at < next[0])) ?? last;
    if (next === undefined) forsaken += 1;
    else lost.push(toMs(end[0], next[0]));
  }
  return { lost, forsaken, others };
};
