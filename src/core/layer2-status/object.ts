/** The object that says where one Service is announced from one node. */
import type { ObjectKey } from "#core/kubernetes/meta";
import { fieldsOf, listOf, textOf } from "#core/kubernetes/read";
import {
  type Owner,
  readStatusObject,
  type SeenStatusObject,
  statusObjectName,
  statusObject as statusObjectOf,
  statusSubject,
} from "#core/service-status/object";

/** One `ServiceL2Status` as it was read. */
export type SeenStatus = SeenStatusObject & {
  /** Sorted; empty for all of them. */
  readonly interfaces: readonly string[];
};

/** What one node says of one Service. */
export type Announced = {
  readonly service: ObjectKey;
  /** Empty when it answers on all of them. */
  readonly interfaces: readonly string[];
};

/** Of most of them. */
const EVERYWHERE: readonly string[] = [];

/** Reads an object; `undefined` if it names no Service. */
export const readStatus = (object: unknown): SeenStatus | undefined => {
  const read = readStatusObject(object);
  if (read === undefined) return undefined;
  const interfaces = listOf(read.status.interfaces)
    .map((each) => textOf(fieldsOf(each).name))
    .filter((each) => each !== "");
  const { name, uid, node, service, labelled } = read.seen;
  // Without room for more, which a list that has grown has.
  const named = interfaces.length === 0 ? EVERYWHERE : interfaces.slice().sort();
  return { name, uid, node, service, labelled, interfaces: named };
};

/** The name of the object of this node and Service: the same whenever it is asked for. */
export const statusName = (node: string, service: ObjectKey): string => statusObjectName("l2", node, service);

/** The object without its status, as it is made. */
export const statusObject = (options: {
  readonly node: string;
  readonly service: ObjectKey;
  readonly namespace: string;
  readonly owner: Owner | undefined;
}): Readonly<Record<string, unknown>> => {
  const { node, service } = options;
  return statusObjectOf({ ...options, kind: "ServiceL2Status", name: statusName(node, service) });
};

/** The status itself. */
export const statusBody = (
  node: string,
  { service, interfaces }: Announced,
): Readonly<Record<string, unknown>> => ({
  ...statusSubject(node, service),
  interfaces: [...interfaces].sort().map((name) => ({ name })),
});
