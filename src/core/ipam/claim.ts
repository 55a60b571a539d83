/** On what terms a Service holds an address: with whom it may share it, and which ports it uses there. */
import { at } from "#base/assert";
import { type ObjectKey, objectKey, type TextMap } from "#core/kubernetes/meta";
import type { Service, ServicePort, ServiceProtocol } from "#core/service/service";
import { ANNOTATIONS, annotation } from "./annotations.ts";

declare const portBrand: unique symbol;

/** A protocol and a port as one number. */
export type PortId = number & { readonly [portBrand]: true };

export type Claim = {
  readonly service: ObjectKey;
  /** Services share an address only when these are equal and not empty. */
  readonly sharingKey: string;
  /** Equal as well in Services that share: with `externalTrafficPolicy: Local` they must run on the same pods. */
  readonly backendKey: string;
  /** Each once; Services that share an address have none in common. */
  readonly ports: readonly PortId[];
};

const PROTOCOLS: readonly ServiceProtocol[] = ["TCP", "UDP", "SCTP"];

const portId = ({ protocol, port }: Pick<ServicePort, "protocol" | "port">): PortId =>
  (PROTOCOLS.indexOf(protocol) * 0x1_0000 + port) as PortId;

/** `TCP/80`. */
export const formatPort = (port: PortId): string => `${at(PROTOCOLS, port >>> 16)}/${port & 0xffff}`;

/** A selector as one text, the same for the same selector. */
const selectorText = (selector: TextMap): string =>
  Object.entries(selector)
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(",");

/** What a Service claims for whatever address it gets; `key` is its key, where that is known already. */
export const claimOf = (service: Service, key: ObjectKey = objectKey(service.meta)): Claim => ({
  service: key,
  sharingKey: annotation(service, ANNOTATIONS.sharingKey) ?? "",
  backendKey: service.externalTrafficPolicy === "Local" ? selectorText(service.selector) : "",
  ports: [...new Set(service.ports.map(portId))],
});

/** Whether two claims of one Service ask for the same. */
export const sameTerms = (left: Claim, right: Claim): boolean =>
  left.sharingKey === right.sharingKey &&
  left.backendKey === right.backendKey &&
  left.ports.length === right.ports.length &&
  left.ports.every((port, index) => port === right.ports[index]);
