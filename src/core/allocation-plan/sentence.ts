/** Plans and explanations in words, for files and for a running controller alike. Text from outside is bounded. */
import type { Explanation, PoolVerdict } from "#core/allocation/explain";
import type { How } from "#core/ipam/choose";
import type { Decision } from "#core/ipam/decide";
import { type RefusalReason, type Tried, triedText } from "#core/ipam/refusal";
import type { Explained } from "./explain.ts";
import type { Move, Pending, Plan } from "./plan.ts";

/** By which rule a Service has an address, after "because". */
const RULES: Readonly<Record<How, string>> = {
  kept: "it has it already and may keep it",
  completed: "it has one of this pool already, and gets the other family from the same one",
  requested: "it asks for exactly this",
  reserved: "a reservation keeps it for the Service",
  "named-pool": "it names the pool",
  "pinned-pool": "serviceAllocation of the pool admits it",
  "automatic-pool": "the pool gives addresses to every Service",
};

const LONGEST = 1_500;
/** Most pools that are listed of one Service. */
const MOST_POOLS = 50;

const cut = (text: string): string => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);
const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);
const and = (texts: readonly string[]): string => texts.join(" and ");

/** The last decision that gave something new, and the first that took something away. */
const turningPoints = (decisions: readonly Decision[]) => ({
  given: decisions.findLast(
    (decision): decision is Extract<Decision, { outcome: "allocated" }> =>
      decision.outcome === "allocated" && decision.how !== "kept",
  ),
  lost: decisions.flatMap(({ lost }) => (lost === undefined || lost.addresses.length === 0 ? [] : [lost]))[0],
  refused: decisions.findLast(
    (decision): decision is Extract<Decision, { outcome: "refused" }> => decision.outcome === "refused",
  ),
});

const reasonOf = ({ change, decisions }: Move): string => {
  const { given, lost, refused } = turningPoints(decisions);
  const why = lost?.message ?? refused?.refusal.message;
  if (change === "removed") return "the Service itself goes away";
  if (change === "gets") return given === undefined ? "" : RULES[given.how];
  return why ?? (given === undefined ? "" : RULES[given.how]);
};

/** `shop/api changes from 192.168.41.3 to 192.168.41.1 of pool shop: no pool has all of its addresses any more`. */
export const moveText = (move: Move): string => {
  const { service, change, before, after, pool, isAnyway } = move;
  const of = pool === undefined ? "" : ` of pool ${pool}`;
  const what = {
    gets: `gets ${and(after.filter((address) => !before.includes(address)))}${of}`,
    loses: `loses ${and(before.filter((address) => !after.includes(address)))}`,
    changes: `changes from ${and(before)} to ${and(after)}${of}`,
    removed: `loses ${and(before)}`,
  }[change];
  const reason = reasonOf(move);
  const anyway = isAnyway ? " (without the change as well)" : "";
  return cut(`${service} ${what}${reason === "" ? "" : `: ${reason}`}${anyway}`);
};

/** `tools/mail has no address: 192.168.42.25 is in no pool; ask for another address, or add it to a pool`. */
export const pendingText = ({ service, isNew, decision }: Pending): string => {
  const { message, remedy } = decision.refusal;
  return cut(
    `${service} ${isNew ? "is left without an address" : "still has no address"}: ${message}; ${remedy}`,
  );
};

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;

/** One line for each Service of which there is something to say, and one that sums up. */
export const planLines = ({ moves, pending, unchanged, notOurs }: Plan): readonly string[] => {
  const count = (change: Move["change"]): number => moves.filter((move) => move.change === change).length;
  const parts = [
    `${counted(unchanged, "Service")} unchanged`,
    `${count("gets")} gain`,
    `${count("changes")} change`,
    `${count("loses") + count("removed")} lose`,
    `${pending.length} without an address`,
    ...(notOurs === 0 ? [] : [`${notOurs} not ours`]),
  ];
  return [...moves.map(moveText), ...pending.map(pendingText), parts.join(", ")];
};

const poolLine = (verdict: PoolVerdict): string =>
  verdict.verdict === "refuses"
    ? `  ${verdict.text}`
    : `  pool ${verdict.pool} could give ${and(verdict.addresses)}`;

/** Why these pools are listed. */
const HEADINGS = {
  refused: "Pools, in the order in which they are asked:",
  asked: "It asks for something of its own. If it did not, in this order:",
  allocated: "Other pools, in the order in which they are asked:",
} as const;

const poolLines = (heading: keyof typeof HEADINGS, pools: readonly PoolVerdict[]): readonly string[] => {
  if (pools.length === 0) return [];
  const more = pools.length - MOST_POOLS;
  const lines = pools.slice(0, MOST_POOLS).map(poolLine);
  return [HEADINGS[heading], ...lines, ...(more > 0 ? [`  and ${more} more`] : [])];
};

/** Refusals of what the Service itself asks for, to which the pools that it does not ask have nothing to say. */
const ABOUT_POOLS: ReadonlySet<RefusalReason> = new Set(["no-pool-applies", "pools-exhausted"]);

const triedLines = (tried: readonly Tried[]): readonly string[] =>
  tried.length === 0 ? [] : [`Before it was asked: ${tried.slice(0, MOST_POOLS).map(triedText).join("; ")}.`];

const statusLine = ({ status }: Explanation, addresses: readonly string[]): readonly string[] =>
  status.join() === addresses.join()
    ? []
    : [`Its status lists ${status.length === 0 ? "no address" : and(status.slice(0, 8))} so far.`];

const NOT_OURS = {
  "not-a-load-balancer": "is not of type LoadBalancer, so it gets no address",
  "other-class": "has a loadBalancerClass that is not served here",
} as const;

const decidedLines = (
  explanation: Extract<Explanation, { state: "decided" }>,
  cause: Decision | undefined,
): readonly string[] => {
  const { key, decision, condition, pools } = explanation;
  const about = cause ?? decision;
  const lost =
    about.lost === undefined || about.lost.addresses.length === 0
      ? []
      : [`It gave up ${and(about.lost.addresses)}: ${about.lost.message}.`];
  if (decision.outcome === "refused") {
    const { reason, message, remedy } = decision.refusal;
    return [
      `${key} has no address: ${message}.`,
      `${capital(remedy)}.`,
      ...statusLine(explanation, []),
      ...lost,
      ...poolLines(ABOUT_POOLS.has(reason) ? "refused" : "asked", pools),
    ];
  }
  const rule = RULES[about.outcome === "allocated" ? about.how : decision.how];
  const remarks = decision.remarks.length === 0 ? [] : [condition.message];
  return [
    `${key} has ${and(decision.addresses)} of pool ${decision.pool}: ${rule}.`,
    ...statusLine(explanation, decision.addresses),
    ...lost,
    ...remarks,
    ...triedLines(about.tried),
    ...poolLines(
      "allocated",
      pools.filter(({ pool }) => pool !== decision.pool),
    ),
  ];
};

/** Why a Service has what it has, in a few lines. */
export const explanationLines = ({ explanation, cause }: Explained): readonly string[] => {
  switch (explanation.state) {
    case "loading":
      return [`${explanation.key}: nothing is decided yet, since not everything has been read.`];
    case "not-ours":
      return [`${explanation.key} ${NOT_OURS[explanation.because]}.`];
    default:
      return decidedLines(explanation, cause).map(cut);
  }
};
