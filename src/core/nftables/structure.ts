/** What of a server decides its chains and sets; everything else of it is in elements. */
import { sameLimits } from "#core/balance/limits";
import { samePersistence } from "#core/balance/persistence";
import { sameNetworks } from "#core/balance/plan";
import { choosesByHash, type ServerPlan } from "#core/balance/plan-model";
import { samePorts } from "#core/balance/ports";

/** Whether two plans of one server differ in elements only, so that its chains and sets can stay. */
export const sameStructure = (left: ServerPlan, right: ServerPlan): boolean =>
  left.mode === right.mode &&
  left.address === right.address &&
  left.protocol === right.protocol &&
  samePorts(left.ports, right.ports) &&
  sameNetworks(left.sourceRanges, right.sourceRanges) &&
  choosesByHash(left) === choosesByHash(right) &&
  left.scheduler.type === right.scheduler.type &&
  left.synProxy === right.synProxy &&
  samePersistence(left.persistence, right.persistence) &&
  sameLimits(left.limits, right.limits) &&
  left.slots.length === right.slots.length &&
  left.backends.length === right.backends.length &&
  left.backends.every((backend, index) => {
    const other = right.backends[index];
    return (
      other !== undefined &&
      backend.name === other.name &&
      backend.id === other.id &&
      backend.address === other.address &&
      backend.port === other.port &&
      backend.device === other.device &&
      backend.source === other.source &&
      backend.alone === other.alone
    );
  });
