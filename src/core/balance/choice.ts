/** Which backend a client gets, worked out as the kernel does it. */
import { networkOf } from "#base/prefix";
import { clientSlot, type Endpoint, sourceSlot } from "./jhash.ts";
import { choosesByHash, type PlannedBackend, type ServerPlan } from "./plan-model.ts";
import { hasOwners, ownerOf } from "./slots.ts";

/** The seed of the hash that picks a slot; the same on every edge, in every version. */
export const SLOT_SEED = 0x57ee_17a4;

export type BackendChoice =
  /** A new flow of this client goes to `backend` by its slot; `keeps` still has the slot's older, unrecorded flows. */
  | {
      readonly type: "backend";
      readonly backend: PlannedBackend;
      readonly slot: number;
      readonly keeps?: PlannedBackend;
    }
  /** Flows are counted through the slots, so it depends on how many came before. */
  | { readonly type: "counted" }
  /** New flows are refused: no backend is available. */
  | { readonly type: "refused" };

/** With persistence it is that of a client that is not pinned. */
const slotOf = (
  { scheduler, persistence }: ServerPlan,
  client: Endpoint,
  table: { readonly size: number; readonly seed: number },
): number => {
  if (persistence !== undefined) {
    const { address } = networkOf({ address: client.address, prefixLength: persistence.prefixLength });
    return sourceSlot(address, table);
  }
  return scheduler.type === "source-hash" ? sourceSlot(client.address, table) : clientSlot(client, table);
};

/** Which backend a new flow from `client` would get now. */
export const chooseBackend = (server: ServerPlan, client: Endpoint): BackendChoice => {
  if (!hasOwners(server)) return { type: "refused" };
  if (!choosesByHash(server)) return { type: "counted" };
  const table = { size: server.slots.length, seed: SLOT_SEED };
  const slot = slotOf(server, client, table);
  const backend = server.backends.find((candidate) => candidate.id === ownerOf(server, slot));
  if (backend === undefined) return { type: "refused" };
  const move = server.moves.find((candidate) => candidate.slot === slot);
  const keeps = server.backends.find((candidate) => candidate.id === move?.from);
  return keeps === undefined ? { type: "backend", backend, slot } : { type: "backend", backend, slot, keeps };
};
