/** The keys of the ConfigMap, by what they are about. */
import type { Section } from "../section.ts";

/** A pool that Services draw from. */
export type Source = {
  readonly key: string;
  /** `undefined` is every namespace that has no pool of its own. */
  readonly namespace: string | undefined;
};

/** What the keys are about. */
export type Keys = {
  /** Those that Services really draw from, namespaces first. */
  readonly sources: readonly Source[];
  readonly interfaceByNamespace: ReadonlyMap<string, string>;
};

const PREFIXES = ["cidr-", "range-"] as const;

/** The namespace that stands for all. */
export const GLOBAL = "global";

const sourceOf = (key: string): Source | undefined => {
  const prefix = PREFIXES.find((each) => key.startsWith(each));
  if (prefix === undefined) return undefined;
  const namespace = key.slice(prefix.length);
  return { key, namespace: namespace === GLOBAL ? undefined : namespace };
};

/** Notes the keys of pools that the provider never comes to, and gives the others. */
const sourcesOf = (data: Section): readonly Source[] => {
  const all = data.keys.flatMap((key) => sourceOf(key) ?? []);
  const hasCidr = new Set(all.filter(({ key }) => key.startsWith("cidr-")).map(({ namespace }) => namespace));
  const used = all.filter(({ key, namespace }) => {
    if (key.startsWith("cidr-") || !(hasCidr.has(namespace) || hasCidr.has(undefined))) return true;
    const first = hasCidr.has(namespace) ? (namespace ?? GLOBAL) : GLOBAL;
    data.needless(key, `kube-vip never comes to it, since cidr-${first} is asked first`);
    return false;
  });
  return used.toSorted(
    (left, right) => Number(left.namespace === undefined) - Number(right.namespace === undefined),
  );
};

const TRUE = /^(?:1|t|T|TRUE|true|True)$/;

const noteSharing = (data: Section, key: string): void => {
  const value = data.text(key) ?? "";
  if (!TRUE.test(value)) data.needless(key, "is off");
  else {
    data.lost(
      key,
      "no Service shares an address unless it says so; give those that are to share one the same metallb.io/allow-shared-ip",
    );
  }
};

/** Reads the keys; what is not about pools and interfaces is noted. */
export const readKeys = (data: Section): Keys => {
  const sources = sourcesOf(data);
  const interfaceByNamespace = new Map<string, string>();
  for (const key of data.keys) {
    if (key.startsWith("interface-")) {
      const name = data.text(key);
      if (name !== undefined && /^[^\s/:]{1,15}$/.test(name))
        interfaceByNamespace.set(key.slice("interface-".length), name);
      else if (name !== undefined) data.lost(key, "is no name of an interface");
    } else if (key.startsWith("allow-share-")) noteSharing(data, key);
    else if (key.startsWith("allow-shared-"))
      data.needless(key, "kube-vip does not know it either; its key is allow-share-NAMESPACE");
  }
  const order = data.text("search-order");
  if (order === "desc")
    data.lost("search-order", "the lowest free address is given first, never the highest");
  else if (order !== undefined)
    data.needless("search-order", "the lowest free address is given first anyway");
  return { sources, interfaceByNamespace };
};
