/** Lets sync groups follow their members. */
import { assert } from "#base/assert";
import type { Instant } from "#base/time";
import { plan } from "#core/election/sync-group";
import type { Router } from "./router.ts";

/** More rounds of a group's plan than any group needs: beyond it is our mistake. */
const ROUNDS = 16;

export class Groups {
  readonly #routers: () => Iterable<Router>;
  /** Set while several routers are told of one thing: their groups follow when all know. */
  #telling = false;
  #coordinating = false;

  constructor(routers: () => Iterable<Router>) {
    this.#routers = routers;
  }

  /** Tells several routers of one thing, and only then lets their groups look at each other. */
  tell(now: Instant, work: () => void): void {
    assert(!this.#telling, "one thing is told at a time");
    this.#telling = true;
    work();
    this.#telling = false;
    const names = new Set([...this.#routers()].flatMap(({ config }) => config.syncGroup ?? []));
    for (const group of names) this.#coordinate(group, now);
  }

  /** A router has another state: its group follows, unless more is about to be told. */
  follow(group: string | undefined, now: Instant): void {
    if (group === undefined || this.#telling || this.#coordinating) return;
    this.#coordinate(group, now);
  }

  /** Lets one group follow its members until it rests. */
  #coordinate(group: string, now: Instant): void {
    this.#coordinating = true;
    const members = new Map<string, Router>();
    for (const router of this.#routers())
      if (router.config.syncGroup === group) members.set(router.name, router);
    for (let round = 0; ; round += 1) {
      assert(round < ROUNDS, "a sync group comes to rest", { group });
      const commands = plan([...members].map(([router, { machine }]) => ({ router, machine })));
      if (commands.length === 0) break;
      for (const { router, command } of commands) members.get(router)?.feed({ type: "group", command }, now);
    }
    this.#coordinating = false;
  }
}
