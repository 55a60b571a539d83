/** Keeps this node's `ServiceBGPStatus` objects true. Those of other nodes are theirs, and go with the pods that own them. */
import type { Instant } from "#base/time";
import {
  type BgpAnnounced,
  bgpStatusBody,
  bgpStatusObject,
  type SeenBgpStatus,
} from "#core/bgp-status/object";
import { planBgpStatus } from "#core/bgp-status/plan";
import type { ObjectKey } from "#core/kubernetes/meta";
import type { Owner } from "#core/service-status/object";
import { BGP_STATUSES } from "#runtime/cluster/resources";
import type { Writes } from "#runtime/cluster/writes";
import type { Attempts } from "../writers/attempts.ts";
import { StatusWrites } from "../writers/status-writes.ts";

export type BgpStatusParts = {
  readonly self: string;
  readonly namespace: string;
  readonly writes: Writes;
  readonly attempts: Attempts;
  readonly now: () => Instant;
  readonly statusesOf: (service: ObjectKey) => readonly SeenBgpStatus[];
  /** The pod of this node's speaker; `undefined` while it is not known. */
  readonly owner: () => Owner | undefined;
  /** Has the Service looked at again at that time. */
  readonly lookAgain: (service: ObjectKey, when: Instant) => void;
  /** This node has begun to announce the Service. */
  readonly onBegun: (service: ObjectKey) => void;
};

export class BgpStatuses {
  readonly #parts: BgpStatusParts;
  /** What this node announces. */
  readonly #wanted = new Map<ObjectKey, BgpAnnounced>();
  /** Services of which it has been told that this node announces them, by this agent or one before it. */
  readonly #told = new Set<ObjectKey>();
  readonly #writes: StatusWrites<BgpAnnounced>;

  constructor(parts: BgpStatusParts) {
    this.#parts = parts;
    const { self, namespace, owner } = parts;
    this.#writes = new StatusWrites({
      ...{ ...parts, kind: "ServiceBGPStatus", resource: BGP_STATUSES },
      objectOf: (service) => bgpStatusObject({ node: self, service, namespace, owner: owner() }),
      bodyOf: (announced) => bgpStatusBody(self, announced),
      onMade: (service) => this.#onMade(service),
    });
  }

  /** Services that this node is to have objects of. */
  services(): Iterable<ObjectKey> {
    return this.#wanted.keys();
  }

  /** This node is to tell so many of a Service; `undefined`: nobody. */
  look(service: ObjectKey, announced: BgpAnnounced | undefined): void {
    const { self, statusesOf } = this.#parts;
    const seen = statusesOf(service);
    if (announced === undefined) {
      this.#wanted.delete(service);
      this.#told.delete(service);
    } else this.#wanted.set(service, announced);
    const plan = planBgpStatus(self, announced, seen);
    // One that is there already is of an agent before this one, which has told of it.
    if (announced !== undefined && !plan.some(({ type }) => type === "create")) this.#told.add(service);
    this.#writes.keep(service, new Set(plan.map(({ name }) => name)));
    const text = JSON.stringify(seen);
    for (const write of plan) this.#writes.put(service, write, { seen: text, isLast: false });
  }

  #onMade(service: ObjectKey): BgpAnnounced | undefined {
    const announced = this.#wanted.get(service);
    if (announced === undefined) return undefined;
    if (!this.#told.has(service)) this.#parts.onBegun(service);
    this.#told.add(service);
    return announced;
  }
}
