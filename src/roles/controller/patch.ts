/**
 * From what a Service should say to one patch of its status.
 *
 * One request: the API server takes annotations along with a patch of the status. Strategic, so that conditions of other
 * programs stay; under the version that the decision was made on, so that nobody's newer words are overwritten.
 */
import { ALLOCATED, type Outcome, type ServiceWrite } from "#core/allocation/outcome";
import type { Condition } from "#core/kubernetes/condition";
import { splitKey } from "#core/kubernetes/meta";
import type { Service } from "#core/service/service";
import type { Target, Write } from "#drivers/kubernetes/port";
import { SERVICES } from "#runtime/cluster/resources";

/** Seconds and no more, as the API server writes times. */
export const rfc3339 = (at: number): string => `${new Date(at).toISOString().slice(0, 19)}Z`;

const conditionPatch = (
  { condition }: ServiceWrite,
  service: Service | undefined,
  now: number,
): readonly unknown[] => {
  const before = service?.conditions.find(({ type }) => type === ALLOCATED);
  if (condition === undefined) return before === undefined ? [] : [{ $patch: "delete", type: ALLOCATED }];
  const isSame =
    before !== undefined && before.status === condition.status && before.lastTransitionTime !== "";
  const complete: Condition = {
    ...condition,
    lastTransitionTime: isSame ? before.lastTransitionTime : rfc3339(now),
    observedGeneration: service?.meta.generation ?? 0,
  };
  return [complete];
};

/** The patch for an outcome; `service` is the version that it was decided on. */
export const servicePatch = (
  { uid, resourceVersion, key }: Pick<Outcome, "uid" | "resourceVersion" | "key">,
  options: { readonly write: ServiceWrite; readonly service: Service | undefined; readonly now: number },
): { readonly target: Target; readonly write: Write } => {
  const { write, service, now } = options;
  const annotations = Object.entries(write.annotations).map(([name, value]) => [name, value ?? null]);
  const conditions = conditionPatch(write, service, now);
  const ingress = write.ingress.map(({ ip, hostname, ipMode }) => ({
    ...(ip === undefined ? {} : { ip }),
    ...(hostname === undefined ? {} : { hostname }),
    ...(ipMode === undefined ? {} : { ipMode }),
  }));
  const status = {
    ...(write.isIngressChanged ? { loadBalancer: { ingress: ingress.length === 0 ? null : ingress } } : {}),
    ...(conditions.length === 0 ? {} : { conditions }),
  };
  return {
    target: { resource: SERVICES, ...splitKey(key), subresource: "status" },
    write: {
      verb: "patch",
      type: "strategic",
      body: {
        metadata: {
          uid,
          resourceVersion,
          ...(annotations.length === 0 ? {} : { annotations: Object.fromEntries(annotations) }),
        },
        ...(Object.keys(status).length === 0 ? {} : { status }),
      },
    },
  };
};
