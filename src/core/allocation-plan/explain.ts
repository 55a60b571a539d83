/** Why one Service has the addresses that it has, or would have. */
import type { Explanation } from "#core/allocation/explain";
import type { Decision } from "#core/ipam/decide";
import { type ObjectKey, objectKey } from "#core/kubernetes/meta";
import type { ObjectProblem } from "#core/metallb/problem";
import { readConfiguration } from "#core/metallb/read";
import { Rehearsal } from "./rehearsal.ts";
import type { World } from "./world.ts";

/** An explanation, and the rule by which it came about. */
export type Explained = {
  readonly explanation: Explanation;
  /**
   * The decision that gave or refused the addresses, where that is known; an explanation by itself only says that a Service
   * keeps what it has.
   */
  readonly cause: Decision | undefined;
};

export type ExplainedService =
  | { readonly ok: true; readonly explained: Explained }
  | { readonly ok: false; readonly reason: "invalid"; readonly problems: readonly ObjectProblem[] }
  | { readonly ok: false; readonly reason: "unknown" };

/** The decision that gave a Service the addresses that it has in the end. */
const causeOf = (decisions: readonly Decision[], final: Decision): Decision => {
  if (final.outcome === "refused") return decisions.findLast(({ outcome }) => outcome === "refused") ?? final;
  const isCause = (decision: Decision): boolean =>
    decision.outcome === "allocated" &&
    decision.how !== "kept" &&
    decision.addresses.join() === final.addresses.join();
  return decisions.findLast(isCause) ?? final;
};

/** Explains a Service of a world, as a controller would that has come to rest in it. */
export const explainService = (
  world: World,
  { service, lbClass }: { readonly service: ObjectKey; readonly lbClass: string | undefined },
): ExplainedService => {
  const read = readConfiguration(world);
  if (!read.ok) return { ok: false, reason: "invalid", problems: read.problems };
  const before = world.services.find(({ meta }) => objectKey(meta) === service);
  if (before === undefined) return { ok: false, reason: "unknown" };
  const rehearsal = new Rehearsal(lbClass);
  rehearsal.start(read.configuration, world.services);
  const explanation = rehearsal.allocation.explain(service);
  if (explanation === undefined) return { ok: false, reason: "unknown" };
  // What the status said before anything was written here.
  const status = before.ingress.map(({ ip, hostname }) => ip ?? hostname ?? "");
  const decisions = rehearsal.drainDecisions().get(service) ?? [];
  const cause = explanation.state === "decided" ? causeOf(decisions, explanation.decision) : undefined;
  return { ok: true, explained: { explanation: { ...explanation, status }, cause } };
};
