/** The Secret in which all replicas keep the certificate of their webhook. */
import type { SecretStore } from "#drivers/certificate/keep";
import type { Answer, ClusterPort, Target } from "#drivers/kubernetes/port";
import { SECRETS } from "#runtime/cluster/resources";

const outcomeOf = (answer: Answer) => {
  if (answer.ok) return { ok: true as const, object: answer.body };
  const { reason, message } = answer.failure;
  const isConflict = reason === "conflict" || reason === "not-found";
  return { ok: false as const, reason: isConflict ? ("conflict" as const) : ("failed" as const), message };
};

/** Reads and writes a Secret at the API server. */
export const secretStore = (
  cluster: Pick<ClusterPort, "read" | "write">,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): SecretStore => {
  const target: Target = { resource: SECRETS, namespace, name };
  return {
    read: async () => {
      const answer = await cluster.read(target);
      const isAbsent = !answer.ok && answer.failure.reason === "not-found";
      return isAbsent ? { ok: true, object: undefined } : outcomeOf(answer);
    },
    write: async (write) => outcomeOf(await cluster.write(target, write)),
  };
};
