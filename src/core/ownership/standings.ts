/** The standings of all members, as they were told, and since when the living ones live. */
import { type Instant, instant } from "#base/time";
import type { StandingChange } from "#core/liveness/liveness";
import type { Standing } from "#core/liveness/standing";

const LONG_AGO = instant(0);
const NOT_A_MEMBER: Standing = { name: "dead", since: LONG_AGO, cause: "not-a-member" };

/** What one node believes of the others. */
export class Standings {
  readonly #knownByNode = new Map<string, { readonly standing: Standing; readonly aliveSince: Instant }>();

  /** The standing of a node; that of a stranger if nothing was said of it. */
  of(node: string): Standing {
    return this.#knownByNode.get(node)?.standing ?? NOT_A_MEMBER;
  }

  /** When a node last came to be alive, whether or not it has died since. */
  aliveSince(node: string): Instant {
    return this.#knownByNode.get(node)?.aliveSince ?? LONG_AGO;
  }

  /** Takes a change. */
  set({ node, standing }: StandingChange, now: Instant): void {
    if (standing.name === "dead" && standing.cause === "not-a-member") {
      this.#knownByNode.delete(node);
      return;
    }
    const begins = standing.name === "alive" && this.of(node).name !== "alive";
    this.#knownByNode.set(node, { standing, aliveSince: begins ? now : this.aliveSince(node) });
  }
}
