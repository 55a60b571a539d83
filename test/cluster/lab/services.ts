/** Services of the bed, with addresses that a test or a controller gives them. */
import type { IpAddress } from "#base/address";
import { urlOf } from "#lab/probe/start";
import type { Api } from "../api.ts";
import { addressesOf, createService, readService, servicePath } from "../services.ts";
import { BACKEND_PORTS, type Endpoints } from "./endpoints.ts";
import { address } from "./plan.ts";

export type LabServiceOptions = {
  readonly name: string;
  /** The pods behind it; default: those of its own name. */
  readonly app?: string;
  /** Written into its status; default: none, for a controller to give. */
  readonly addresses?: readonly string[];
  /** Default: those of its addresses, or IPv4. */
  readonly families?: readonly ("IPv4" | "IPv6")[];
  /** externalTrafficPolicy; default `Cluster`. */
  readonly policy?: "Cluster" | "Local";
  readonly annotations?: Readonly<Record<string, string>>;
  /** Further fields of `spec`. */
  readonly spec?: Readonly<Record<string, unknown>>;
};

export type LabService = {
  readonly name: string;
  /** As its status says now. */
  addresses(): Promise<readonly IpAddress[]>;
  /** Gives it these addresses and takes the others. */
  setAddresses(addresses: readonly string[]): Promise<void>;
  setPolicy(policy: "Cluster" | "Local"): Promise<void>;
  delete(): Promise<void>;
};

/** `http://ADDRESS` of a Service. */
export const urlAt = (text: string): string => urlOf(address(text), 80);

const familiesOf = (addresses: readonly string[]): readonly ("IPv4" | "IPv6")[] => {
  const families = addresses.map((each) => (each.includes(":") ? "IPv6" : "IPv4"));
  return families.length === 0 ? ["IPv4"] : [...new Set(families)];
};

/** Makes a Service of type LoadBalancer (HTTP on 80, UDP echo on 9000) whose slices follow the pods of its app. */
export const createLabService = async (
  admin: Api,
  endpoints: Endpoints,
  options: LabServiceOptions,
): Promise<LabService> => {
  const { name, app = name, addresses = [], policy = "Cluster", annotations = {} } = options;
  const families = options.families ?? familiesOf(addresses);
  const path = servicePath("default", name);
  await createService(admin, {
    name,
    annotations,
    spec: {
      selector: { app },
      ports: BACKEND_PORTS,
      externalTrafficPolicy: policy,
      ipFamilies: families,
      ipFamilyPolicy: families.length > 1 ? "RequireDualStack" : "SingleStack",
      ...options.spec,
    },
  });
  const setAddresses = async (given: readonly string[]): Promise<void> => {
    const ingress = given.map((ip) => ({ ip, ipMode: "VIP" }));
    await admin.patch(`${path}/status`, { status: { loadBalancer: { ingress } } });
  };
  await endpoints.follow({ name, app, families });
  if (addresses.length > 0) await setAddresses(addresses);
  return {
    name,
    addresses: async () => addressesOf(await readService(admin, name)).map(address),
    setAddresses,
    setPolicy: async (externalTrafficPolicy) =>
      void (await admin.patch(path, { spec: { externalTrafficPolicy } })),
    delete: async () => {
      await admin.delete(path);
      await endpoints.forget(name);
    },
  };
};
