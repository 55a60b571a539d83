/**
 * What a speaker keeps of a Service: by what it is decided who announces it, and what this program says on it. There are ten thousand of them,
 * in every speaker.
 */
import { ANNOTATIONS, annotationKey, deprecatedAnnotationKey } from "#core/ipam/annotations";
import type { TextMap } from "#core/kubernetes/meta";
import type { Service, ServicePort } from "#core/service/service";
import { CONDITIONS } from "./writers/services.ts";

const NOTHING: TextMap = {};
const NONE: readonly never[] = [];

const SHARING: readonly string[] = [annotationKey, deprecatedAnnotationKey].map((keyOf) =>
  keyOf(ANNOTATIONS.sharingKey),
);

const leanAnnotations = (annotations: TextMap): TextMap => {
  const kept = Object.entries(annotations).filter(([name]) => SHARING.includes(name));
  return kept.length === 0 ? NOTHING : Object.fromEntries(kept);
};

/** Lists of one port, each once for all Services that have it; there may be one for each number. */
const listByPort = new Map<number, readonly ServicePort[]>();

/** Of its ports the one that probes try, which is the first TCP port. */
const leanPorts = (ports: readonly ServicePort[]): readonly ServicePort[] => {
  const tried = ports.find(({ protocol, port }) => protocol === "TCP" && port > 0);
  if (tried === undefined) return NONE;
  const { port } = tried;
  const list = listByPort.get(port) ?? [{ name: "", protocol: "TCP", port, nodePort: 0 }];
  listByPort.set(port, list);
  return list;
};

/** Those that speakers write; without room for more, which a list that has grown has. */
const leanConditions = (conditions: Service["conditions"]): Service["conditions"] =>
  conditions.every(({ type }) => CONDITIONS.includes(type))
    ? conditions
    : conditions.filter(({ type }) => CONDITIONS.includes(type)).slice();

/** The Service without what only others look at. */
export const leanService = (service: Service): Service => ({
  ...service,
  meta: { ...service.meta, annotations: leanAnnotations(service.meta.annotations), createdAt: 0 },
  ...{ loadBalancerIp: undefined, clusterIps: NONE, healthCheckNodePort: 0, selector: NOTHING },
  ports: leanPorts(service.ports),
  conditions: leanConditions(service.conditions),
});
