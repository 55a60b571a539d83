/**
 * The writes of this node's status objects of one kind: one under way for each object, and the same not again before its time.
 *
 * An object is made, and what it says is written into its status as soon as it is there, without waiting for the mirror.
 */
import type { Instant } from "#base/time";
import type { ObjectKey } from "#core/kubernetes/meta";
import type { StatusObjectWrite } from "#core/service-status/write";
import type { Resource, Target, Write } from "#drivers/kubernetes/port";
import type { Writes } from "#runtime/cluster/writes";
import type { Attempts } from "./attempts.ts";

export type StatusWritesParts<Announced> = {
  readonly kind: string;
  readonly resource: Resource;
  readonly namespace: string;
  readonly writes: Writes;
  readonly attempts: Attempts;
  readonly now: () => Instant;
  /** Has the Service looked at again at that time. */
  readonly lookAgain: (service: ObjectKey, when: Instant) => void;
  /** The object without its status, as it is made. */
  readonly objectOf: (service: ObjectKey) => Readonly<Record<string, unknown>>;
  readonly bodyOf: (announced: Announced) => Readonly<Record<string, unknown>>;
  /** An object was made, and this is the API server's answer; gives what it is to say, if it is still to be there. */
  readonly onMade: (service: ObjectKey, body: unknown) => Announced | undefined;
};

export class StatusWrites<Announced> {
  readonly #parts: StatusWritesParts<Announced>;
  /** Names of objects with a write that has not ended, by Service. */
  readonly #open = new Map<ObjectKey, Set<string>>();

  constructor(parts: StatusWritesParts<Announced>) {
    this.#parts = parts;
  }

  /** Drops the writes of a Service that are not wanted any more. */
  keep(service: ObjectKey, names: ReadonlySet<string>): void {
    for (const name of [...(this.#open.get(service) ?? [])]) {
      if (names.has(name)) continue;
      this.#parts.writes.drop(this.#keyOf(name));
      this.#end(service, name);
    }
  }

  /** Sends a write, or has the Service looked at again when it may be sent; `seen` is what it was decided from. */
  put(
    service: ObjectKey,
    write: StatusObjectWrite<Announced>,
    { seen, isLast }: { readonly seen: string; readonly isLast: boolean },
  ): void {
    const { attempts, now, lookAgain } = this.#parts;
    const key = this.#keyOf(write.name);
    const text = `${JSON.stringify(write)} ${seen}`;
    const due = attempts.dueAt(key, text, now());
    // There will be no other time.
    if (due > now() && !isLast) {
      lookAgain(service, due);
      return;
    }
    attempts.sent(key, text, now());
    this.send(service, write);
  }

  /** Sends a write whenever it was sent last. */
  send(service: ObjectKey, write: StatusObjectWrite<Announced>): void {
    const { writes, attempts, now, lookAgain } = this.#parts;
    const key = this.#keyOf(write.name);
    const open = this.#open.get(service) ?? new Set();
    this.#open.set(service, open.add(write.name));
    writes.put(key, {
      request: () => this.#requestOf(service, write),
      done: ({ answer }) => {
        this.#end(service, write.name);
        if (answer.ok && write.type === "create") this.#report(service, write.name, answer.body);
        // Should the mirror go on showing what it showed, it is decided anew all the same.
        else lookAgain(service, attempts.dueAt(key, "", now()));
      },
    });
  }

  #report(service: ObjectKey, name: string, body: unknown): void {
    const announced = this.#parts.onMade(service, body);
    if (announced !== undefined) this.send(service, { type: "report", name, announced });
  }

  #keyOf(name: string): string {
    return `${this.#parts.kind} ${name}`;
  }

  #end(service: ObjectKey, name: string): void {
    const open = this.#open.get(service);
    open?.delete(name);
    if (open?.size === 0) this.#open.delete(service);
  }

  #requestOf(
    service: ObjectKey,
    write: StatusObjectWrite<Announced>,
  ): { readonly target: Target; readonly write: Write } {
    const { resource, namespace, objectOf, bodyOf } = this.#parts;
    const target: Target = { resource, namespace };
    const { name } = write;
    switch (write.type) {
      case "create":
        return { target, write: { verb: "create", body: objectOf(service) } };
      case "report":
        return {
          target: { ...target, name, subresource: "status" },
          write: { verb: "patch", type: "merge", body: { status: bodyOf(write.announced) } },
        };
      default:
        return { target: { ...target, name }, write: { verb: "delete", uid: write.uid } };
    }
  }
}
