/** A machine that is no node of the cluster and has an address of it: the gateway. */
import type { KubeObject } from "../api.ts";
import { NAMESPACE } from "../controller.ts";
import type { LabCluster } from "./bed.ts";

/** Of the gateway on the LAN. */
export const FOREIGN_MAC = "02:00:00:00:02:01";

/** The gateway has the address as well, and answers for it. */
export const claimAtGateway = ({ lab }: Pick<LabCluster, "lab">, address: string): Promise<void> =>
  lab.fault(`duplicate-address gw ${address}`);

/** It does not any more. */
export const releaseAtGateway = async (
  { gateway }: Pick<LabCluster, "gateway">,
  address: string,
): Promise<void> => void (await gateway.expect(["ip", "address", "del", `${address}/32`, "dev", "eth0"]));

type Conflict = KubeObject & { readonly spec: { readonly address: string; readonly mac: string } };

/** The MAC addresses that AddressConflicts name for an address. */
export const conflictsOf = async (
  { plane }: Pick<LabCluster, "plane">,
  address: string,
): Promise<readonly string[]> => {
  const path = `/apis/steelyard.dev/v1alpha1/namespaces/${NAMESPACE}/addressconflicts`;
  const { items } = await plane.admin.get<{ items: readonly Conflict[] }>(path);
  return items.filter(({ spec }) => spec.address === address).map(({ spec }) => spec.mac);
};
