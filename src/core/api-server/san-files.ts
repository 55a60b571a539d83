/**
 * Where a name has to be added so that k3s or RKE2 puts it into its certificates.
 *
 * They read `config.yaml`, then `config.yaml.d/*.yaml` in the order of their names. `tls-san` in a later file replaces what
 * earlier ones said; `tls-san+` adds to it. So the one place that works is the last file that says either.
 */

/** What one file says; `undefined` where it does not mention the key. */
export type SanFile = {
  readonly path: string;
  readonly replaces: readonly string[] | undefined;
  readonly appends: readonly string[] | undefined;
};

export type SanPlan = {
  /** What is in force now. */
  readonly effective: readonly string[];
  /** What is to be added where; `undefined` when everything is in force already. */
  readonly edit:
    | { readonly path: string; readonly key: "tls-san" | "tls-san+"; readonly values: readonly string[] }
    | undefined;
};

const effectiveOf = (files: readonly SanFile[]): readonly string[] => {
  let effective: readonly string[] = [];
  for (const { replaces, appends } of files) {
    effective = [...(replaces ?? effective), ...(appends ?? [])];
  }
  return effective;
};

/** `files` in the order in which they are read; the first is the one that is written to when none says anything. */
export const planSans = (
  files: readonly [SanFile, ...SanFile[]],
  wanted: readonly string[],
  isSame: (one: string, other: string) => boolean,
): SanPlan => {
  const effective = effectiveOf(files);
  const values = wanted.filter((name) => !effective.some((each) => isSame(each, name)));
  if (values.length === 0) return { effective, edit: undefined };
  const last = files.findLast(({ replaces, appends }) => replaces !== undefined || appends !== undefined);
  const { path, appends } = last ?? files[0];
  return { effective, edit: { path, key: appends === undefined ? "tls-san" : "tls-san+", values } };
};
