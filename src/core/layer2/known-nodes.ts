/** What is known of nodes: their objects, whether a speaker runs there, what their interfaces can carry. */
import type { Node } from "#core/node/node";
import { type NodeFacts, nodeFacts } from "./field.ts";
import type { Fitness } from "./fitness.ts";
import type { Rules } from "./rules.ts";

export class KnownNodes {
  readonly facts = new Map<string, NodeFacts>();
  /** Names of those of which something changed since `takeChanged`. */
  #changed = new Set<string>();
  #links: "current" | "changed" = "current";
  #speakers: ReadonlySet<string> | undefined = new Set();
  #rules: Rules;

  constructor(rules: Rules) {
    this.#rules = rules;
  }

  /** Looks at all nodes by other rules. */
  follow(rules: Rules): void {
    this.#rules = rules;
    for (const name of [...this.facts.keys()]) this.#note(name, {});
  }

  setNode(node: Node): void {
    this.#note(node.name, { node });
  }

  removeNode(name: string): void {
    this.#note(name, { node: undefined });
  }

  setSpeakers(names: ReadonlySet<string> | undefined): void {
    const before = this.#speakers;
    this.#speakers = names;
    for (const name of new Set([...this.facts.keys(), ...(names ?? [])]))
      if (names === undefined || before === undefined || names.has(name) !== before.has(name))
        this.#note(name, {});
  }

  setFitness(name: string, fitness: Fitness | undefined): void {
    this.#note(name, { fitness });
    this.#links = "changed";
  }

  /** The nodes of which something changed since this was asked last, and whether reports of interfaces are among it. */
  takeChanged(): { readonly names: ReadonlySet<string>; readonly links: "current" | "changed" } {
    const taken = { names: this.#changed, links: this.#links };
    this.#changed = new Set();
    this.#links = "current";
    return taken;
  }

  /** The reports there are. */
  *reports(): Iterable<Fitness> {
    for (const { fitness } of this.facts.values()) if (fitness !== undefined) yield fitness;
  }

  #note(name: string, change: Partial<Pick<NodeFacts, "node" | "fitness">>): void {
    const before = this.facts.get(name);
    const node = "node" in change ? change.node : before?.node;
    const fitness = "fitness" in change ? change.fitness : before?.fitness;
    const runs = this.#speakers === undefined ? node !== undefined : this.#speakers.has(name);
    if (node === undefined && !runs && fitness === undefined) {
      if (this.facts.delete(name)) this.#changed.add(name);
      return;
    }
    const speaker = runs ? "runs" : "absent";
    this.facts.set(name, nodeFacts({ name, node, fitness, speaker }, this.#rules));
    this.#changed.add(name);
  }
}
