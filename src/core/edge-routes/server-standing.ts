/** How a virtual server stands, by the plan that is in the kernel. */
import { type BackendKey, backendKey } from "#core/balance/model";
import type { PlannedBackend, Reported, ServerPlan } from "#core/balance/plan-model";
import { hasOwners } from "#core/balance/slots";
import type { ServerStanding } from "./standing.ts";

/**
 * `refusing` while nobody is given flows; `pardoned` while all who are given some have failed their checks. A sorry server is as good
 * as a backend here: clients are answered.
 */
export const serverStanding = (
  server: Pick<ServerPlan, "name" | "backends" | "slots">,
  reportOf: (key: BackendKey) => Reported,
): ServerStanding => {
  if (!hasOwners(server)) return "refusing";
  const isDoubtful = ({ name, role }: PlannedBackend): boolean =>
    role === undefined && reportOf(backendKey(server.name, name)) === "doubtful";
  // Nearly always; the table of slots is long.
  if (!server.backends.some(isDoubtful)) return "serving";
  const places = new Set(server.slots.places);
  const owners = server.backends.filter((_, index) => places.has(index + 1));
  return owners.every(isDoubtful) ? "pardoned" : "serving";
};
