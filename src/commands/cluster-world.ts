/** The world of a live cluster, as commands read it: once, with whatever rights the caller has. */
import { readWorld } from "#core/allocation-plan/world";
import { fieldsOf, listOf } from "#core/kubernetes/read";
import { openCluster } from "#drivers/kubernetes/cluster";
import { findCredentials } from "#drivers/kubernetes/in-cluster";
import type { ClusterPort, Target } from "#drivers/kubernetes/port";
import { CONFIGURATION_KINDS, NAMESPACES, SERVICES } from "#runtime/cluster/resources";
import type { WorldRead } from "./world.ts";

export type ClusterWorldOptions = {
  /** `undefined`: what `KUBECONFIG` names, the pod's service account, or `~/.kube/config`. */
  readonly kubeconfig: string | undefined;
  /** Where the resources of `metallb.io` and `steelyard.dev` lie. */
  readonly namespace: string;
};

/** Whole lists are read at once: 10,000 Services are 11 MB. A command has the machine's memory for the moment that it runs. */
const MOST_BYTES = 128 * 1_024 * 1_024;

type Kind = { readonly kind: string; readonly target: Target; readonly isOptional: boolean };

/** Items of a list do not say what they are. */
const complete = (item: unknown, { kind, target }: Kind): unknown => {
  const { group, version } = target.resource;
  return { ...fieldsOf(item), apiVersion: group === "" ? version : `${group}/${version}`, kind };
};

const readKind = async (
  cluster: ClusterPort,
  kind: Kind,
): Promise<{ readonly objects: readonly unknown[]; readonly problems: readonly string[] }> => {
  const answer = await cluster.read(kind.target);
  if (answer.ok) {
    return { objects: listOf(fieldsOf(answer.body).items).map((item) => complete(item, kind)), problems: [] };
  }
  const { reason, message } = answer.failure;
  if (kind.isOptional && reason === "not-found") return { objects: [], problems: [] };
  return { objects: [], problems: [`${kind.target.resource.plural}: ${message} (${reason})`] };
};

/** Reads Services, namespaces and the resources that decide about addresses. */
export const readClusterWorld = async ({
  kubeconfig,
  namespace,
}: ClusterWorldOptions): Promise<WorldRead> => {
  const credentials = findCredentials({ kubeconfig });
  if (!credentials.ok) return { ok: false, problems: [credentials.problem] };
  const cluster = openCluster(credentials.value, { mostBytes: MOST_BYTES });
  try {
    const kinds: Kind[] = [
      { kind: "Service", target: { resource: SERVICES }, isOptional: false },
      { kind: "Namespace", target: { resource: NAMESPACES }, isOptional: false },
      ...[...CONFIGURATION_KINDS].map(([kind, resource]) => ({
        ...{ kind, target: { resource, namespace }, isOptional: true },
      })),
    ];
    const read = await Promise.all(kinds.map((kind) => readKind(cluster, kind)));
    const problems = read.flatMap((each) => each.problems);
    if (problems.length > 0) return { ok: false, problems: [...new Set(problems)] };
    return { ok: true, world: readWorld(read.flatMap(({ objects }) => objects)) };
  } finally {
    cluster.close();
  }
};
