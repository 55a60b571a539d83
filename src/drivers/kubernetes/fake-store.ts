/** The objects of the API server in memory: versions, conflicts, status, deletion, and who is told of changes. */
import { isDeepStrictEqual } from "node:util";
import { applyPatch, type Ownership } from "./fake-apply.ts";
import { jsonPatch, mergePatch, strategicPatch } from "./fake-patch.ts";
import { type Fields, fieldsOf, isFields, textOf } from "./json.ts";
import { keyOfObject } from "./mirror.ts";
import type { Answer, Failure, Resource, Target, Write } from "./port.ts";

export type Stored = { readonly type: "ADDED" | "MODIFIED" | "DELETED"; readonly object: Fields };
/** Told of a change; `before` is what was there. */
export type Listener = (change: Stored, before: Fields | undefined) => void;

const STATUS: Readonly<Record<Failure["reason"], number>> = {
  unreachable: 0,
  unauthorized: 401,
  forbidden: 403,
  "not-found": 404,
  conflict: 409,
  gone: 410,
  invalid: 422,
  throttled: 429,
  "server-error": 500,
};

/** A failure as the API server would answer it. */
export const failureFor = (
  reason: Failure["reason"],
  message: string,
  retryAfter?: number,
): { readonly ok: false; readonly failure: Failure } => ({
  ok: false,
  failure: { reason, status: STATUS[reason], message, retryAfter },
});

const kindKey = ({ group, plural }: Resource): string => `${group}/${plural}`;

/** What a client may not change, and what changes with every write. */
const METADATA_KEPT = ["uid", "creationTimestamp", "deletionTimestamp", "generation"] as const;

/** Kinds whose `status` can be written through the main resource as well, having no status of their own. */
const WITHOUT_STATUS: ReadonlySet<string> = new Set(["/configmaps", "/secrets", "/endpoints"]);

/** With built-in kinds a write of the status takes labels and annotations along; with custom resources it does not. */
const isBuiltIn = ({ group }: Resource): boolean => !group.includes(".") || group.endsWith(".k8s.io");

type Kind = {
  readonly objects: Map<string, Fields>;
  readonly owners: Map<string, Ownership>;
  readonly listeners: Set<Listener>;
};

export class FakeStore {
  readonly #kinds = new Map<string, Kind>();
  readonly #now: () => string;
  #version = 0;
  #uid = 0;

  /** `now` stamps objects, as RFC 3339 to the second. */
  constructor(now: () => string) {
    this.#now = now;
  }

  #kind(resource: Resource): Kind {
    const key = kindKey(resource);
    const kind = this.#kinds.get(key) ?? { objects: new Map(), owners: new Map(), listeners: new Set() };
    this.#kinds.set(key, kind);
    return kind;
  }

  /** The version of the whole store, as lists carry it. */
  get version(): string {
    return `${this.#version}`;
  }

  listen(resource: Resource, listener: Listener): () => void {
    const { listeners } = this.#kind(resource);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /** All objects of a kind, in the order of their keys. */
  list(resource: Resource, namespace?: string): readonly Fields[] {
    return [...this.#kind(resource).objects]
      .filter(([key]) => namespace === undefined || key.startsWith(`${namespace}/`))
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([, object]) => object);
  }

  get(resource: Resource, key: string): Fields | undefined {
    return this.#kind(resource).objects.get(key);
  }

  read(target: Target): Answer {
    const { resource, name, namespace } = target;
    if (name === undefined) {
      const metadata = { resourceVersion: this.version };
      return {
        ok: true,
        status: 200,
        body: { kind: "List", metadata, items: this.list(resource, namespace) },
      };
    }
    const object = this.get(resource, keyOf(target));
    return object === undefined ? notFound(target) : { ok: true, status: 200, body: object };
  }

  write(target: Target, write: Write): Answer {
    switch (write.verb) {
      case "create":
        return this.#create(target, write.body);
      case "update":
        return this.#update(target, write.body);
      case "patch":
        return this.#patch(target, write);
      default:
        return this.#delete(target, write.uid);
    }
  }

  #create({ resource, namespace }: Target, body: unknown, owners?: Ownership): Answer {
    if (!isFields(body)) return failureFor("invalid", "the body is no object");
    const given = fieldsOf(body.metadata);
    this.#uid += 1;
    const suffix = this.#uid.toString(36).padStart(5, "0");
    const name =
      textOf(given.name) || (given.generateName === undefined ? "" : `${given.generateName}${suffix}`);
    if (name === "") return failureFor("invalid", "metadata.name: Required value");
    if (resource.namespaced && (given.namespace ?? namespace) !== namespace)
      return failureFor("invalid", "the namespace of the object does not match that of the request");
    const metadata = {
      ...given,
      name,
      ...(resource.namespaced ? { namespace } : {}),
      uid: `00000000-0000-4000-8000-${`${this.#uid}`.padStart(12, "0")}`,
      creationTimestamp: this.#now(),
      generation: 1,
    };
    const { status: _, ...withoutStatus } = body;
    const object = { ...(this.#hasStatus(resource) ? withoutStatus : body), metadata };
    const kind = this.#kind(resource);
    const key = keyOfObject(object);
    if (kind.objects.has(key)) return failureFor("conflict", `${resource.plural} "${name}" already exists`);
    if (owners !== undefined) kind.owners.set(key, owners);
    return { ok: true, status: 201, body: this.#store(resource, key, object) };
  }

  #hasStatus(resource: Resource): boolean {
    return !WITHOUT_STATUS.has(kindKey(resource));
  }

  #update(target: Target, body: unknown): Answer {
    const before = this.get(target.resource, keyOf(target));
    if (before === undefined) return notFound(target);
    if (!isFields(body)) return failureFor("invalid", "the body is no object");
    return this.#replace(target, before, body);
  }

  #patch(target: Target, write: Extract<Write, { verb: "patch" }>): Answer {
    const { resource } = target;
    const key = keyOf(target);
    const before = this.get(resource, key);
    if (write.type === "apply") return this.#apply(target, write, before);
    if (before === undefined) return notFound(target);
    // Built-in groups have no dot, or end like Kubernetes' own; all others are custom resources.
    const isCustom = resource.group.includes(".") && !resource.group.endsWith(".k8s.io");
    if (write.type === "strategic" && isCustom) {
      const message = "the body of the request was in an unknown format";
      return { ok: false, failure: { reason: "server-error", status: 415, message, retryAfter: undefined } };
    }
    if (write.type === "json") {
      const patched = jsonPatch(before, write.body);
      if (!patched.ok) return failureFor("invalid", patched.message);
      return this.#replace(target, before, fieldsOf(patched.value));
    }
    const patched =
      write.type === "merge" ? mergePatch(before, write.body) : strategicPatch(before, write.body);
    return this.#replace(target, before, fieldsOf(patched));
  }

  #apply(target: Target, write: Extract<Write, { verb: "patch" }>, before: Fields | undefined): Answer {
    const { resource } = target;
    const key = keyOf(target);
    const manager = write.fieldManager ?? "";
    if (manager === "") return failureFor("invalid", "fieldManager is required for apply patch");
    if (before === undefined && target.subresource === "status") return notFound(target);
    const { owners } = this.#kind(resource);
    const name = target.subresource === undefined ? manager : `${manager} (${target.subresource})`;
    const ownership = owners.get(key) ?? new Map();
    const applied = applyPatch(before ?? {}, write.body, {
      manager: name,
      force: write.force === true,
      ownership,
    });
    if (!applied.ok) return failureFor("conflict", applied.message);
    const value = fieldsOf(applied.value);
    if (before === undefined) return this.#create(target, value, applied.ownership);
    const answer = this.#replace(target, before, value);
    if (answer.ok) owners.set(key, applied.ownership);
    return answer;
  }

  /** Puts an object in the place of `before`, without what this request may not change. */
  #replace({ resource, subresource }: Target, before: Fields, wanted: Fields): Answer {
    const [metadataBefore, metadata] = [fieldsOf(before.metadata), fieldsOf(wanted.metadata)];
    const version = textOf(metadata.resourceVersion);
    if (version !== "" && version !== metadataBefore.resourceVersion)
      return failureFor(
        "conflict",
        "the object has been modified; please apply your changes to the latest version",
      );
    if (metadata.uid !== undefined && metadata.uid !== metadataBefore.uid)
      return failureFor("conflict", "the uid in the precondition does not match");
    const kept = Object.fromEntries(
      METADATA_KEPT.filter((key) => metadataBefore[key] !== undefined).map((key) => [
        key,
        metadataBefore[key],
      ]),
    );
    const identity = { ...kept, name: metadataBefore.name, namespace: metadataBefore.namespace };
    let next: Fields;
    if (subresource === "status") {
      const { labels, annotations } = isBuiltIn(resource) ? metadata : metadataBefore;
      const own = Object.fromEntries(
        Object.entries({ labels, annotations }).filter(([, value]) => value !== undefined),
      );
      const { labels: _, annotations: __, ...others } = metadataBefore;
      next = { ...before, metadata: { ...others, ...own }, status: wanted.status };
    } else {
      const status = this.#hasStatus(resource) ? before.status : wanted.status;
      const { status: _, ...rest } = wanted;
      next = { ...rest, metadata: { ...metadata, ...identity }, ...(status === undefined ? {} : { status }) };
    }
    const nextMetadata: Record<string, unknown> = {
      ...fieldsOf(next.metadata),
      resourceVersion: metadataBefore.resourceVersion,
    };
    if (nextMetadata.namespace === undefined) delete nextMetadata.namespace;
    next = { ...next, metadata: nextMetadata };
    if (isDeepStrictEqual(next, before)) return { ok: true, status: 200, body: before };
    if (!isDeepStrictEqual(next.spec, before.spec))
      next = { ...next, metadata: { ...nextMetadata, generation: Number(metadataBefore.generation) + 1 } };
    return { ok: true, status: 200, body: this.#finish(resource, next) };
  }

  /** Stores an object, or removes it if it was only kept by a finalizer that is gone now. */
  #finish(resource: Resource, object: Fields): Fields {
    const { deletionTimestamp, finalizers } = fieldsOf(object.metadata);
    const isHeld = Array.isArray(finalizers) && finalizers.length > 0;
    const key = keyOfObject(object);
    if (deletionTimestamp === undefined || isHeld) return this.#store(resource, key, object);
    this.#remove(resource, key, object);
    return object;
  }

  #delete(target: Target, uid: string | undefined): Answer {
    const { resource } = target;
    const key = keyOf(target);
    const before = this.get(resource, key);
    if (before === undefined) return notFound(target);
    const metadata = fieldsOf(before.metadata);
    if (uid !== undefined && uid !== metadata.uid)
      return failureFor("conflict", "the uid in the precondition does not match");
    const isHeld = Array.isArray(metadata.finalizers) && metadata.finalizers.length > 0;
    if (!isHeld) this.#remove(resource, key, before);
    else if (metadata.deletionTimestamp === undefined)
      this.#store(resource, key, { ...before, metadata: { ...metadata, deletionTimestamp: this.#now() } });
    return { ok: true, status: 200, body: { kind: "Status", status: "Success" } };
  }

  #stamped(object: Fields): Fields {
    this.#version += 1;
    return { ...object, metadata: { ...fieldsOf(object.metadata), resourceVersion: `${this.#version}` } };
  }

  #store(resource: Resource, key: string, object: Fields): Fields {
    const { objects, listeners } = this.#kind(resource);
    const before = objects.get(key);
    const stored = structuredClone(this.#stamped(object));
    objects.set(key, stored);
    const type = before === undefined ? "ADDED" : "MODIFIED";
    for (const listener of listeners) listener({ type, object: stored }, before);
    return stored;
  }

  #remove(resource: Resource, key: string, object: Fields): void {
    const { objects, owners, listeners } = this.#kind(resource);
    const before = objects.get(key);
    objects.delete(key);
    owners.delete(key);
    const stored = this.#stamped(object);
    for (const listener of listeners) listener({ type: "DELETED", object: stored }, before);
  }
}

/** The key of the object that a target is about. */
export const keyOf = ({ resource, namespace, name = "" }: Target): string =>
  resource.namespaced ? `${namespace}/${name}` : name;

const notFound = ({ resource, name }: Target): Answer =>
  failureFor("not-found", `${resource.plural} "${name}" not found`);
