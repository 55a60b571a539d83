/** How a virtual server stands, by the plan that is in the kernel. */
import { type BackendKey, backendKey } from "#core/balance/model";
import { isDoubtful, type PlannedBackend, type Reported, type ServerPlan } from "#core/balance/plan-model";
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
  const isInDoubt = ({ name, role }: PlannedBackend): boolean =>
    role === undefined && isDoubtful(reportOf(backendKey(server.name, name)));
  // Nearly always; the table of slots is long.
  if (!server.backends.some(isInDoubt)) return "serving";
  const places = new Set(server.slots.places);
  const owners = server.backends.filter((_, index) => places.has(index + 1));
  return owners.every(isInDoubt) ? "pardoned" : "serving";
};
