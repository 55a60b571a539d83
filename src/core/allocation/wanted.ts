/** How a Service should look, and what must be written so that it does. */
import type { IpAddress } from "#base/address";
import { familyOf } from "#base/address";
import { ANNOTATIONS, annotationKey, deprecatedAnnotationKey } from "#core/ipam/annotations";
import { parseServiceAddress } from "#core/ipam/block";
import type { Current } from "#core/ipam/keep";
import type { Condition } from "#core/kubernetes/condition";
import type { Ingress, Service } from "#core/service/service";
import { ALLOCATED, type ServiceWrite, type WantedCondition } from "./outcome.ts";

/** What a Service should say; nothing at all when it is not ours. */
export type Wanted = {
  readonly addresses: readonly IpAddress[];
  /** `undefined` removes the annotation. */
  readonly pool: string | undefined;
  /** `undefined` removes the condition. */
  readonly condition: WantedCondition | undefined;
};

/** A Service that says nothing of us. */
export const NOTHING: Wanted = { addresses: [], pool: undefined, condition: undefined };

/** The addresses in a status, as far as they can be read. */
export const addressesInStatus = ({ ingress }: Service): readonly IpAddress[] =>
  ingress.flatMap(({ ip }) => (ip === undefined ? [] : (parseServiceAddress(ip) ?? [])));

/** What a Service has according to its status. Entries with a host name only do not count. */
export const currentFromStatus = (service: Service): Current => {
  const addresses = addressesInStatus(service);
  const written = service.ingress.filter(({ ip }) => ip !== undefined && ip !== "").length;
  const families = new Set(addresses.map(familyOf));
  return { addresses, isReadable: addresses.length === written && families.size === addresses.length };
};

/** Our condition on a Service. */
export const observedCondition = ({ conditions }: Service): Condition | undefined =>
  conditions.find(({ type }) => type === ALLOCATED);

/** Whether two conditions of one type say the same. */
export const sameCondition = (
  left: WantedCondition | undefined,
  right: WantedCondition | undefined,
): boolean =>
  left?.status === right?.status && left?.reason === right?.reason && left?.message === right?.message;

const sameIngress = (ingress: readonly Ingress[], addresses: readonly IpAddress[]): boolean =>
  ingress.length === addresses.length &&
  ingress.every(
    ({ ip, hostname }, index) =>
      hostname === undefined && ip !== undefined && parseServiceAddress(ip) === addresses[index],
  );

const ingressFor = (service: Service, addresses: readonly IpAddress[]): readonly Ingress[] =>
  addresses.map((address) => {
    const before = service.ingress.find(({ ip }) => ip !== undefined && parseServiceAddress(ip) === address);
    return { ip: address, hostname: undefined, ipMode: before?.ipMode ?? "VIP" };
  });

const annotationChanges = (
  service: Service,
  pool: string | undefined,
): Record<string, string | undefined> => {
  const changes: Record<string, string | undefined> = {};
  const { annotations } = service.meta;
  const key = annotationKey(ANNOTATIONS.fromPool);
  const deprecated = deprecatedAnnotationKey(ANNOTATIONS.fromPool);
  const observed = Object.hasOwn(annotations, key) ? annotations[key] : undefined;
  if (observed !== pool) changes[key] = pool;
  if (Object.hasOwn(annotations, deprecated)) changes[deprecated] = undefined;
  return changes;
};

/** What must be written; `undefined` when the Service says it all. */
export const writeFor = (service: Service, wanted: Wanted): ServiceWrite | undefined => {
  const isIngressChanged = !sameIngress(service.ingress, wanted.addresses);
  const annotations = annotationChanges(service, wanted.pool);
  const isConditionChanged = !sameCondition(observedCondition(service), wanted.condition);
  if (!isIngressChanged && !isConditionChanged && Object.keys(annotations).length === 0) return undefined;
  const ingress = isIngressChanged ? ingressFor(service, wanted.addresses) : service.ingress;
  return { ingress, isIngressChanged, condition: wanted.condition, annotations };
};

const sameTexts = (
  left: Readonly<Record<string, string | undefined>>,
  right: Readonly<Record<string, string | undefined>>,
): boolean => {
  const names = Object.keys(left);
  return (
    names.length === Object.keys(right).length &&
    names.every((name) => Object.hasOwn(right, name) && left[name] === right[name])
  );
};

const sameEntry = (left: Ingress, right: Ingress | undefined): boolean =>
  left.ip === right?.ip && left.hostname === right?.hostname && left.ipMode === right?.ipMode;

/** Whether two writes say the same. */
export const sameWrite = (left: ServiceWrite, right: ServiceWrite | undefined): boolean =>
  right !== undefined &&
  left.isIngressChanged === right.isIngressChanged &&
  left.ingress.length === right.ingress.length &&
  left.ingress.every((entry, index) => sameEntry(entry, right.ingress[index])) &&
  sameCondition(left.condition, right.condition) &&
  sameTexts(left.annotations, right.annotations);

/** Whether a Service carries something that only an allocator of our kind writes. */
export const hasMarks = (service: Service): boolean =>
  observedCondition(service) !== undefined ||
  [annotationKey(ANNOTATIONS.fromPool), deprecatedAnnotationKey(ANNOTATIONS.fromPool)].some((key) =>
    Object.hasOwn(service.meta.annotations, key),
  );
