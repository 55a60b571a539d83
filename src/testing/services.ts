/** Ready-made Services and address pools for tests. */
import { familyOf, type IpAddress } from "#base/address";
import { assert } from "#base/assert";
import { parseBlocks } from "#core/ipam/block";
import type { AddressBlock, AddressPool } from "#core/ipam/pool";
import type { ObjectMeta } from "#core/kubernetes/meta";
import type { Ingress, Service } from "#core/service/service";
import { address } from "./values.ts";

type ServiceOverrides = Partial<Omit<Service, "meta" | "clusterIps" | "ports">> & {
  readonly meta?: Partial<ObjectMeta>;
  readonly clusterIps?: readonly string[];
  /** `TCP/80` */
  readonly ports?: readonly string[];
};

const portOf = (text: string): Service["ports"][number] => {
  const [protocol = "", port = ""] = text.split("/");
  assert(protocol === "TCP" || protocol === "UDP" || protocol === "SCTP", "not a port", { text });
  return { name: text, protocol, port: Number(port), nodePort: 0 };
};

/** The Service `default/NAME` of type LoadBalancer with one IPv4 cluster address and port TCP/80. */
export const loadBalancer = (name: string, overrides: ServiceOverrides = {}): Service => {
  const { meta, clusterIps = ["10.96.0.1"], ports = ["TCP/80"], ...rest } = overrides;
  const addresses = clusterIps.map(address);
  return {
    meta: {
      namespace: "default",
      name,
      uid: `uid-${name}`,
      resourceVersion: "1",
      generation: 0,
      createdAt: 1_700_000_000,
      isDeleting: false,
      labels: {},
      annotations: {},
      ...meta,
    },
    type: "LoadBalancer",
    loadBalancerClass: undefined,
    loadBalancerIp: undefined,
    clusterIps: addresses,
    ipFamilies: addresses.map(familyOf),
    ipFamilyPolicy: "SingleStack",
    externalTrafficPolicy: "Cluster",
    healthCheckNodePort: 0,
    selector: { app: name },
    ports: ports.map(portOf),
    ingress: [],
    conditions: [],
    ...rest,
  };
};

/** Entries of a status as we write them. */
export const ingressOf = (...addresses: readonly (string | IpAddress)[]): readonly Ingress[] =>
  addresses.map((ip) => ({ ip, hostname: undefined, ipMode: "VIP" }));

/** The blocks that `texts` spell. */
export const blocks = (...texts: readonly string[]): readonly AddressBlock[] =>
  texts.flatMap((text) => {
    const parsed = parseBlocks(text);
    assert(parsed.ok, "not a block", { text });
    return parsed.blocks;
  });

/** A pool that gives addresses to everybody. */
export const addressPool = (
  name: string,
  addresses: readonly string[],
  overrides: Partial<AddressPool> = {},
): AddressPool => ({
  name,
  blocks: blocks(...addresses),
  autoAssign: true,
  avoidBuggyIps: false,
  admission: undefined,
  ...overrides,
});
