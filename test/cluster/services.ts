/** Services as tests write them and read them back. */
import type { Api, KubeObject } from "./api.ts";
import type { ControlPlane } from "./bed.ts";
import { eventually } from "./eventually.ts";

export type ServiceCondition = {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
};

export type ServiceObject = KubeObject & {
  readonly spec: {
    readonly type: string;
    readonly clusterIPs?: readonly string[];
    readonly ipFamilies?: readonly string[];
    readonly [more: string]: unknown;
  };
  readonly status: {
    readonly loadBalancer: {
      readonly ingress?: readonly { readonly ip?: string; readonly ipMode?: string }[];
    };
    readonly conditions?: readonly ServiceCondition[];
  };
};

export type ServiceWish = {
  readonly namespace?: string;
  readonly name: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly port?: number;
  /** Further fields of `spec`. */
  readonly spec?: Readonly<Record<string, unknown>>;
};

/** The path of a namespace's Services, or of one of them. */
export const servicePath = (namespace = "default", name?: string): string =>
  `/api/v1/namespaces/${namespace}/services${name === undefined ? "" : `/${name}`}`;

/** A Service of type LoadBalancer as it is sent. */
const loadBalancer = (wish: ServiceWish): unknown => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: {
    name: wish.name,
    annotations: wish.annotations ?? {},
    labels: wish.labels ?? {},
  },
  spec: {
    type: "LoadBalancer",
    allocateLoadBalancerNodePorts: false,
    selector: { app: wish.name },
    ports: [{ name: "web", port: wish.port ?? 80, protocol: "TCP" }],
    ...wish.spec,
  },
});

export const createService = (admin: Api, wish: ServiceWish): Promise<ServiceObject> =>
  admin.create<ServiceObject>(servicePath(wish.namespace), loadBalancer(wish));

export const readService = (admin: Api, name: string, namespace?: string): Promise<ServiceObject> =>
  admin.get<ServiceObject>(servicePath(namespace, name));

/** The addresses in a Service's status, in the order in which they stand there. */
export const addressesOf = ({ status }: ServiceObject): readonly string[] =>
  (status.loadBalancer.ingress ?? []).flatMap(({ ip }) => (ip === undefined ? [] : [ip]));

export const conditionOf = ({ status }: ServiceObject, type: string): ServiceCondition | undefined =>
  status.conditions?.find((condition) => condition.type === type);

/** The addresses of every Service of a namespace, by name. */
export const addressesByName = async (
  admin: Api,
  namespace?: string,
): Promise<ReadonlyMap<string, readonly string[]>> => {
  const { items } = await admin.get<{ items: readonly ServiceObject[] }>(servicePath(namespace));
  return new Map(items.map((item) => [item.metadata.name, addressesOf(item)]));
};

/** Resolves with a Service once it has addresses. */
export const allocated = (
  { admin }: Pick<ControlPlane, "admin">,
  name: string,
  options: { readonly namespace?: string; readonly withinMs?: number } = {},
): Promise<ServiceObject> =>
  eventually(`an address for ${name}`, options.withinMs ?? 10_000, async () => {
    const service = await readService(admin, name, options.namespace);
    return addressesOf(service).length > 0 ? service : undefined;
  });
