/** What the entries of a kubeconfig are called into which another cluster is merged. */

/** What a kubeconfig holds already. */
export type ExistingEntries = {
  readonly contexts: ReadonlyMap<string, { readonly cluster: string; readonly user: string }>;
  readonly clusters: ReadonlySet<string>;
  readonly users: ReadonlySet<string>;
};

const unused = (wanted: string, taken: ReadonlySet<string>): string => {
  if (!taken.has(wanted)) return wanted;
  for (let number = 2; ; number += 1) if (!taken.has(`${wanted}-${number}`)) return `${wanted}-${number}`;
};

/**
 * The names of the cluster and the user that a context leads to. A context that is there keeps its own, unless another
 * context leads to the same entry, which must not change under it; a new one never takes a name that is in use.
 */
export const namesFor = (
  context: string,
  { contexts, clusters, users }: ExistingEntries,
): { readonly cluster: string; readonly user: string } => {
  const own = contexts.get(context);
  const others = [...contexts].filter(([name]) => name !== context).map(([, entry]) => entry);
  const keep = (name: string | undefined, taken: ReadonlySet<string>, ofOthers: readonly string[]): string =>
    name !== undefined && name !== "" && !ofOthers.includes(name)
      ? name
      : unused(context, new Set([...taken, ...ofOthers]));
  return {
    cluster: keep(
      own?.cluster,
      clusters,
      others.map(({ cluster }) => cluster),
    ),
    user: keep(
      own?.user,
      users,
      others.map(({ user }) => user),
    ),
  };
};
