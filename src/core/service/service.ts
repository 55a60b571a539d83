/** A Kubernetes Service as we keep it: what allocation, announcement and explanation read, and nothing else. */
import type { IpAddress, IpFamily } from "#base/address";
import type { Condition } from "#core/kubernetes/condition";
import type { ObjectMeta, TextMap } from "#core/kubernetes/meta";

export type ServiceProtocol = "TCP" | "UDP" | "SCTP";

/** A port of a Service. */
export type ServicePort = {
  /** `""` when the only port has no name. */
  readonly name: string;
  readonly protocol: ServiceProtocol;
  readonly port: number;
  /** `0` when none is allocated. */
  readonly nodePort: number;
};

/** One entry of `status.loadBalancer.ingress`. */
export type Ingress = {
  /** As written; `undefined` for an entry with a host name only. Not necessarily canonical or even valid. */
  readonly ip: string | undefined;
  readonly hostname: string | undefined;
  readonly ipMode: "VIP" | "Proxy" | undefined;
};

export type Service = {
  /**
   * Annotations are kept if some part of ours reads them, under `metallb.io/` or `metallb.universe.tf/`; long values are cut.
   */
  readonly meta: ObjectMeta;
  readonly type: "ClusterIP" | "NodePort" | "LoadBalancer" | "ExternalName";
  readonly loadBalancerClass: string | undefined;
  /** `spec.loadBalancerIP` as written: deprecated, and still how many ask for an address. */
  readonly loadBalancerIp: string | undefined;
  /** Empty for headless Services and while none is given. */
  readonly clusterIps: readonly IpAddress[];
  readonly ipFamilies: readonly IpFamily[];
  readonly ipFamilyPolicy: "SingleStack" | "PreferDualStack" | "RequireDualStack";
  readonly externalTrafficPolicy: "Cluster" | "Local";
  /** `0` when none is allocated. */
  readonly healthCheckNodePort: number;
  readonly selector: TextMap;
  readonly ports: readonly ServicePort[];
  readonly ingress: readonly Ingress[];
  /** Those of `status.conditions` whose type begins with `steelyard.dev/`. */
  readonly conditions: readonly Condition[];
};
