/**
 * Keeps this node's `ServiceBGPStatus` objects true. Those of other nodes are theirs, and go with the pods that own them.
 *
 * An object is made, and what it says is written into its status as soon as it is there, without waiting for the mirror. Everything else
 * follows from what the mirror shows.
 */
import type { Instant } from "#base/time";
import {
  type BgpAnnounced,
  bgpStatusBody,
  bgpStatusObject,
  type SeenBgpStatus,
} from "#core/bgp-status/object";
import { type BgpStatusWrite, planBgpStatus } from "#core/bgp-status/plan";
import type { ObjectKey } from "#core/kubernetes/meta";
import type { Owner } from "#core/service-status/object";
import type { Target, Write } from "#drivers/kubernetes/port";
import { BGP_STATUSES } from "#runtime/cluster/resources";
import type { Writes } from "#runtime/cluster/writes";
import type { Attempts } from "../writers/attempts.ts";

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

const keyOf = (name: string): string => `ServiceBGPStatus ${name}`;

export class BgpStatuses {
  readonly #parts: BgpStatusParts;
  /** What this node announces. */
  readonly #wanted = new Map<ObjectKey, BgpAnnounced>();
  /** Services of which it has been told that this node announces them, by this agent or one before it. */
  readonly #told = new Set<ObjectKey>();
  /** Names of objects with a write that has not ended, by Service. */
  readonly #open = new Map<ObjectKey, Set<string>>();

  constructor(parts: BgpStatusParts) {
    this.#parts = parts;
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
    const names = new Set(plan.map(({ name }) => name));
    for (const name of [...(this.#open.get(service) ?? [])]) if (!names.has(name)) this.#drop(service, name);
    const text = JSON.stringify(seen);
    for (const write of plan) this.#put(service, write, text);
  }

  #drop(service: ObjectKey, name: string): void {
    this.#parts.writes.drop(keyOf(name));
    this.#end(service, name);
  }

  #end(service: ObjectKey, name: string): void {
    const open = this.#open.get(service);
    open?.delete(name);
    if (open?.size === 0) this.#open.delete(service);
  }

  #put(service: ObjectKey, write: BgpStatusWrite, seen: string): void {
    const { attempts, now, lookAgain } = this.#parts;
    const key = keyOf(write.name);
    const text = `${JSON.stringify(write)} ${seen}`;
    const due = attempts.dueAt(key, text, now());
    if (due > now()) {
      lookAgain(service, due);
      return;
    }
    attempts.sent(key, text, now());
    this.#send(service, write);
  }

  #send(service: ObjectKey, write: BgpStatusWrite): void {
    const { writes, attempts, now, lookAgain } = this.#parts;
    const key = keyOf(write.name);
    const open = this.#open.get(service) ?? new Set();
    this.#open.set(service, open.add(write.name));
    writes.put(key, {
      request: () => this.#requestOf(service, write),
      done: ({ answer }) => {
        this.#end(service, write.name);
        if (answer.ok && write.type === "create") this.#onMade(service, write.name);
        // Should the mirror go on showing what it showed, it is decided anew all the same.
        else lookAgain(service, attempts.dueAt(key, "", now()));
      },
    });
  }

  #onMade(service: ObjectKey, name: string): void {
    const announced = this.#wanted.get(service);
    if (announced === undefined) return;
    if (!this.#told.has(service)) this.#parts.onBegun(service);
    this.#told.add(service);
    this.#send(service, { type: "report", name, announced });
  }

  #requestOf(service: ObjectKey, write: BgpStatusWrite): { readonly target: Target; readonly write: Write } {
    const { self, namespace, owner } = this.#parts;
    const target: Target = { resource: BGP_STATUSES, namespace };
    const { name } = write;
    switch (write.type) {
      case "create": {
        const body = bgpStatusObject({ node: self, service, namespace, owner: owner() });
        return { target, write: { verb: "create", body } };
      }
      case "report": {
        const body = { status: bgpStatusBody(self, write.announced) };
        return {
          target: { ...target, name, subresource: "status" },
          write: { verb: "patch", type: "merge", body },
        };
      }
      default:
        return { target: { ...target, name }, write: { verb: "delete", uid: write.uid } };
    }
  }
}
