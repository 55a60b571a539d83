/** What the Services on an address ask of a node, and the nodes that do. */
import { at } from "#base/assert";
import { type Candidate, candidateOf, unionOf } from "./candidate.ts";
import type { Field, Verdict } from "./field.ts";
import { LEFT_OUT_TEXTS, type LeftOut } from "./reason.ts";

/** What one Service asks. */
export type Demand = {
  readonly field: Field;
  /** Nodes where something serves, by name, if the answering node must be one of them; `undefined` if any will do. */
  readonly among: readonly string[] | undefined;
};

type Merged = {
  readonly candidate: Candidate;
  readonly subnet: "same" | "other" | "unknown";
  readonly met: number;
};

const merge = (
  left: Merged | undefined,
  { candidate, subnet }: Extract<Verdict, { type: "candidate" }>,
): Merged =>
  left === undefined
    ? { candidate, subnet, met: 1 }
    : {
        candidate: {
          ...left.candidate,
          interfaces: unionOf(left.candidate.interfaces, candidate.interfaces),
          // A sum, so that a node that is the first choice of each Service alone is that of all.
          preference: left.candidate.preference + candidate.preference,
        },
        subnet: left.subnet === "same" ? "same" : subnet,
        met: left.met + 1,
      };

const gather = (demands: readonly Demand[]): readonly Merged[] => {
  const byNode = new Map<string, Merged>();
  for (const { field, among } of demands) {
    for (const name of among ?? field.verdicts.keys()) {
      const verdict = field.verdicts.get(name);
      if (verdict?.type === "candidate") byNode.set(name, merge(byNode.get(name), verdict));
    }
  }
  return [...byNode.values()];
};

/**
 * A subnet counts only where some candidate is in it: pools that no node has an address in are routed to the segment, and work.
 */
const withinSubnet = (merged: readonly Merged[]): readonly Merged[] =>
  merged.some(({ subnet }) => subnet === "same") ? merged.filter(({ subnet }) => subnet !== "other") : merged;

const byName = (left: { readonly node: string }, right: { readonly node: string }): number =>
  left.node < right.node ? -1 : 1;

/** Whether any node meets a demand. */
export const isMet = ({ field, among }: Demand): boolean =>
  among === undefined
    ? field.candidates > 0
    : among.some((name) => field.verdicts.get(name)?.type === "candidate");

/** The nodes that meet at least one of the demands, by name. Those that meet fewer lack something. */
export const candidatesFor = (demands: readonly Demand[]): readonly Candidate[] =>
  withinSubnet(gather(demands))
    .map(({ candidate, met }) =>
      demands.length === 1 ? candidate : candidateOf({ ...candidate, lacks: demands.length - met }),
    )
    .sort(byName);

/** Why a node that is known to a field meets no demand. */
const whyNot = (name: string, demands: readonly Demand[]): LeftOut => {
  const reasons = demands.map(({ field, among }): LeftOut | undefined => {
    const verdict = field.verdicts.get(name);
    if (verdict?.type === "left-out") return verdict.leftOut;
    if (among === undefined || among.includes(name)) return undefined;
    return { node: name, reason: "no-local-endpoint", text: LEFT_OUT_TEXTS["no-local-endpoint"] };
  });
  // It met a demand, and was left out afterwards.
  return reasons.includes(undefined)
    ? { node: name, reason: "other-subnet", text: LEFT_OUT_TEXTS["other-subnet"] }
    : (reasons[0] ?? { node: name, reason: "no-advertisement", text: LEFT_OUT_TEXTS["no-advertisement"] });
};

/** The nodes that are no candidates, each with the reason, by name. Costs a step for each node: for those who ask. */
export const leftOutFor = (
  demands: readonly Demand[],
  candidates: readonly Candidate[],
): readonly LeftOut[] => {
  const kept = new Set(candidates.map(({ node }) => node));
  return [...at(demands, 0).field.verdicts.keys()]
    .filter((name) => !kept.has(name))
    .map((name) => whyNot(name, demands))
    .sort(byName);
};
