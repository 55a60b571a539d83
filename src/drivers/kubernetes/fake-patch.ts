/** Patches as an API server applies them: merge (RFC 7396), JSON patch (RFC 6902), strategic merge for the lists we touch. */
import { isDeepStrictEqual } from "node:util";
import { type Fields, fieldsOf, isFields, textOf } from "./json.ts";

export type Patched =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly message: string };

/** Merge patch: `null` removes, objects are merged, everything else replaces. */
export const mergePatch = (target: unknown, patch: unknown): unknown => {
  if (!isFields(patch)) return patch;
  const result: Record<string, unknown> = { ...fieldsOf(target) };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = mergePatch(result[key], value);
  }
  return result;
};

/**
 * Lists that a strategic patch or an apply merges, by their path, and the field that tells their elements apart. Other lists
 * are replaced as a whole, `status.loadBalancer.ingress` among them.
 */
const MERGE_KEYS: Readonly<Record<string, string>> = {
  "/metadata/ownerReferences": "uid",
  "/spec/ports": "port",
  "/status/conditions": "type",
  "/status/addresses": "type",
  "/webhooks": "name",
};

/** Lists whose elements are a set. */
const SETS: ReadonlySet<string> = new Set(["/metadata/finalizers"]);

/** The key of the elements of the list at `path`; `undefined` when it is replaced as a whole. */
export const mergeKeyAt = (path: string): string | undefined => MERGE_KEYS[path];

const mergeKeyed = (target: unknown, patch: readonly unknown[], path: string, key: string): unknown => {
  let result: unknown[] = Array.isArray(target) ? [...target] : [];
  for (const element of patch) {
    const wanted = fieldsOf(element);
    const index = result.findIndex((each) => isDeepStrictEqual(fieldsOf(each)[key], wanted[key]));
    if (wanted.$patch === "delete") result = result.filter((_, place) => place !== index);
    else if (index < 0) result.push(strategicPatch(undefined, element, path));
    else result[index] = strategicPatch(result[index], element, path);
  }
  return result;
};

/** Strategic merge patch. */
export const strategicPatch = (target: unknown, patch: unknown, path = ""): unknown => {
  if (Array.isArray(patch)) {
    const key = mergeKeyAt(path);
    if (key !== undefined) return mergeKeyed(target, patch, path, key);
    if (SETS.has(path)) return [...new Set([...(Array.isArray(target) ? target : []), ...patch])];
    return patch;
  }
  if (!isFields(patch)) return patch;
  if (patch.$patch === "replace") {
    const { $patch: _, ...value } = patch;
    return value;
  }
  const result: Record<string, unknown> = { ...fieldsOf(target) };
  for (const [key, value] of Object.entries(patch)) {
    // What a list is to be sorted by changes nothing that we look at.
    if (key.startsWith("$setElementOrder/")) continue;
    if (value === null) delete result[key];
    else result[key] = strategicPatch(result[key], value, `${path}/${key}`);
  }
  return result;
};

const pointerParts = (pointer: string): readonly string[] =>
  pointer
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));

const valueAt = (document: unknown, parts: readonly string[]): { readonly value: unknown } | undefined => {
  let value = document;
  for (const part of parts) {
    if (Array.isArray(value)) {
      if (!/^\d+$/.test(part) || Number(part) >= value.length) return undefined;
      value = value[Number(part)];
    } else if (isFields(value) && Object.hasOwn(value, part)) value = value[part];
    else return undefined;
  }
  return { value };
};

type Change = { readonly op: "add" | "remove" | "replace"; readonly value?: unknown };

/** A copy with one place changed; `undefined` when there is no such place. */
const changeAt = (document: unknown, [part, ...rest]: readonly string[], change: Change): Patched => {
  const nowhere: Patched = { ok: false, message: "there is no such place" };
  if (part === undefined) return { ok: true, value: change.value };
  if (Array.isArray(document)) {
    const index = part === "-" ? document.length : Number(part);
    if (!Number.isInteger(index) || index < 0 || index > document.length) return nowhere;
    const copy: unknown[] = [...document];
    if (rest.length > 0) {
      const inner = changeAt(document[index], rest, change);
      if (!inner.ok) return inner;
      copy[index] = inner.value;
    } else if (change.op === "add") copy.splice(index, 0, change.value);
    else if (index === document.length) return nowhere;
    else if (change.op === "remove") copy.splice(index, 1);
    else copy[index] = change.value;
    return { ok: true, value: copy };
  }
  if (!isFields(document)) return nowhere;
  const isThere = Object.hasOwn(document, part);
  if (rest.length === 0) {
    if (!isThere && change.op !== "add") return nowhere;
    const { [part]: _, ...without } = document;
    return { ok: true, value: change.op === "remove" ? without : { ...document, [part]: change.value } };
  }
  if (!isThere) return nowhere;
  const inner = changeAt(document[part], rest, change);
  return inner.ok ? { ok: true, value: { ...document, [part]: inner.value } } : inner;
};

const applyOperation = (document: unknown, operation: Fields): Patched => {
  const { op, value } = operation;
  const path = pointerParts(textOf(operation.path));
  switch (op) {
    case "add":
    case "replace":
    case "remove":
      return changeAt(document, path, { op, value });
    case "test": {
      const found = valueAt(document, path);
      const holds = found !== undefined && isDeepStrictEqual(found.value, value);
      return holds ? { ok: true, value: document } : { ok: false, message: "testing value failed" };
    }
    case "copy":
    case "move": {
      const from = pointerParts(textOf(operation.from));
      const found = valueAt(document, from);
      if (found === undefined) return { ok: false, message: "there is nothing to take" };
      const left = op === "move" ? changeAt(document, from, { op: "remove" }) : { ok: true, value: document };
      if (!("value" in left)) return left;
      return changeAt(left.value, path, { op: "add", value: found.value });
    }
    default:
      return { ok: false, message: `there is no operation ${String(op)}` };
  }
};

/** JSON patch: all operations or none. */
export const jsonPatch = (target: unknown, patch: unknown): Patched => {
  let patched: Patched = { ok: true, value: target };
  for (const operation of Array.isArray(patch) ? patch : []) {
    if (!patched.ok) return patched;
    patched = applyOperation(patched.value, fieldsOf(operation));
  }
  return patched;
};
