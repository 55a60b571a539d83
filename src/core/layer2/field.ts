/** Which nodes may answer for the Services that the same advertisements mean, in the same networks. */
import { assert } from "#base/assert";
import { matches, matchesAny } from "#core/kubernetes/selector";
import type { L2Advertisement } from "#core/metallb/model";
import { impairmentsOf, type Noticed } from "#core/node/impairment";
import type { Node } from "#core/node/node";
import { type Candidate, candidateOf, type Interfaces, unionOf } from "./candidate.ts";
import type { Demand } from "./demand.ts";
import { type FitLink, type Fitness, type NetworkKey, networksOf } from "./fitness.ts";
import { gradeOf } from "./grading.ts";
import { LEFT_OUT_TEXTS, type LeftOut, type LeftOutReason } from "./reason.ts";
import type { Rules } from "./rules.ts";

/** All that is known of a node. */
export type NodeFacts = {
  readonly name: string;
  /** `undefined` while there is no such object. */
  readonly node: Node | undefined;
  readonly speaker: "runs" | "absent";
  /** `undefined` while nothing was reported. */
  readonly fitness: Fitness | undefined;
  /** What is the matter with it; nothing if there is no object. */
  readonly noticed: readonly Noticed[];
};

/** A node as it was judged. */
export type Verdict =
  | {
      readonly type: "candidate";
      readonly candidate: Candidate;
      /** Whether it is known to be in a network of the address, or known not to be. */
      readonly subnet: "same" | "other" | "unknown";
    }
  | { readonly type: "left-out"; readonly leftOut: LeftOut };

/** What is known of a node, with what is the matter with it. */
export const nodeFacts = (facts: Omit<NodeFacts, "noticed">, rules: Rules): NodeFacts => ({
  ...facts,
  noticed: facts.node === undefined ? [] : impairmentsOf(facts.node, rules.leavingTaints),
});

const EXCLUDED = "node.kubernetes.io/exclude-from-external-load-balancers";

const leftOut = (node: string, reason: LeftOutReason, text: string): Verdict => ({
  type: "left-out",
  leftOut: { node, reason, text },
});

const plainly = (node: string, reason: keyof typeof LEFT_OUT_TEXTS): Verdict =>
  leftOut(node, reason, LEFT_OUT_TEXTS[reason]);

const interfacesOf = (ads: readonly L2Advertisement[]): Interfaces =>
  ads.map(({ interfaces }): Interfaces => interfaces?.toSorted() ?? "all").reduce(unionOf);

const preferenceOf = (ads: readonly L2Advertisement[], { labels }: Node): number =>
  ads
    .flatMap(({ preferredNodes }) => preferredNodes)
    .reduce((sum, { weight, selector }) => (matches(selector, labels) ? sum + weight : sum), 0);

const usable = ({ links }: Fitness, interfaces: Interfaces): readonly FitLink[] =>
  interfaces === "all" ? links : links.filter(({ name }) => interfaces.includes(name));

/** Judges nodes, one by one as they change. */
export class Field {
  readonly ads: readonly L2Advertisement[];
  /** What a Service asks that any of its nodes may answer for, as a list of it. */
  readonly anywhere: readonly [Demand];
  readonly #networks: ReadonlySet<NetworkKey>;
  readonly #rules: Rules;
  readonly #verdicts = new Map<string, Verdict>();
  #candidates = 0;

  constructor(
    ads: readonly L2Advertisement[],
    { networks, rules }: { readonly networks: readonly NetworkKey[]; readonly rules: Rules },
  ) {
    assert(ads.length > 0, "where nothing is advertised, no node is judged");
    this.ads = ads;
    this.anywhere = [{ field: this, among: undefined }];
    this.#networks = new Set(networks);
    this.#rules = rules;
  }

  /** Every node, in no particular order. */
  get verdicts(): ReadonlyMap<string, Verdict> {
    return this.#verdicts;
  }

  /** How many of them are candidates. */
  get candidates(): number {
    return this.#candidates;
  }

  /** Judges a node anew; says whether it matters for the candidates. */
  judge(facts: NodeFacts): "changed" | "same" {
    return this.#replace(facts.name, this.#verdictOn(facts));
  }

  /** Forgets a node. */
  forget(name: string): "changed" | "same" {
    return this.#replace(name, undefined);
  }

  #replace(name: string, verdict: Verdict | undefined): "changed" | "same" {
    const before = this.#verdicts.get(name);
    if (verdict === undefined) this.#verdicts.delete(name);
    else this.#verdicts.set(name, verdict);
    if (before?.type === "candidate") this.#candidates -= 1;
    if (verdict?.type === "candidate") this.#candidates += 1;
    if (before?.type !== "candidate" || verdict?.type !== "candidate")
      return before?.type === "candidate" || verdict?.type === "candidate" ? "changed" : "same";
    const isSame = before.candidate.key === verdict.candidate.key && before.subnet === verdict.subnet;
    return isSame ? "same" : "changed";
  }

  #verdictOn(facts: NodeFacts): Verdict {
    const { name, node, noticed } = facts;
    const { grading, excludeLabel } = this.#rules;
    if (node === undefined) return plainly(name, "node-unknown");
    if (facts.speaker === "absent") return plainly(name, "no-speaker");
    const ads = this.ads.filter(
      ({ nodeSelectors }) => nodeSelectors.length === 0 || matchesAny(nodeSelectors, node.labels),
    );
    if (ads.length === 0) return plainly(name, "no-advertisement");
    if (node.network.state === "unavailable") return plainly(name, "network-unavailable");
    if (excludeLabel === "respected" && Object.hasOwn(node.labels, EXCLUDED))
      return plainly(name, "excluded-by-label");
    const out = noticed.find(({ impairment }) => grading[impairment] === "out");
    if (out !== undefined) return leftOut(name, out.impairment, out.text);
    return this.#fitted(facts, interfacesOf(ads), {
      preference: preferenceOf(ads, node),
      grade: gradeOf(noticed, grading),
      intake: noticed.some(({ impairment }) => grading[impairment] !== "none") ? "closed" : "open",
    });
  }

  #fitted(
    { name, fitness }: NodeFacts,
    interfaces: Interfaces,
    standing: Pick<Candidate, "preference" | "grade" | "intake">,
  ): Verdict {
    const candidate = candidateOf({ node: name, interfaces, lacks: 0, ...standing });
    if (fitness === undefined || this.#rules.fitness === "ignored")
      return { type: "candidate", candidate, subnet: "unknown" };
    if (fitness.links.length === 0) return plainly(name, "no-usable-link");
    const links = usable(fitness, interfaces);
    if (links.length === 0)
      return leftOut(name, "interface-absent", `has no usable interface ${[...interfaces].join(" or ")}`);
    const isInside = links.some((link) => networksOf(link).some((network) => this.#networks.has(network)));
    return { type: "candidate", candidate, subnet: isInside ? "same" : "other" };
  }
}
