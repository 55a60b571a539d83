/**
 * What to change so that IPVS has what is wanted.
 *
 * Only services of ours are looked at: what others made is not in `observed`. A service is added and filled before
 * anything is taken away, so that there is no moment without a destination that two moments had.
 */
import type { IpvsChange } from "./change.ts";
import {
  destinationKey,
  type IpvsDestination,
  type IpvsService,
  type ServiceState,
  type SyncDaemon,
  serviceKey,
} from "./model.ts";

const sameService = (left: IpvsService, right: IpvsService): boolean =>
  left.scheduler === right.scheduler &&
  left.flags === right.flags &&
  left.prefixLength === right.prefixLength &&
  // Without persistence the kernel keeps whatever number it was given.
  (left.persistence === right.persistence || right.persistence === 0);

const sameDestination = (left: IpvsDestination, right: IpvsDestination): boolean =>
  left.forwarding === right.forwarding && left.weight === right.weight && left.limited === right.limited;

/** The changes of one service that is there; `observed` are its destinations now. */
const diffService = (wanted: ServiceState, observed: ServiceState): readonly IpvsChange[] => {
  const { service } = wanted;
  const changes: IpvsChange[] = [];
  if (!sameService(observed.service, service)) changes.push({ type: "edit-service", service });
  // Thousands of services that nobody looked into have the list that they were left with.
  if (observed.destinations === wanted.destinations) return changes;
  const observedByKey = new Map(observed.destinations.map((entry) => [destinationKey(entry), entry]));
  for (const destination of wanted.destinations) {
    const key = destinationKey(destination);
    const found = observedByKey.get(key);
    observedByKey.delete(key);
    if (found === undefined) changes.push({ type: "add-destination", service, destination });
    else if (!sameDestination(found, destination)) {
      changes.push({ type: "edit-destination", service, destination });
    }
  }
  for (const destination of observedByKey.values()) {
    changes.push({ type: "remove-destination", service, destination });
  }
  return changes;
};

/** The changes that lead from our services as they are to those that are wanted; none when they are the same. */
export const diffServices = (
  wanted: readonly ServiceState[],
  observed: readonly ServiceState[],
): readonly IpvsChange[] => {
  const observedByKey = new Map(observed.map((state) => [serviceKey(state.service), state]));
  const changes: IpvsChange[] = [];
  for (const state of wanted) {
    const key = serviceKey(state.service);
    const found = observedByKey.get(key);
    observedByKey.delete(key);
    if (found !== undefined) changes.push(...diffService(state, found));
    else {
      const { service } = state;
      changes.push({ type: "add-service", service });
      for (const destination of state.destinations) {
        changes.push({ type: "add-destination", service, destination });
      }
    }
  }
  for (const { service } of observedByKey.values()) changes.push({ type: "remove-service", service });
  return changes;
};

const sameDaemon = (left: SyncDaemon, right: SyncDaemon): boolean =>
  left.interface === right.interface && left.id === right.id;

/** The same for the halves of the sync daemon, of which there can be one each. */
export const diffDaemons = (
  wanted: readonly SyncDaemon[],
  observed: readonly SyncDaemon[],
): readonly IpvsChange[] => {
  const stop = observed.filter(
    (daemon) => !wanted.some((other) => other.state === daemon.state && sameDaemon(other, daemon)),
  );
  const start = wanted.filter(
    (daemon) => !observed.some((other) => other.state === daemon.state && sameDaemon(other, daemon)),
  );
  return [
    ...stop.map((daemon) => ({ type: "stop-daemon" as const, daemon })),
    ...start.map((daemon) => ({ type: "start-daemon" as const, daemon })),
  ];
};
