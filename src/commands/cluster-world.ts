/** The world of a live cluster, as commands read it: once, with whatever rights the caller has. */
import { setTimeout as pause } from "node:timers/promises";
import { readWorld } from "#core/allocation-plan/world";
import { fieldsOf, listOf } from "#core/kubernetes/read";
import { openCluster } from "#drivers/kubernetes/cluster";
import { findCredentials } from "#drivers/kubernetes/in-cluster";
import type { Answer, ClusterPort, Target } from "#drivers/kubernetes/port";
import {
  BGP_STATUSES,
  CONFIGURATION_KINDS,
  CONFIGURATION_STATES,
  ENDPOINT_SLICES,
  L2_STATUSES,
  NAMESPACES,
  NODES,
  PODS,
  SERVICES,
} from "#runtime/cluster/resources";
import type { MissingKind, WorldRead } from "./world.ts";

export type ClusterWorldOptions = {
  /** `undefined`: what `KUBECONFIG` names, the pod's service account, or `~/.kube/config`. */
  readonly kubeconfig: string | undefined;
  /** Where the resources of `metallb.io` and `steelyard.dev` lie. */
  readonly namespace: string;
  /** What decides about addresses only (the default), or also what decides who answers for them; or what routers have to be told. */
  readonly scope?: "addresses" | "answers" | "routers";
};

/** Whole lists are read at once: 10,000 Services are 11 MB. A command has the machine's memory for the moment that it runs. */
const MOST_BYTES = 128 * 1_024 * 1_024;

/** `required`: nothing is known without it; `optional`: the cluster may not have the kind; `extra`: the caller may lack the right. */
type Kind = {
  readonly kind: string;
  readonly target: Target;
  readonly need: "required" | "optional" | "extra";
};

type KindRead = {
  readonly objects: readonly unknown[];
  readonly problems: readonly string[];
  readonly missing: readonly MissingKind[];
};

const NOTHING: KindRead = { objects: [], problems: [], missing: [] };

/** Items of a list do not say what they are. */
const complete = (item: unknown, { kind, target }: Kind): unknown => {
  const { group, version } = target.resource;
  return { ...fieldsOf(item), apiVersion: group === "" ? version : `${group}/${version}`, kind };
};

/** How often it is asked at most. */
const TRIES = 5;
const LONGEST_WAIT_MS = 2_000;

/** What it answers; one that has just learned of a kind asks to be asked again in a second. */
export const readPatiently = async (cluster: ClusterPort, target: Target): Promise<Answer> => {
  for (let tries = 1; ; tries += 1) {
    const answer = await cluster.read(target);
    if (answer.ok || answer.failure.reason !== "throttled" || tries === TRIES) return answer;
    await pause(Math.min(answer.failure.retryAfter ?? LONGEST_WAIT_MS, LONGEST_WAIT_MS));
  }
};

const readKind = async (cluster: ClusterPort, kind: Kind): Promise<KindRead> => {
  const answer = await readPatiently(cluster, kind.target);
  if (answer.ok) {
    return { ...NOTHING, objects: listOf(fieldsOf(answer.body).items).map((item) => complete(item, kind)) };
  }
  const { reason, message } = answer.failure;
  if (kind.need === "optional" && reason === "not-found") return NOTHING;
  const { plural } = kind.target.resource;
  return kind.need === "extra"
    ? { ...NOTHING, missing: [{ plural, problem: `${plural} (${reason})` }] }
    : { ...NOTHING, problems: [`${plural}: ${message} (${reason})`] };
};

const configurationKinds = (namespace: string): readonly Kind[] =>
  [...CONFIGURATION_KINDS].map(
    ([kind, resource]): Kind => ({
      ...{ kind, target: { resource, namespace }, need: "optional" },
    }),
  );

const addressKinds = (namespace: string): readonly Kind[] => [
  { kind: "Service", target: { resource: SERVICES }, need: "required" },
  { kind: "Namespace", target: { resource: NAMESPACES }, need: "required" },
  ...configurationKinds(namespace),
];

/** The nodes may be named on the command line instead. */
const routerKinds = (namespace: string): readonly Kind[] => [
  { kind: "Node", target: { resource: NODES }, need: "extra" },
  ...configurationKinds(namespace),
];

/** What decides who answers for an address, and says who does. */
const answerKinds = (namespace: string): readonly Kind[] => [
  { kind: "Node", target: { resource: NODES }, need: "extra" },
  { kind: "EndpointSlice", target: { resource: ENDPOINT_SLICES }, need: "extra" },
  { kind: "Pod", target: { resource: PODS, namespace }, need: "extra" },
  { kind: "ServiceBGPStatus", target: { resource: BGP_STATUSES, namespace }, need: "optional" },
  { kind: "ServiceL2Status", target: { resource: L2_STATUSES, namespace }, need: "extra" },
  { kind: "ConfigurationState", target: { resource: CONFIGURATION_STATES, namespace }, need: "extra" },
];

const kindsOf = (scope: NonNullable<ClusterWorldOptions["scope"]>, namespace: string): readonly Kind[] => {
  if (scope === "routers") return routerKinds(namespace);
  const kinds = addressKinds(namespace);
  return scope === "answers" ? [...kinds, ...answerKinds(namespace)] : kinds;
};

/** Reads Services, namespaces and the resources that decide about addresses, and about who answers for them if that is asked for. */
export const readClusterWorld = async ({
  kubeconfig,
  namespace,
  scope = "addresses",
}: ClusterWorldOptions): Promise<WorldRead> => {
  const credentials = findCredentials({ kubeconfig });
  if (!credentials.ok) return { ok: false, problems: [credentials.problem] };
  const cluster = openCluster(credentials.value, { mostBytes: MOST_BYTES });
  try {
    const read = await Promise.all(kindsOf(scope, namespace).map((kind) => readKind(cluster, kind)));
    const problems = read.flatMap((each) => each.problems);
    if (problems.length > 0) return { ok: false, problems: [...new Set(problems)] };
    const objects = read.flatMap((each) => each.objects);
    return { ok: true, world: readWorld(objects), objects, missing: read.flatMap(({ missing }) => missing) };
  } finally {
    cluster.close();
  }
};
