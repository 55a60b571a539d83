/** What must hold within a `ConnectionSync`, and from it to what runs. */
import { familyOf } from "#base/address";
import type { ConnectionSyncConfig } from "#core/connection-sync/config";
import { error, type Finding } from "./problem.ts";
import type { SyncSpec } from "./schema-sync.ts";

/** What is wrong between values that are each right. */
export const syncFindings = ({ address, peer }: SyncSpec): readonly Finding[] => {
  if (familyOf(address) !== familyOf(peer)) {
    return [error(["spec", "peer"], `${peer} is not of the family of ${address}`, "Use two of one family.")];
  }
  return address === peer
    ? [error(["spec", "peer"], `${peer} is this box's own address`, "Name the other box.")]
    : [];
};

/** The synchronisation that a `ConnectionSync` describes. */
export const syncOf = (name: string, spec: SyncSpec): ConnectionSyncConfig => ({ name, ...spec });
