/** What is known of the node that we run on, and what follows from it. */
import type { Instant } from "#base/time";
import type { TextMap } from "#core/kubernetes/meta";
import { impairmentsOf, type Noticed } from "#core/node/impairment";
import type { Node } from "#core/node/node";
import type { SilentReason } from "./reason.ts";
import type { Rules } from "./rules.ts";
import { type Departure, departureDeadline, STAYING, type Stance, stepDeparture } from "./stance.ts";

const EXCLUDED = "node.kubernetes.io/exclude-from-external-load-balancers";

export class ThisNode {
  #node: Node | undefined;
  #rules: Rules;
  #plan: "stay" | "leave" = "stay";
  #departure: Departure = STAYING;

  constructor(rules: Rules) {
    this.#rules = rules;
  }

  set node(node: Node | undefined) {
    this.#node = node;
  }

  set rules(rules: Rules) {
    this.#rules = rules;
  }

  set plan(plan: "stay" | "leave") {
    this.#plan = plan;
  }

  get labels(): TextMap | undefined {
    return this.#node?.labels;
  }

  get stance(): Stance {
    return this.#departure.stance;
  }

  /** What is the matter with it, the least first. */
  get noticed(): readonly Noticed[] {
    return this.#node === undefined ? [] : impairmentsOf(this.#node, this.#rules.leavingTaints);
  }

  /** When a drain is over. */
  get deadline(): Instant | undefined {
    return departureDeadline(this.#departure, this.#rules);
  }

  /** Goes on in time. */
  step(now: Instant): void {
    const { noticed } = this;
    this.#departure = stepDeparture(this.#departure, { noticed, plan: this.#plan, rules: this.#rules, now });
  }

  /** Why this node announces no Service at all; `undefined` if it may. */
  get reason(): SilentReason | undefined {
    if (this.#node === undefined) return "nodeUnknown";
    if (this.#node.network.state === "unavailable") return "nodeNetworkUnavailable";
    if (this.#rules.excludeLabel === "respected" && Object.hasOwn(this.#node.labels, EXCLUDED))
      return "nodeLabeledExcludeBalancers";
    return this.stance === "gone" ? "nodeLeaving" : undefined;
  }
}
