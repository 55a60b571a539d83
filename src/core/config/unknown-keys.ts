/** Finds every key that a schema does not know, so that a misspelt one is never silently ignored. */
import type { GenericSchema } from "valibot";
import { type Shape, shapeOf } from "./introspect.ts";
import { nearestHint } from "./nearest.ts";
import { error, type Finding, type Path } from "./problem.ts";

/** Whether a value is a section: an object, not a list. */
export const isSection = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const inSection = (
  entries: ReadonlyMap<string, GenericSchema>,
  value: Readonly<Record<string, unknown>>,
  path: Path,
): readonly Finding[] =>
  Object.keys(value).flatMap((key): readonly Finding[] => {
    const entry = entries.get(key);
    if (entry !== undefined) return unknownKeys(entry, value[key], [...path, key]);
    const hint = nearestHint(key, [...entries.keys()]);
    return [{ ...error([...path, key], "is not a known key", hint), at: "key" }];
  });

const inShape = (shape: Shape, value: unknown, path: Path): readonly Finding[] => {
  if (shape.type === "section" && Array.isArray(value)) {
    return [
      error(
        path,
        "is a list, not a section with keys",
        `It may have: ${[...shape.entries.keys()].join(", ")}.`,
      ),
    ];
  }
  if (shape.type === "section" && isSection(value)) return inSection(shape.entries, value, path);
  if (shape.type === "list" && Array.isArray(value)) {
    return value.flatMap((item, index) => unknownKeys(shape.item, item, [...path, index]));
  }
  if (shape.type === "choice" && isSection(value)) {
    return shape.options.flatMap((option) => unknownKeys(option, value, path));
  }
  return [];
};

/** Every unknown key below `value`, each with the known key that was probably meant. */
export const unknownKeys = (schema: GenericSchema, value: unknown, path: Path): readonly Finding[] =>
  inShape(shapeOf(schema), value, path);
