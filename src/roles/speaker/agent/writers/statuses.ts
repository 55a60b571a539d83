/**
 * Keeps the `ServiceL2Status` objects true: this node's own, and those that others left of what this node announces now.
 *
 * Left is what was there when this node began to announce, and what names a node that is no ready member. An object that came later is of
 * a node that began later and knows better, or does not hear this one: both stay, and whoever gives way removes its own. So
 * two nodes that each believe that they alone answer do not delete each other's objects without end.
 *
 * Its own object is made, and what it says is written into the object's status as soon as it is there, without waiting for
 * the mirror. Everything else follows from what the mirror shows.
 */
import type { Instant } from "#base/time";
import type { ObjectKey } from "#core/kubernetes/meta";
import {
  type Announced,
  type Owner,
  type SeenStatus,
  statusBody,
  statusObject,
} from "#core/layer2-status/object";
import { planStatus, type StatusWrite } from "#core/layer2-status/plan";
import type { Target, Write } from "#drivers/kubernetes/port";
import { L2_STATUSES } from "#runtime/cluster/resources";
import type { Writes } from "#runtime/cluster/writes";
import type { Attempts } from "./attempts.ts";
import type { Standing } from "./standing.ts";

export type StatusParts = {
  readonly self: string;
  readonly namespace: string;
  readonly writes: Writes;
  readonly attempts: Attempts;
  readonly now: () => Instant;
  readonly statusesOf: (service: ObjectKey) => readonly SeenStatus[];
  /** The pod of this node's speaker; `undefined` while it is not known. */
  readonly owner: () => Owner | undefined;
  /** Has the Service looked at again at that time. */
  readonly lookAgain: (service: ObjectKey, when: Instant) => void;
  /** This node has begun to announce the Service. */
  readonly onBegun: (service: ObjectKey) => void;
};

export class Statuses {
  readonly #parts: StatusParts;
  /** What this node announces; of these only there may be something to write that has not been sent. */
  readonly #wanted = new Map<ObjectKey, Announced>();
  /** The uids of what was there of a Service when this node began to announce it. */
  readonly #left = new Map<ObjectKey, ReadonlySet<string>>();
  /** Names of objects with a write that has not ended, by Service. */
  readonly #open = new Map<ObjectKey, Set<string>>();
  #isClosing = false;

  constructor(parts: StatusParts) {
    this.#parts = parts;
  }

  /** From now on nothing is waited for: there will be no other time. */
  hurry(): void {
    this.#isClosing = true;
  }

  /** This node announces so much of a Service, and other nodes may as well. */
  look(
    service: ObjectKey,
    announced: Announced | undefined,
    { mayShare, mustShare }: Pick<Extract<Standing, { type: "announced" }>, "mayShare" | "mustShare">,
  ): void {
    const { self, statusesOf } = this.#parts;
    const seen = statusesOf(service);
    if (announced === undefined) {
      this.#wanted.delete(service);
      this.#left.delete(service);
    } else {
      this.#wanted.set(service, announced);
      if (!this.#left.has(service)) this.#left.set(service, new Set(seen.map(({ uid }) => uid)));
    }
    const left = this.#left.get(service);
    const mayStay = ({ node, uid }: SeenStatus): boolean =>
      mustShare(node) || (mayShare(node) && left?.has(uid) !== true);
    const plan =
      announced === undefined && seen.length === 0 ? [] : planStatus(self, announced, seen, mayStay);
    const names = new Set(plan.map(({ name }) => name));
    for (const name of [...(this.#open.get(service) ?? [])]) if (!names.has(name)) this.#drop(service, name);
    const before = JSON.stringify(seen);
    for (const write of plan) this.#put(service, write, before);
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

  #put(service: ObjectKey, write: StatusWrite, seen: string): void {
    const { attempts, now, lookAgain } = this.#parts;
    const key = keyOf(write.name);
    const text = `${JSON.stringify(write)} ${seen}`;
    const due = attempts.dueAt(key, text, now());
    if (due > now() && !this.#isClosing) {
      lookAgain(service, due);
      return;
    }
    attempts.sent(key, text, now());
    this.#send(service, write);
  }

  #send(service: ObjectKey, write: StatusWrite): void {
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
    this.#parts.onBegun(service);
    this.#send(service, { type: "report", name, announced });
  }

  #requestOf(service: ObjectKey, write: StatusWrite): { readonly target: Target; readonly write: Write } {
    const { self, namespace, owner } = this.#parts;
    const target: Target = { resource: L2_STATUSES, namespace };
    const { name } = write;
    switch (write.type) {
      case "create": {
        const body = statusObject({ node: self, service, namespace, owner: owner() });
        return { target, write: { verb: "create", body } };
      }
      case "report": {
        const body = { status: statusBody(self, write.announced) };
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

const keyOf = (name: string): string => `ServiceL2Status ${name}`;
