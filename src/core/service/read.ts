/** From a Service as the API server or a file holds it to what we keep of it. */
import { type IpFamily, parseAddress } from "#base/address";
import type { TextMap } from "#core/kubernetes/meta";
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

/** Annotations that some part of ours reads or writes; an object may have a quarter of a megabyte of others. */
const NAMES = ["address-pool", "loadBalancerIPs", "allow-shared-ip", "ip-allocated-from-pool"] as const;
const PREFIXES = ["metallb.io/", "metallb.universe.tf/"] as const;
const KEPT: ReadonlySet<string> = new Set(PREFIXES.flatMap((prefix) => NAMES.map((name) => prefix + name)));

const isOurs = (name: string): boolean => KEPT.has(name);
/** No value that means something is longer. */
const LONGEST_VALUE = 2_048;

const cutValues = (annotations: TextMap): TextMap =>
  Object.values(annotations).every(({ length }) => length <= LONGEST_VALUE)
    ? annotations
    : Object.fromEntries(
        Object.entries(annotations).map(([name, value]) => [name, value.slice(0, LONGEST_VALUE)]),
      );

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

const NONE: readonly never[] = [];

/** The list without room for more members: one that has grown has room for sixteen more, and is kept as long as its Service. */
const compact = <Member>(list: readonly Member[]): readonly Member[] =>
  list.length === 0 ? NONE : list.slice();

/** `None`, and whatever is no address, gives none. */
const clusterIpsOf = (spec: Readonly<Record<string, unknown>>): Service["clusterIps"] => {
  const texts = listOf(spec.clusterIPs);
  return (texts.length > 0 ? texts : [spec.clusterIP]).flatMap((text) => parseAddress(textOf(text)) ?? []);
};

/** Every list of families that a Service may have, each once for all Services. */
const FAMILIES: readonly (readonly IpFamily[])[] = [["IPv4"], ["IPv6"], ["IPv4", "IPv6"], ["IPv6", "IPv4"]];

const familiesOf = (value: unknown): readonly IpFamily[] => {
  const families = listOf(value).flatMap((family): readonly IpFamily[] =>
    family === "IPv4" || family === "IPv6" ? [family] : [],
  );
  const isSame = (known: readonly IpFamily[]): boolean =>
    known.length === families.length && known.every((family, index) => family === families[index]);
  return FAMILIES.find(isSame) ?? compact(families);
};

/** The Service in an object as parsed from JSON or YAML; `undefined` if it has no name. */
export const readService = (object: unknown): Service | undefined => {
  const whole = metaOf(object, isOurs);
  if (whole === undefined) return undefined;
  const meta = { ...whole, annotations: cutValues(whole.annotations) };
  const { spec: rawSpec, status: rawStatus } = fieldsOf(object);
  const spec = fieldsOf(rawSpec);
  const status = fieldsOf(rawStatus);
  return {
    meta,
    type: wordOf(spec.type, ["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"]),
    loadBalancerClass: textIn(spec.loadBalancerClass),
    loadBalancerIp: textIn(spec.loadBalancerIP),
    clusterIps: compact(clusterIpsOf(spec)),
    ipFamilies: familiesOf(spec.ipFamilies),
    ipFamilyPolicy: wordOf(spec.ipFamilyPolicy, ["SingleStack", "PreferDualStack", "RequireDualStack"]),
    externalTrafficPolicy: wordOf(spec.externalTrafficPolicy, ["Cluster", "Local"]),
    healthCheckNodePort: countOf(spec.healthCheckNodePort),
    selector: textMapOf(spec.selector),
    ports: compact(listOf(spec.ports).slice(0, MOST_PORTS).map(portOf)),
    ingress: compact(listOf(fieldsOf(status.loadBalancer).ingress).slice(0, MOST_INGRESSES).map(ingressOf)),
    conditions: compact(conditionsOf(status.conditions, isOurCondition)),
  };
};
