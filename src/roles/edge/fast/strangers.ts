/**
 * Reports virtual routers on the wire that nobody configured here.
 *
 * Apart from the conflicts that concern our own routers: a link with many strangers must not crowd those out.
 */
import { between, type Instant, seconds } from "#base/time";
import type { Event } from "#core/observation/event";
import { type ConflictEffect, type Conflicts, conflictDeadline, expire, sight } from "#core/vrrp/conflict";
import { decode } from "#core/vrrp/packet";
import type { PacketInput } from "#core/vrrp/router";
import type { Deadlines } from "#runtime/deadlines";

/** How long a stranger must be silent before the conflict counts as over. */
const HOLD = seconds(30);

type Parts = {
  readonly deadlines: Deadlines;
  readonly emit: (event: Event) => void;
  readonly count: (key: string) => void;
};

export class Strangers {
  readonly #parts: Parts;
  readonly #conflictsByRouter = new Map<string, Conflicts>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** A packet for a virtual router id that nobody here has; `router` is one of ours on that link, to report it. */
  hear(router: string, { payload, context }: PacketInput, now: Instant): void {
    const packet = decode(payload, context);
    this.#parts.count(`vrrp-dropped ${router} ${packet.ok ? "vrid-mismatch" : packet.reason}`);
    if (!packet.ok) return;
    const { vrid } = packet.value.advertisement;
    const known = this.#conflictsByRouter.get(router) ?? [];
    const evidence = { kind: "vrid-unexpected", peer: context.source, vrid, hold: HOLD } as const;
    const { state, effects } = sight(known, evidence, now);
    this.#keep(router, state);
    this.#report(router, effects);
  }

  /** The router is gone, and with it what was reported under its name. */
  forget(router: string): void {
    const known = this.#conflictsByRouter.get(router) ?? [];
    this.#keep(router, []);
    this.#report(
      router,
      known.map((conflict) => ({ type: "conflict-ended", conflict })),
    );
  }

  #keep(router: string, conflicts: Conflicts): void {
    if (conflicts.length === 0) this.#conflictsByRouter.delete(router);
    else this.#conflictsByRouter.set(router, conflicts);
    this.#parts.deadlines.set(`strangers ${router}`, conflictDeadline(conflicts), (now) => {
      const { state, effects } = expire(this.#conflictsByRouter.get(router) ?? [], now);
      this.#keep(router, state);
      this.#report(router, effects);
    });
  }

  #report(router: string, effects: readonly ConflictEffect[]): void {
    for (const { type, conflict } of effects) {
      this.#parts.emit({
        type: "router-conflict",
        router,
        conflict: conflict.kind,
        peer: conflict.peer,
        ...(type === "conflict-began"
          ? { state: "begun" }
          : { state: "ended", lasted: between(conflict.since, conflict.seenAt) }),
        detail: `virtual router id ${conflict.vrid} is not configured here`,
      });
    }
  }
}
