/** A Service with addresses: what of it decides who announces them, and to whom. */
import type { IpAddress } from "#base/address";
import { type ObjectKey, objectKey, type TextMap } from "#core/kubernetes/meta";
import type { Service } from "#core/service/service";
import { ANNOTATIONS, annotation } from "./annotations.ts";
import { parseServiceAddress } from "./block.ts";

/** A Service that has or may get addresses of ours. */
export type AddressedService = {
  readonly key: ObjectKey;
  readonly labels: TextMap;
  readonly policy: "Cluster" | "Local";
  readonly sharing: "may-share" | "alone";
  /** As its status lists them, each once. */
  readonly addresses: readonly IpAddress[];
  /** Whether the status lists something else besides. */
  readonly status: "readable" | "unreadable";
};

/** What is kept of a Service. */
export const addressedService = (service: Service): AddressedService => {
  const parsed = service.ingress.map(({ ip }) => parseServiceAddress(ip ?? ""));
  const addresses = [...new Set(parsed.filter((address) => address !== undefined))];
  return {
    key: objectKey(service.meta),
    labels: service.meta.labels,
    policy: service.externalTrafficPolicy,
    sharing: (annotation(service, ANNOTATIONS.sharingKey) ?? "") === "" ? "alone" : "may-share",
    addresses,
    status: parsed.includes(undefined) ? "unreadable" : "readable",
  };
};

const isSameMap = (left: TextMap, right: TextMap): boolean => {
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length && keys.every((key) => left[key] === right[key]);
};

/** Whether two versions of a Service are the same for announcing. */
export const isSameAddressed = (left: AddressedService, right: AddressedService): boolean =>
  left.policy === right.policy &&
  left.sharing === right.sharing &&
  left.status === right.status &&
  left.addresses.length === right.addresses.length &&
  left.addresses.every((address, index) => address === right.addresses[index]) &&
  isSameMap(left.labels, right.labels);
