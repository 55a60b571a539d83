/** One change of IPVS, as data and as a message. */
import type { MessageBuilder } from "#core/netlink/builder";
import { encodeDaemonChange } from "./daemon.ts";
import { encodeDestinationChange } from "./destination.ts";
import {
  destinationKey,
  type IpvsDestination,
  type IpvsService,
  type ServiceAddress,
  type SyncDaemon,
  serviceKey,
} from "./model.ts";
import { encodeServiceChange, encodeServiceRemove, type IpvsEnvelope } from "./service.ts";

/** What can be changed. Each takes effect on its own: IPVS has no transactions. */
export type IpvsChange =
  | { readonly type: "add-service" | "edit-service"; readonly service: IpvsService }
  | { readonly type: "remove-service"; readonly service: ServiceAddress }
  | {
      readonly type: "add-destination" | "edit-destination" | "remove-destination";
      readonly service: ServiceAddress;
      readonly destination: IpvsDestination;
    }
  | { readonly type: "start-daemon" | "stop-daemon"; readonly daemon: SyncDaemon };

/** Appends the message that makes a change; the kernel acknowledges it. */
export const encodeChange = (builder: MessageBuilder, envelope: IpvsEnvelope, change: IpvsChange): void => {
  switch (change.type) {
    case "add-service":
    case "edit-service": {
      const operation = change.type === "add-service" ? "add" : "edit";
      encodeServiceChange(builder, envelope, { operation, service: change.service });
      return;
    }
    case "remove-service":
      encodeServiceRemove(builder, envelope, change.service);
      return;
    case "start-daemon":
    case "stop-daemon": {
      const operation = change.type === "start-daemon" ? "start" : "stop";
      encodeDaemonChange(builder, envelope, { operation, daemon: change.daemon });
      return;
    }
    default: {
      const { service, destination } = change;
      const operations = {
        "add-destination": "add",
        "edit-destination": "edit",
        "remove-destination": "remove",
      } as const;
      encodeDestinationChange(builder, envelope, {
        operation: operations[change.type],
        service,
        destination,
      });
    }
  }
};

/** A change in words, for errors: `add destination 10.2.0.21:80 of tcp 192.0.2.10:80`. */
export const describeChange = (change: IpvsChange): string => {
  const what = change.type.replace("-", " ");
  if ("daemon" in change) return `${what} ${change.daemon.state} on ${change.daemon.interface}`;
  if (!("destination" in change)) return `${what} ${serviceKey(change.service)}`;
  return `${what} ${destinationKey(change.destination)} of ${serviceKey(change.service)}`;
};
