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

/** What an annotation of a Service says: the newer prefix wins, even with an empty value. */
export const annotation = ({ meta: { annotations } }: Service, name: AnnotationName): string | undefined => {
  const key = annotationKey(name);
  if (Object.hasOwn(annotations, key)) return annotations[key];
  const deprecated = deprecatedAnnotationKey(name);
  return Object.hasOwn(annotations, deprecated) ? annotations[deprecated] : undefined;
};

/** The keys under the older prefix by which a Service asks for something. */
export const deprecatedAnnotations = (service: Service): readonly string[] =>
  [ANNOTATIONS.pool, ANNOTATIONS.addresses, ANNOTATIONS.sharingKey]
    .map(deprecatedAnnotationKey)
    .filter((key) => Object.hasOwn(service.meta.annotations, key));
