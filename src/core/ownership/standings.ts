/** The standings of all members, as they were told, and since when the living ones live. */
import { after, type Instant, instant, seconds } from "#base/time";
import type { StandingChange } from "#core/liveness/liveness";
import type { Standing } from "#core/liveness/standing";
import type { OwnershipConfig } from "./config.ts";
import { areMany, withLapse } from "./settling.ts";

const LONG_AGO = instant(0);
const NOT_A_MEMBER: Standing = { name: "dead", since: LONG_AGO, cause: "not-a-member" };

/** Until one that has returned, or has lost us, and often does so has asked for what it would take, and others have taken it. */
const RETURNING = seconds(2);

type Known = {
  readonly standing: Standing;
  readonly aliveSince: Instant;
  /** When it came back from the dead, or ceased to hear us. */
  readonly lapses: readonly Instant[];
  /** When it did so last. */
  readonly lapsedAt: Instant;
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

  /** Whether a node has come back just now, or has ceased to hear us, as it often did lately. */
  isUnsteady(node: string, now: Instant): boolean {
    const known = this.#knownByNode.get(node);
    return known !== undefined && areMany(known.lapses) && now < after(known.lapsedAt, RETURNING);
  }

  /** Takes a change. */
  set({ node, standing }: StandingChange, config: Pick<OwnershipConfig, "settle">, now: Instant): void {
    if (standing.name === "dead" && standing.cause === "not-a-member") {
      this.#knownByNode.delete(node);
      return;
    }
    const before = this.#knownByNode.get(node);
    const was = before?.standing;
    const begins = standing.name === "alive" && was?.name !== "alive";
    const lapses = was !== undefined && (begins ? was.name === "dead" : !isDeaf(was) && isDeaf(standing));
    this.#knownByNode.set(node, {
      standing,
      aliveSince: begins ? now : this.aliveSince(node),
      lapses: lapses ? withLapse(config, before?.lapses ?? [], now) : (before?.lapses ?? []),
      lapsedAt: lapses ? now : (before?.lapsedAt ?? LONG_AGO),
    });
  }
}

const isDeaf = (standing: Standing): boolean => standing.name === "alive" && standing.hearsUs === "no";
