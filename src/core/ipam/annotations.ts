/** The annotations by which Services ask for addresses, under MetalLB's prefix and its older one. */
import type { Service } from "#core/service/service";

const PREFIX = "metallb.io/";
const DEPRECATED_PREFIX = "metallb.universe.tf/";

/** What follows the prefix. */
export const ANNOTATIONS = {
  /** The pool to draw from. */
  pool: "address-pool",
  /** One address, or one of each family separated by a comma. */
  addresses: "loadBalancerIPs",
  /** Services of the same value may share an address. */
  sharingKey: "allow-shared-ip",
  /** Written by the controller: the pool of the addresses. */
  fromPool: "ip-allocated-from-pool",
} as const;

type AnnotationName = (typeof ANNOTATIONS)[keyof typeof ANNOTATIONS];

/** The full key of an annotation. */
export const annotationKey = (name: AnnotationName): string => `${PREFIX}${name}`;

/** The full key of an annotation under the older prefix. */
export const deprecatedAnnotationKey = (name: AnnotationName): string => `${DEPRECATED_PREFIX}${name}`;

/** An annotation of a Service and the key under which it was found: the newer prefix wins, even with an empty value. */
export const annotation = (
  { meta: { annotations } }: Service,
  name: AnnotationName,
): { readonly key: string; readonly value: string } | undefined => {
  for (const key of [annotationKey(name), deprecatedAnnotationKey(name)]) {
    const value = Object.hasOwn(annotations, key) ? annotations[key] : undefined;
    if (value !== undefined) return { key, value };
  }
  return undefined;
};

/** The keys under the older prefix by which a Service asks for something. */
export const deprecatedAnnotations = (service: Service): readonly string[] =>
  [ANNOTATIONS.pool, ANNOTATIONS.addresses, ANNOTATIONS.sharingKey]
    .map(deprecatedAnnotationKey)
    .filter((key) => Object.hasOwn(service.meta.annotations, key));
