/**
 * What goes wrong, and when: a sequence of faults from a seed.
 *
 * Pure, so that a seed means the same on every machine and the sequence of a failure can be played again, or cut down
 * by hand to what matters.
 */
import { integerBetween, pick, type Random, seededRandom } from "#testing/random";

export type EdgeName = "e1" | "e2";
export type NodeName = "n1" | "n2" | "n3";

/** One thing that goes wrong. Times are in milliseconds. */
export type Fault =
  /** A process is killed, and the supervisor starts the edge again after `restartAfter`. */
  | { readonly type: "kill"; readonly edge: EdgeName; readonly part: Part; readonly restartAfter: number }
  /** A process is frozen for as long as the fault lasts. */
  | { readonly type: "freeze"; readonly edge: EdgeName; readonly part: Part }
  /** The edge is told to end, and started again after `restartAfter`. */
  | { readonly type: "restart"; readonly edge: EdgeName; readonly restartAfter: number }
  /** A power cut, as the others see it. */
  | { readonly type: "silence"; readonly edge: EdgeName }
  | { readonly type: "link-down"; readonly edge: EdgeName }
  /** The edges do not hear each other; everybody else hears both. */
  | { readonly type: "partition" }
  /** That share of the frames from one host to another is lost; `undefined` means to all. */
  | { readonly type: "loss"; readonly from: EdgeName; readonly to?: EdgeName; readonly percent: number }
  /** Somebody plays each advertisement again, once or several times, up to `delay` later. */
  | { readonly type: "replay"; readonly copies: number; readonly delay: number }
  /** Somebody flushes all nftables rules of an edge. */
  | { readonly type: "flush"; readonly edge: EdgeName }
  /** Somebody removes the virtual address from an edge's interface, if it is there. */
  | { readonly type: "remove-address"; readonly edge: EdgeName }
  /** Somebody turns forwarding off. */
  | { readonly type: "reset-setting"; readonly edge: EdgeName }
  /** The edge's clock is set, by so many seconds; the monotonic clock goes on. */
  | { readonly type: "clock-step"; readonly edge: EdgeName; readonly seconds: number }
  /** The file system with the edge's runtime state has no room. */
  | { readonly type: "full-disk"; readonly edge: EdgeName }
  /** A backend goes away and comes back `times` times while the fault lasts. */
  | { readonly type: "flap"; readonly node: NodeName; readonly times: number }
  /** The edge's connection tracking table has no room. */
  | { readonly type: "conntrack-full"; readonly edge: EdgeName }
  /** Small packets from many sources to the virtual address, to a port that nobody serves. */
  | { readonly type: "flood"; readonly seconds: number };

/** Which process of an edge. */
export type Part = "wire" | "agent";

/** A fault, how long it lasts, and how long nothing happens after it, in milliseconds. */
export type Step = { readonly fault: Fault; readonly lasts: number; readonly calm: number };

/** Faults that end by themselves or have happened at once last as long as it takes to see what they did. */
const INSTANT_MS = 300;

type Maker = (random: Random) => { readonly fault: Fault; readonly lasts: number };

const edge = (random: Random): EdgeName => pick(random, ["e1", "e1", "e2"]);
const part = (random: Random): Part => pick(random, ["wire", "wire", "agent"]);
const while_ = (random: Random): number => integerBetween(random, 400, 4_000);

const MAKERS: readonly [Maker, ...Maker[]] = [
  (random) => ({
    fault: {
      ...{ type: "kill", edge: edge(random), part: part(random) },
      restartAfter: integerBetween(random, 100, 2_500),
    },
    lasts: INSTANT_MS,
  }),
  (random) => ({
    fault: { type: "freeze", edge: edge(random), part: part(random) },
    lasts: while_(random),
  }),
  (random) => ({
    fault: { type: "restart", edge: edge(random), restartAfter: integerBetween(random, 100, 2_500) },
    lasts: INSTANT_MS,
  }),
  (random) => ({ fault: { type: "silence", edge: edge(random) }, lasts: while_(random) }),
  (random) => ({ fault: { type: "link-down", edge: edge(random) }, lasts: while_(random) }),
  (random) => ({ fault: { type: "partition" }, lasts: while_(random) }),
  (random) => {
    const from = edge(random);
    const to = from === "e1" ? "e2" : "e1";
    const percent = pick(random, [30, 60, 100]);
    const fault = { type: "loss", from, percent } as const;
    return { fault: random() < 0.5 ? fault : { ...fault, to }, lasts: while_(random) };
  },
  (random) => ({
    fault: {
      ...{ type: "replay", copies: integerBetween(random, 1, 3) },
      delay: integerBetween(random, 0, 150),
    },
    lasts: while_(random),
  }),
  (random) => ({ fault: { type: "flush", edge: edge(random) }, lasts: INSTANT_MS }),
  (random) => ({ fault: { type: "remove-address", edge: edge(random) }, lasts: INSTANT_MS }),
  (random) => ({ fault: { type: "reset-setting", edge: edge(random) }, lasts: INSTANT_MS }),
  (random) => ({
    fault: {
      ...{ type: "clock-step", edge: edge(random) },
      seconds: pick(random, [3_600, -3_600, 86_400 * 400, -86_400 * 400, -5]),
    },
    lasts: while_(random),
  }),
  (random) => ({ fault: { type: "full-disk", edge: edge(random) }, lasts: while_(random) }),
  (random) => ({
    fault: { type: "flap", node: pick(random, ["n1", "n2", "n3"]), times: integerBetween(random, 1, 4) },
    lasts: integerBetween(random, 2_000, 6_000),
  }),
  (random) => ({ fault: { type: "conntrack-full", edge: edge(random) }, lasts: 1_500 }),
  (random) => ({ fault: { type: "flood", seconds: integerBetween(random, 1, 3) }, lasts: 3_000 }),
];

const endsProcesses = ({ type }: Fault): boolean => type === "kill" || type === "restart";

/**
 * As many steps as asked for. Every kind of fault comes up once before one comes up again, in an order of the seed's.
 */
export const planChaos = ({
  seed,
  steps,
  spared = false,
}: {
  readonly seed: number;
  readonly steps: number;
  /** The processes are neither killed nor restarted, so that one sees whether they grow. */
  readonly spared?: boolean;
}): readonly Step[] => {
  const random = seededRandom(seed);
  const plan: Step[] = [];
  let deck: Maker[] = [];
  while (plan.length < steps) {
    if (deck.length === 0) deck = [...MAKERS];
    const [maker = MAKERS[0]] = deck.splice(integerBetween(random, 0, deck.length - 1), 1);
    const step = { ...maker(random), calm: integerBetween(random, 500, 2_000) };
    if (!(spared && endsProcesses(step.fault))) plan.push(step);
  }
  return plan;
};

/** `kill e1 wire (again after 812 ms)`, for people who read what happened. */
export const describeFault = (fault: Fault): string => {
  switch (fault.type) {
    case "kill":
      return `kill the ${fault.part} process of ${fault.edge}, again after ${fault.restartAfter} ms`;
    case "freeze":
      return `freeze the ${fault.part} process of ${fault.edge}`;
    case "restart":
      return `restart ${fault.edge}, again after ${fault.restartAfter} ms`;
    case "partition":
      return "the edges do not hear each other";
    case "loss":
      return `${fault.percent} % of the frames from ${fault.from} to ${fault.to ?? "all"} are lost`;
    case "replay":
      return `advertisements come again ${fault.copies} times within ${fault.delay} ms`;
    case "flap":
      return `${fault.node} goes and comes ${fault.times} times`;
    case "clock-step":
      return `the clock of ${fault.edge} is set by ${fault.seconds} s`;
    case "flood":
      return `a flood of small packets for ${fault.seconds} s`;
    default:
      return `${fault.type} ${fault.edge}`;
  }
};

/** Whether the edges may fail to hear each other, or one of them to act, while this fault lasts. */
export const separates = (fault: Fault): boolean => {
  switch (fault.type) {
    case "kill":
    case "freeze":
      return fault.part === "wire";
    case "restart":
    case "silence":
    case "link-down":
    case "partition":
    case "loss":
    case "flood":
    case "conntrack-full":
      return true;
    default:
      return false;
  }
};
