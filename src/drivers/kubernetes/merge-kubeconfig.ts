/**
 * Merges one context into the text of a kubeconfig, of which everything else stays as it is: comments, order, other
 * contexts, fields that we do not know.
 *
 * What comes out is parsed again and compared: a change that would touch another entry is refused, not written.
 */
import { isDeepStrictEqual } from "node:util";
import { type Document, isMap, isSeq, parseDocument, YAMLMap, YAMLSeq } from "yaml";
import { keepSpacing } from "#core/api-server/difference";
import { namesFor } from "#core/api-server/entry-names";
import { styleOf } from "#core/api-server/yaml-style";
import { isSameBundle } from "#core/certificate/pem";
import { type Found, refused } from "./credentials.ts";
import { type Fields, fieldsOf, isFields, textOf } from "./json.ts";
import type { PortableEntry } from "./portable.ts";

/** What is to be there. */
export type Merge = PortableEntry & {
  readonly context: string;
  /** Where the context leads to anyway; used for a new context only. */
  readonly namespace: string;
  /** It becomes the current one; one that names none at all gets it anyway. */
  readonly makeCurrent: boolean;
  /** A context of this name that leads to another cluster is taken over. */
  readonly replace: boolean;
  /** Other servers of the cluster, remembered beside the entry; `undefined` leaves what is remembered. */
  readonly servers: readonly string[] | undefined;
};

/** Under which name the servers are remembered among a cluster's extensions. */
const REMEMBERED = "steelyard.dev/api-servers";
const MOST_ALIASES = 100;
const EMPTY = "apiVersion: v1\nkind: Config\npreferences: {}\nclusters: []\ncontexts: []\nusers: []\n";

type Lists = "clusters" | "contexts" | "users";

/** Items by name; where a name is there twice, kubectl takes the first. */
const itemsOf = (root: Fields, list: Lists, key: string): ReadonlyMap<string, Fields> => {
  const items = new Map<string, Fields>();
  const values: unknown = root[list];
  for (const each of Array.isArray(values) ? values : []) {
    const { name, [key]: value } = fieldsOf(each);
    if (!items.has(textOf(name))) items.set(textOf(name), fieldsOf(value));
  }
  return items;
};

const nodeOf = (
  document: Document,
  { list, key, name }: { list: Lists; key: string; name: string },
): YAMLMap => {
  let all = document.get(list);
  if (!isSeq(all)) {
    all = new YAMLSeq();
    document.set(list, all);
  }
  const sequence = all as YAMLSeq;
  // An empty list is written `[]`; one that is not empty, in lines.
  if (sequence.items.length === 0) sequence.flow = false;
  const found = sequence.items.find((item) => isMap(item) && item.get("name") === name);
  const item = isMap(found) ? found : new YAMLMap();
  if (found === undefined) sequence.items.push(item);
  let value = item.get(key);
  if (!isMap(value)) {
    value = new YAMLMap();
    item.set(key, value);
  }
  if (!item.has("name")) item.set("name", name);
  return value as YAMLMap;
};

/** Brings the fields of a map to what they should be; keys that nobody mentions stay unless `owned` says otherwise. */
const bring = (document: Document, map: YAMLMap, wanted: Fields, owned: (key: string) => boolean): void => {
  const now = fieldsOf(map.toJS(document, { maxAliasCount: MOST_ALIASES }));
  for (const [key, value] of Object.entries(wanted)) {
    if (!isDeepStrictEqual(now[key], value)) map.set(key, document.createNode(value));
  }
  for (const key of Object.keys(now)) if (!(key in wanted) && owned(key)) map.delete(key);
};

/** What of a cluster's entry says whom to reach and whom to trust; the rest (`proxy-url`, extensions of others) is not ours. */
const CLUSTER_FIELDS: ReadonlySet<string> = new Set([
  ...["server", "certificate-authority", "certificate-authority-data"],
  ...["insecure-skip-tls-verify", "tls-server-name"],
]);

const authorityText = (cluster: Fields): string =>
  Buffer.from(textOf(cluster["certificate-authority-data"]), "base64").toString("utf8");

/** The servers that were remembered beside a context's cluster. */
export const rememberedServers = (text: string, context: string): readonly string[] => {
  const root = rootOf(text);
  if (!root.ok) return [];
  const cluster = textOf(itemsOf(root.value.fields, "contexts", "context").get(context)?.cluster);
  const extensions: unknown = itemsOf(root.value.fields, "clusters", "cluster").get(cluster)?.extensions;
  const own = (Array.isArray(extensions) ? extensions : [])
    .map(fieldsOf)
    .find(({ name }) => name === REMEMBERED);
  const servers: unknown = fieldsOf(own?.extension).servers;
  return (Array.isArray(servers) ? servers : []).map(textOf).filter((each) => each !== "");
};

const withRemembered = (cluster: Fields, servers: readonly string[] | undefined): Fields => {
  if (servers === undefined || servers.length === 0) return {};
  const extensions: unknown = cluster.extensions;
  const others = (Array.isArray(extensions) ? extensions : []).filter(
    (each) => fieldsOf(each).name !== REMEMBERED,
  );
  return { extensions: [...others, { name: REMEMBERED, extension: { servers: [...servers] } }] };
};

/** The document and its plain value. Messages of the library quote the text, which holds secrets. */
const rootOf = (text: string): Found<{ readonly document: Document; readonly fields: Fields }> => {
  try {
    const document = parseDocument(text.trim() === "" ? EMPTY : text, {
      prettyErrors: false,
      logLevel: "error",
    });
    const [first] = document.errors;
    if (first !== undefined) {
      return refused(`line ${text.slice(0, first.pos[0]).split("\n").length} is not YAML (${first.code})`);
    }
    const value: unknown = document.toJS({ maxAliasCount: MOST_ALIASES });
    return isFields(value)
      ? { ok: true, value: { document, fields: value } }
      : refused("it is not a kubeconfig");
  } catch {
    return refused("it is not YAML that can be read");
  }
};

const LISTS = [
  ["clusters", "cluster"],
  ["contexts", "context"],
  ["users", "user"],
] as const;

/** Whether all but the named entries are what they were. */
const isElseSame = (before: Fields, after: Fields, own: Readonly<Record<Lists, string>>): boolean => {
  const isListSame = LISTS.every(([list, key]) => {
    const [old, fresh] = [itemsOf(before, list, key), itemsOf(after, list, key)];
    return [...old].every(([name, value]) => name === own[list] || isDeepStrictEqual(fresh.get(name), value));
  });
  const isOwn = (key: string): boolean => key === "current-context" || LISTS.some(([list]) => list === key);
  return (
    isListSame &&
    Object.entries(before).every(([key, value]) => isOwn(key) || isDeepStrictEqual(after[key], value))
  );
};

/** Whether the entry is another cluster's: it has another authority, or, where there is none to compare, another server. */
const isForeign = (existing: Fields | undefined, { cluster, replace }: Merge): boolean => {
  if (existing === undefined || replace || textOf(existing.server) === "") return false;
  const ours = authorityText(cluster);
  return ours === "" ? existing.server !== cluster.server : !isSameBundle(authorityText(existing), ours);
};

/** The text with the context merged in; the same text when nothing has to change. Problems read on after the file's name. */
export const mergeKubeconfig = (text: string, merge: Merge): Found<string> => {
  try {
    return mergeInto(text, merge);
  } catch {
    // Aliases that lead nowhere, or to too much. The library's words may quote the text.
    return refused("it cannot be changed: its anchors and aliases are not understood");
  }
};

const mergeInto = (text: string, merge: Merge): Found<string> => {
  const root = rootOf(text);
  if (!root.ok) return root;
  const { document, fields } = root.value;
  const clusters = itemsOf(fields, "clusters", "cluster");
  const contexts = itemsOf(fields, "contexts", "context");
  const users = itemsOf(fields, "users", "user");
  const own = contexts.get(merge.context);
  if (isForeign(own === undefined ? undefined : clusters.get(textOf(own.cluster)), merge)) {
    return refused(
      `its context ${merge.context} leads to another cluster. Name another one with --context, or take it over with --replace`,
    );
  }
  const led = new Map(
    [...contexts].map(([name, { cluster, user }]) => [
      name,
      { cluster: textOf(cluster), user: textOf(user) },
    ]),
  );
  const names = namesFor(merge.context, {
    contexts: led,
    clusters: new Set(clusters.keys()),
    users: new Set(users.keys()),
  });
  const cluster = nodeOf(document, { list: "clusters", key: "cluster", name: names.cluster });
  const remembered = withRemembered(clusters.get(names.cluster) ?? {}, merge.servers);
  bring(document, cluster, { ...merge.cluster, ...remembered }, (key) => CLUSTER_FIELDS.has(key));
  const context = nodeOf(document, { list: "contexts", key: "context", name: merge.context });
  const namespace = own === undefined && merge.namespace !== "default" ? { namespace: merge.namespace } : {};
  bring(document, context, { cluster: names.cluster, ...namespace, user: names.user }, () => false);
  bring(document, nodeOf(document, { list: "users", key: "user", name: names.user }), merge.user, () => true);
  const current = textOf(fields["current-context"]);
  if ((current === "" || merge.makeCurrent) && current !== merge.context) {
    document.set("current-context", merge.context);
  }
  return finish(text, root.value, { clusters: names.cluster, contexts: merge.context, users: names.user });
};

const finish = (
  text: string,
  { document, fields }: { readonly document: Document; readonly fields: Fields },
  own: Readonly<Record<Lists, string>>,
): Found<string> => {
  const after: unknown = document.toJS({ maxAliasCount: MOST_ALIASES });
  if (text.trim() !== "" && isDeepStrictEqual(after, fields)) return { ok: true, value: text };
  const written = document.toString(styleOf(text));
  // What is written must be read as what was meant, which an anchor that others use may keep it from.
  const means = (candidate: string): boolean => {
    const again = rootOf(candidate);
    return again.ok && isDeepStrictEqual(again.value.fields, after);
  };
  const best = [keepSpacing(text, written), written].find(means);
  return best !== undefined && isElseSame(fields, fieldsOf(after), own)
    ? { ok: true, value: best }
    : refused(
        "it cannot be changed without touching other entries (anchors?). Name another file with --output",
      );
};
