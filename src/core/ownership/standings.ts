/** The standings of all members, as they were told, and since when the living ones live. */
import { after, type Instant, instant, seconds } from "#base/time";
import type { StandingChange } from "#core/liveness/liveness";
import type { Standing } from "#core/liveness/standing";
import type { OwnershipConfig } from "./config.ts";
import { areMany, withLapse } from "./settling.ts";

const LONG_AGO = instant(0);
const NOT_A_MEMBER: Standing = { name: "dead", since: LONG_AGO, cause: "not-a-member" };

/** Until one that has returned and is often gone has asked for what it would take, and others have taken it. */
const RETURNING = seconds(2);

type Known = {
  readonly standing: Standing;
  readonly aliveSince: Instant;
  /** When it came back from the dead. */
  readonly returns: readonly Instant[];
};

/** What one node believes of the others. */
export class Standings {
  readonly #knownByNode = new Map<string, Known>();

  /** The standing of a node; that of a stranger if nothing was said of it. */
  of(node: string): Standing {
    return this.#knownByNode.get(node)?.standing ?? NOT_A_MEMBER;
  }

  /** When a node last came to be alive, whether or not it has died since. */
  aliveSince(node: string): Instant {
    return this.#knownByNode.get(node)?.aliveSince ?? LONG_AGO;
  }

  /** Whether a node has come back just now, as it often did lately. */
  isUnsteady(node: string, now: Instant): boolean {
    const known = this.#knownByNode.get(node);
    return known !== undefined && areMany(known.returns) && now < after(known.aliveSince, RETURNING);
  }

  /** Takes a change. */
  set({ node, standing }: StandingChange, config: Pick<OwnershipConfig, "settle">, now: Instant): void {
    if (standing.name === "dead" && standing.cause === "not-a-member") {
      this.#knownByNode.delete(node);
      return;
    }
    const before = this.#knownByNode.get(node);
    const begins = standing.name === "alive" && before?.standing.name !== "alive";
    const returns = before?.returns ?? [];
    const isBack = begins && before?.standing.name === "dead";
    this.#knownByNode.set(node, {
      standing,
      aliveSince: begins ? now : this.aliveSince(node),
      returns: isBack ? withLapse(config, returns, now) : returns,
    });
  }
}
