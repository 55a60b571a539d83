/** Everything that decides about addresses, read from objects as an API server prints them. */
import type { IpAddress } from "#base/address";
import { ANNOTATIONS, annotationKey } from "#core/ipam/annotations";
import { type ObjectKey, objectKey, type TextMap } from "#core/kubernetes/meta";
import { fieldsOf, listOf, metaOf, textOf } from "#core/kubernetes/read";
import { readService } from "#core/service/read";
import type { Service } from "#core/service/service";
import { withClusterIps } from "./cluster-ips.ts";

export type World = {
  readonly services: readonly Service[];
  /** Raw resources of `metallb.io` and `steelyard.dev`. */
  readonly objects: readonly unknown[];
  /** Labels of each namespace, by its name. */
  readonly namespaces: ReadonlyMap<string, TextMap>;
};

/** A world in which there is nothing. */
const EMPTY_WORLD: World = { services: [], objects: [], namespaces: new Map() };

/** The namespace of an object that names none, as kubectl has it. */
const DEFAULT_NAMESPACE = "default";
const GROUPS = ["metallb.io/", "steelyard.dev/"] as const;

const isList = (object: unknown): boolean => {
  const { kind, items } = fieldsOf(object);
  return textOf(kind).endsWith("List") && Array.isArray(items);
};

/** The objects with lists, as `kubectl get` prints them, replaced by what they hold. */
export const flat = (objects: readonly unknown[]): readonly unknown[] =>
  objects.flatMap((object) => (isList(object) ? flat(listOf(fieldsOf(object).items)) : [object]));

/** What an object is to a world; other kinds decide about nothing. */
type Part =
  | { readonly type: "service"; readonly key: ObjectKey; readonly raw: unknown; readonly service: Service }
  | { readonly type: "namespace"; readonly name: string; readonly labels: TextMap }
  | { readonly type: "resource"; readonly raw: unknown }
  | { readonly type: "other" };

const inNamespace = (service: Service): Service =>
  service.meta.namespace === ""
    ? { ...service, meta: { ...service.meta, namespace: DEFAULT_NAMESPACE } }
    : service;

const partOf = (object: unknown): Part => {
  const { apiVersion, kind } = fieldsOf(object);
  const group = textOf(apiVersion);
  if (GROUPS.some((prefix) => group.startsWith(prefix))) return { type: "resource", raw: object };
  const meta = metaOf(object);
  if (group !== "v1" || meta === undefined) return { type: "other" };
  if (kind === "Namespace") return { type: "namespace", name: meta.name, labels: meta.labels };
  const read = kind === "Service" ? readService(object) : undefined;
  if (read === undefined) return { type: "other" };
  const service = inNamespace(read);
  return { type: "service", key: objectKey(service.meta), raw: object, service };
};

/** What names a resource: its kind and name, and its namespace if it says one. */
type Identity = { readonly kind: string; readonly namespace: string; readonly name: string };

const identityOf = (object: unknown): Identity => {
  const { kind, metadata } = fieldsOf(object);
  const { namespace, name } = fieldsOf(metadata);
  return { kind: textOf(kind), namespace: textOf(namespace), name: textOf(name) };
};

/** Whether the same object is meant; a file that says no namespace means whichever there is. */
const isSame = (left: Identity, right: Identity): boolean =>
  left.kind === right.kind &&
  left.name === right.name &&
  (left.namespace === right.namespace || left.namespace === "" || right.namespace === "");

const replaceIn = (objects: readonly unknown[], added: readonly unknown[]): readonly unknown[] => {
  const byName = new Map<string, Identity[]>();
  for (const identity of added.map(identityOf)) {
    const key = `${identity.kind}/${identity.name}`;
    byName.set(key, [...(byName.get(key) ?? []), identity]);
  }
  const kept = objects.filter((object) => {
    const identity = identityOf(object);
    const others = byName.get(`${identity.kind}/${identity.name}`) ?? [];
    return !others.some((other) => isSame(identity, other));
  });
  return [...kept, ...added];
};

/** Which cluster addresses a Service keeps when a file without any is applied: none when it asks for another number of them. */
const clusterIpsAfter = (service: Service, before: Service): readonly IpAddress[] => {
  if (service.clusterIps.length > 0) return service.clusterIps;
  return service.ipFamilyPolicy === before.ipFamilyPolicy ? before.clusterIps : [];
};

/**
 * A Service with what only the API server and controllers write taken from the one that was there. Labels and annotations
 * are those of the file, but for the pool that the controller wrote down.
 */
const applied = (service: Service, before: Service | undefined): Service => {
  // The API server takes no status along when somebody makes a Service.
  if (before === undefined) return { ...service, ingress: [], conditions: [] };
  const fromPool = annotationKey(ANNOTATIONS.fromPool);
  const pool = before.meta.annotations[fromPool];
  const { uid, resourceVersion, createdAt } = before.meta;
  const clusterIps = clusterIpsAfter(service, before);
  const families = clusterIps.length > 0 ? before.ipFamilies : before.ipFamilies.slice(0, 1);
  return {
    ...service,
    meta: {
      ...service.meta,
      uid,
      resourceVersion,
      createdAt,
      annotations: { ...service.meta.annotations, ...(pool === undefined ? {} : { [fromPool]: pool }) },
    },
    clusterIps,
    ipFamilies: service.ipFamilies.length > 0 ? service.ipFamilies : families,
    ingress: before.ingress,
    conditions: before.conditions,
  };
};

/** The world with objects added to it; of the same kind and name, the later one counts. */
const withObjects = (
  world: World,
  objects: readonly unknown[],
  merge: (service: Service, before: Service | undefined) => Service,
): World => {
  const services = new Map(world.services.map((service) => [objectKey(service.meta), service]));
  const namespaces = new Map(world.namespaces);
  const resources: unknown[] = [];
  const raws = new Map<ObjectKey, unknown>();
  for (const part of flat(objects).map(partOf)) {
    if (part.type === "resource") resources.push(part.raw);
    if (part.type === "namespace") namespaces.set(part.name, part.labels);
    if (part.type !== "service") continue;
    const before = services.get(part.key);
    services.set(part.key, merge(part.service, before));
    raws.set(part.key, part.raw);
  }
  return {
    services: withClusterIps([...services.values()], raws),
    objects: replaceIn(world.objects, lastOf(resources)),
    namespaces,
  };
};

/** Of objects with exactly the same kind, namespace and name the last one. */
const lastOf = (objects: readonly unknown[]): readonly unknown[] => {
  const byKey = new Map<string, unknown>();
  for (const object of objects) {
    const { kind, namespace, name } = identityOf(object);
    const key = name === "" ? `#${byKey.size}` : JSON.stringify([kind, namespace, name]);
    byKey.delete(key);
    byKey.set(key, object);
  }
  return [...byKey.values()];
};

/** The world that objects describe, as an API server holds them. Never throws; kinds that decide about nothing are passed over. */
export const readWorld = (objects: readonly unknown[]): World =>
  withObjects(EMPTY_WORLD, objects, (service) => service);

/** The world after somebody has applied objects: what they do not say stays, such as the status of Services. */
export const applyObjects = (world: World, objects: readonly unknown[]): World =>
  withObjects(world, objects, applied);

/** An object that is to go away. */
export type Deletion = {
  /** Singular or plural, in any case: `IPAddressPool`, `ipaddresspools`, `Service`, `Namespace`. */
  readonly kind: string;
  /** `undefined` for kinds of which names are enough. */
  readonly namespace: string | undefined;
  readonly name: string;
};

/** Reads `KIND/NAME` or `KIND/NAMESPACE/NAME`; `undefined` if the text is neither. */
export const parseDeletion = (text: string): Deletion | undefined => {
  const parts = text.split("/", 4);
  if (parts.length < 2 || parts.length > 3 || parts.some((part) => part === "")) return undefined;
  const [kind = "", second = "", third] = parts;
  return third === undefined
    ? { kind, namespace: undefined, name: second }
    : { kind, namespace: second, name: third };
};

const isKind = (kind: string, wanted: string): boolean => {
  const [left, right] = [kind.toLowerCase(), wanted.toLowerCase()];
  return left === right || `${left}s` === right;
};

/** The world without an object; `undefined` when there is no such object. */
export const applyDeletion = (world: World, { kind, namespace, name }: Deletion): World | undefined => {
  if (isKind("Namespace", kind) && namespace === undefined) {
    if (!world.namespaces.has(name)) return undefined;
    return {
      services: world.services.filter(({ meta }) => meta.namespace !== name),
      objects: world.objects,
      namespaces: new Map([...world.namespaces].filter(([each]) => each !== name)),
    };
  }
  if (isKind("Service", kind)) {
    const key = objectKey({ namespace: namespace ?? DEFAULT_NAMESPACE, name });
    const services = world.services.filter(({ meta }) => objectKey(meta) !== key);
    return services.length === world.services.length ? undefined : { ...world, services };
  }
  const objects = world.objects.filter((object) => {
    const identity = identityOf(object);
    const isMeant = isKind(identity.kind, kind) && identity.name === name;
    return !(isMeant && (namespace ?? identity.namespace) === identity.namespace);
  });
  return objects.length === world.objects.length ? undefined : { ...world, objects };
};
