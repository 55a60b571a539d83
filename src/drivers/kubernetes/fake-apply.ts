/** Server-side apply, as far as fields and keyed lists go: who owns a field, who may change it, what goes when it is left out. */
import { isDeepStrictEqual } from "node:util";
import { mergeKeyAt, strategicPatch } from "./fake-patch.ts";
import { fieldsOf, isFields } from "./json.ts";

/** The fields of each manager, by path. */
export type Ownership = ReadonlyMap<string, ReadonlySet<string>>;

export type Applied =
  | { readonly ok: true; readonly value: unknown; readonly ownership: Ownership }
  | { readonly ok: false; readonly message: string };

/** Fields that say which object is meant and that nobody owns. */
const UNOWNED: ReadonlySet<string> = new Set([
  "/apiVersion",
  "/kind",
  "/metadata/name",
  "/metadata/namespace",
  "/metadata/resourceVersion",
]);

/** One step into a value: a field, or the element of a keyed list. */
const steps = (value: unknown, path: string): readonly (readonly [string, unknown])[] | undefined => {
  if (isFields(value)) return Object.entries(value).map(([key, each]) => [`/${key}`, each] as const);
  const key = mergeKeyAt(path);
  if (!Array.isArray(value) || key === undefined) return undefined;
  return value.map((each) => [`[${JSON.stringify(fieldsOf(each)[key])}]`, each] as const);
};

/** Paths of keyed lists are looked up without their keys. */
const plain = (path: string): string => path.replace(/\[[^\]]*\]/g, "");

/** All leaves: fields without fields, and whole lists that are not keyed. */
const leavesOf = (value: unknown, path = ""): ReadonlyMap<string, unknown> => {
  const inner = steps(value, plain(path));
  if (inner === undefined || inner.length === 0) return new Map(path === "" ? [] : [[path, value]]);
  const leaves = new Map<string, unknown>();
  for (const [step, each] of inner)
    for (const [leaf, held] of leavesOf(each, path + step)) if (!UNOWNED.has(leaf)) leaves.set(leaf, held);
  return leaves;
};

/** A copy without the leaves whose paths are given, and without what became empty by that. */
const without = (value: unknown, gone: ReadonlySet<string>, path = ""): unknown => {
  if (gone.has(path)) return undefined;
  const inner = steps(value, plain(path));
  if (inner === undefined || inner.length === 0) return value;
  const kept = inner.map(([step, each]) => [step, without(each, gone, path + step)] as const);
  const left = kept.filter(([, each]) => each !== undefined);
  if (left.length === 0) return undefined;
  return Array.isArray(value)
    ? left.map(([, each]) => each)
    : Object.fromEntries(left.map(([step, each]) => [step.slice(1), each]));
};

/** Applies what `manager` wants. */
export const applyPatch = (
  target: unknown,
  patch: unknown,
  { manager, force, ownership }: { manager: string; force: boolean; ownership: Ownership },
): Applied => {
  const wanted = leavesOf(patch);
  const there = leavesOf(target);
  const others = [...ownership].filter(([owner]) => owner !== manager);
  const conflicts = [...wanted].filter(
    ([leaf, value]) =>
      !isDeepStrictEqual(there.get(leaf), value) && others.some(([, leaves]) => leaves.has(leaf)),
  );
  if (conflicts.length > 0 && !force) {
    const fields = conflicts.map(([leaf]) => leaf.replaceAll("/", ".")).join(", ");
    return { ok: false, message: `Apply failed with ${conflicts.length} conflicts: ${fields}` };
  }
  const taken = new Set(conflicts.map(([leaf]) => leaf));
  const left = new Map<string, ReadonlySet<string>>(
    others.map(([owner, leaves]) => [owner, new Set([...leaves].filter((leaf) => !taken.has(leaf)))]),
  );
  const given = [...(ownership.get(manager) ?? [])].filter((leaf) => !wanted.has(leaf));
  const gone = new Set(given.filter((leaf) => ![...left.values()].some((leaves) => leaves.has(leaf))));
  left.set(manager, new Set(wanted.keys()));
  return { ok: true, value: strategicPatch(without(target, gone) ?? {}, patch), ownership: left };
};
