/** Counts what is asked of the API server, by verb, kind and answer. */
import type { Sample } from "#core/metrics/exposition";
import type { Answer, ClusterPort, Target } from "#drivers/kubernetes/port";

/** The same cluster, and what was asked of it so far. Watches are not counted: they go on by themselves. */
export const countRequests = (
  cluster: ClusterPort,
): { readonly cluster: ClusterPort; readonly samples: () => readonly Sample[] } => {
  const counts = new Map<string, { readonly labels: Sample["labels"]; value: number }>();
  const count = (verb: string, { resource, subresource }: Target, answer: Answer): Answer => {
    const kind = subresource === undefined ? resource.plural : `${resource.plural}/${subresource}`;
    const code = `${answer.ok ? answer.status : answer.failure.status}`;
    const key = `${verb} ${kind} ${code}`;
    const known = counts.get(key) ?? { labels: { verb, resource: kind, code }, value: 0 };
    known.value += 1;
    counts.set(key, known);
    return answer;
  };
  return {
    cluster: {
      read: async (target) => count("get", target, await cluster.read(target)),
      write: async (target, write, mayStill) =>
        count(write.verb, target, await cluster.write(target, write, mayStill)),
      watch: (options, sink) => cluster.watch(options, sink),
      close: () => cluster.close(),
    },
    samples: () => [...counts.values()],
  };
};
