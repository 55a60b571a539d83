/** The object by which a speaker says that a machine that is not ours has an address: the controller then gives another. */
import { type IpAddress, parseAddress } from "#base/address";
import type { MacAddress } from "#base/mac";
import { hashName } from "#core/balance/name-hash";
import { fieldsOf, metaOf, textOf } from "#core/kubernetes/read";
import type { Owner } from "#core/service-status/object";

/** As it stands in the name of an object: what colons make of it may end in what no name may end in. */
const spelt = (address: IpAddress): string => `${address.replaceAll(":", "-")}-`;

/** The name of a node's report of an address: the same whenever it is asked for. */
export const conflictName = (node: string, address: IpAddress): string =>
  `duplicate-${spelt(address)}${hashName(`${node} ${address}`, 1).toString(16).padStart(8, "0")}`;

/** The report as it is made. It goes with the speaker's pod: who comes after it finds out anew. */
export const conflictObject = (report: {
  readonly node: string;
  readonly namespace: string;
  readonly address: IpAddress;
  readonly mac: MacAddress;
  readonly owner: Owner | undefined;
}): Readonly<Record<string, unknown>> => {
  const { node, namespace, address, mac, owner } = report;
  const ownerReferences = owner === undefined ? [] : [{ apiVersion: "v1", kind: "Pod", ...owner }];
  return {
    apiVersion: "steelyard.dev/v1alpha1",
    kind: "AddressConflict",
    metadata: {
      ...{ name: conflictName(node, address), namespace },
      ...(ownerReferences.length === 0 ? {} : { ownerReferences }),
    },
    spec: { address, mac, reportedBy: node },
  };
};

/** The address and uid of a report that this node made; `undefined` for those of others, and of people. */
export const readOwnConflict = (
  node: string,
  object: unknown,
): { readonly address: IpAddress; readonly uid: string } | undefined => {
  const meta = metaOf(object, () => false);
  const { address: text, reportedBy } = fieldsOf(fieldsOf(object).spec);
  const address = parseAddress(textOf(text));
  if (meta === undefined || address === undefined || reportedBy !== node) return undefined;
  return meta.name === conflictName(node, address) ? { address, uid: meta.uid } : undefined;
};
