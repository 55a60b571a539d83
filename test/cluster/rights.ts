/** The rights that the API server knows for an account of ours, and which of them somebody has used. */
import type { Rule } from "./access.ts";
import type { AuditEntry } from "./audit.ts";
import type { ControlPlane } from "./bed.ts";

export type Right = {
  readonly where: string;
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
};

/** `patch services/status in every namespace`. */
export const showRight = ({ where, verb, group, resource }: Right): string =>
  `${verb} ${resource}${group === "" ? "" : `.${group}`} in ${where}`;

const rightsOf = (where: string, rules: readonly Rule[]): readonly Right[] =>
  rules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) => verbs.map((verb) => ({ where, verb, group, resource }))),
    ),
  );

type Role = {
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules: readonly Rule[];
};

/** Every right in roles whose name begins with that of the account. */
export const grantedTo = async (
  { admin }: Pick<ControlPlane, "admin">,
  account: string,
): Promise<readonly Right[]> => {
  const group = "/apis/rbac.authorization.k8s.io/v1";
  const everywhere = await admin.get<{ items: readonly Role[] }>(`${group}/clusterroles`);
  const somewhere = await admin.get<{ items: readonly Role[] }>(`${group}/roles`);
  return [...everywhere.items, ...somewhere.items]
    .filter(({ metadata }) => metadata.name.startsWith(account))
    .flatMap(({ metadata, rules }) => rightsOf(metadata.namespace ?? "every namespace", rules));
};

/** Whether a request needed this right. */
export const isUse = (right: Right, entry: AuditEntry): boolean =>
  entry.verb === right.verb &&
  entry.group === right.group &&
  entry.resource === right.resource &&
  (right.where === "every namespace" || right.where === entry.namespace);
