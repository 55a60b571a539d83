/** What speakers have written into the API: who announces a Service, and what its conditions say. */
import type { KubeObject } from "../api.ts";
import { NAMESPACE } from "../controller.ts";
import { eventually } from "../eventually.ts";
import { conditionOf, readService, type ServiceCondition } from "../services.ts";
import type { LabCluster } from "./bed.ts";

/** A `ServiceL2Status`. */
export type L2Status = KubeObject & {
  readonly status?: {
    readonly node?: string;
    readonly serviceName?: string;
    readonly serviceNamespace?: string;
    readonly interfaces?: readonly { readonly name: string }[];
  };
};

const STATUSES = `/apis/metallb.io/v1beta1/namespaces/${NAMESPACE}/servicel2statuses`;

/** The objects that are there of a Service. */
const readStatuses = async (
  { plane }: Pick<LabCluster, "plane">,
  service: string,
): Promise<readonly L2Status[]> => {
  const { items } = await plane.admin.get<{ items: readonly L2Status[] }>(STATUSES);
  return items.filter(({ metadata }) => metadata.labels?.["metallb.io/service-name"] === service);
};

/** Resolves when the API says that exactly these nodes announce a Service. */
export const announcedBy = (
  cluster: Pick<LabCluster, "plane">,
  { service, nodes }: { readonly service: string; readonly nodes: readonly string[] },
): Promise<readonly L2Status[]> =>
  eventually(`${service} announced by ${nodes}`, 20_000, async () => {
    const statuses = await readStatuses(cluster, service);
    const found = statuses.map(({ status }) => status?.node ?? "").sort();
    return found.join() === [...nodes].sort().join() ? statuses : undefined;
  });

/** Resolves with a condition of ours once it has this status. */
export const conditioned = (
  { plane }: Pick<LabCluster, "plane">,
  wish: {
    readonly service: string;
    readonly type: "Announced" | "Reachable";
    readonly status: "True" | "False" | "Unknown";
    readonly reason?: string;
  },
): Promise<ServiceCondition> => {
  const { service, type, status, reason } = wish;
  const what = `${type} of ${service} to be ${status} (${reason ?? "whatever the reason"})`;
  return eventually(what, 30_000, async () => {
    const found = conditionOf(await readService(plane.admin, service), `steelyard.dev/${type}`);
    return found?.status === status && (reason ?? found.reason) === found.reason ? found : undefined;
  });
};
