/** From a Service as the API server or a file holds it to what we keep of it. */
import { parseAddress } from "#base/address";
import {
  conditionsOf,
  countOf,
  fieldsOf,
  listOf,
  metaOf,
  textIn,
  textMapOf,
  textOf,
  wordOf,
} from "#core/kubernetes/read";
import type { Ingress, Service, ServicePort } from "./service.ts";

/** Prefixes of annotations that some part of ours reads or writes. */
const PREFIXES = ["steelyard.dev/", "metallb.io/", "metallb.universe.tf/"] as const;

const isOurs = (name: string): boolean => PREFIXES.some((prefix) => name.startsWith(prefix));
const isOurCondition = (type: string): boolean => type.startsWith("steelyard.dev/");

/** A Service has at most two families; the lists of ports and addresses that we read are bounded for all that. */
const MOST_PORTS = 65_535;
const MOST_INGRESSES = 64;

const portOf = (value: unknown): ServicePort => {
  const fields = fieldsOf(value);
  return {
    name: textOf(fields.name),
    protocol: wordOf(fields.protocol, ["TCP", "UDP", "SCTP"]),
    port: countOf(fields.port),
    nodePort: countOf(fields.nodePort),
  };
};

const ingressOf = (value: unknown): Ingress => {
  const fields = fieldsOf(value);
  const { ipMode } = fields;
  return {
    ip: textIn(fields.ip),
    hostname: textIn(fields.hostname),
    ipMode: ipMode === "VIP" || ipMode === "Proxy" ? ipMode : undefined,
  };
};

/** `None`, and whatever is no address, gives none. */
const clusterIpsOf = (spec: Readonly<Record<string, unknown>>): Service["clusterIps"] => {
  const texts = listOf(spec.clusterIPs);
  return (texts.length > 0 ? texts : [spec.clusterIP]).flatMap((text) => parseAddress(textOf(text)) ?? []);
};

/** The Service in an object as parsed from JSON or YAML; `undefined` if it has no name. */
export const readService = (object: unknown): Service | undefined => {
  const meta = metaOf(object, isOurs);
  if (meta === undefined) return undefined;
  const { spec: rawSpec, status: rawStatus } = fieldsOf(object);
  const spec = fieldsOf(rawSpec);
  const status = fieldsOf(rawStatus);
  return {
    meta,
    type: wordOf(spec.type, ["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"]),
    loadBalancerClass: textIn(spec.loadBalancerClass),
    loadBalancerIp: textIn(spec.loadBalancerIP),
    clusterIps: clusterIpsOf(spec),
    ipFamilies: listOf(spec.ipFamilies).flatMap((family) =>
      family === "IPv4" || family === "IPv6" ? [family] : [],
    ),
    ipFamilyPolicy: wordOf(spec.ipFamilyPolicy, ["SingleStack", "PreferDualStack", "RequireDualStack"]),
    externalTrafficPolicy: wordOf(spec.externalTrafficPolicy, ["Cluster", "Local"]),
    healthCheckNodePort: countOf(spec.healthCheckNodePort),
    selector: textMapOf(spec.selector),
    ports: listOf(spec.ports).slice(0, MOST_PORTS).map(portOf),
    ingress: listOf(fieldsOf(status.loadBalancer).ingress).slice(0, MOST_INGRESSES).map(ingressOf),
    conditions: conditionsOf(status.conditions, isOurCondition),
  };
};
