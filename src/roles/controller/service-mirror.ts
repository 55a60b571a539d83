/**
 * The Services that concern a controller, read anew by each replica that begins to lead.
 *
 * Anew, and not kept up to date while it stands by: what a standby has heard may be older than the last address that the
 * leader before gave away, and a list that is asked for after the lease was taken is not.
 */
import { type ObjectKey, objectKey } from "#core/kubernetes/meta";
import { readService } from "#core/service/read";
import type { Service } from "#core/service/service";
import type { ClusterPort, Failure, Watch } from "#drivers/kubernetes/port";
import { SERVICES } from "#runtime/cluster/resources";

export type ServiceListener = {
  changed(service: Service): void;
  removed(key: ObjectKey): void;
  /** Every Service has been told once; called again after each interruption that made a new list necessary. */
  synced(): void;
  trouble(failure: Failure | undefined): void;
};

/** Whether a controller has, had or may have to do with a Service. */
const concerns = ({ type, conditions, meta }: Service): boolean =>
  type === "LoadBalancer" ||
  conditions.length > 0 ||
  Object.keys(meta.annotations).some((name) => name.endsWith("/ip-allocated-from-pool"));

const project = (object: unknown): Service | undefined => {
  const service = readService(object);
  return service !== undefined && concerns(service) ? service : undefined;
};

/** Opens the watch. Nothing is told before this has returned. */
export const watchServices = (cluster: ClusterPort, listener: ServiceListener): Watch<Service> =>
  cluster.watch<Service>(
    { resource: SERVICES, project, keyOf: ({ meta }) => objectKey(meta) },
    {
      changed: (service) => listener.changed(service),
      removed: ({ meta }) => listener.removed(objectKey(meta)),
      synced: () => listener.synced(),
      trouble: (trouble) => listener.trouble(trouble?.failure),
    },
  );
