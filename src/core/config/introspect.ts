/** Looks into a schema: what unknown keys are compared with, and what the reference and JSON Schema are made from. */
import * as v from "valibot";

/** The parts of a schema that matter to a reader of it. */
export type Shape =
  | { readonly type: "section"; readonly entries: ReadonlyMap<string, v.GenericSchema> }
  | { readonly type: "map" }
  | { readonly type: "list"; readonly item: v.GenericSchema }
  | { readonly type: "choice"; readonly options: readonly v.GenericSchema[] }
  | { readonly type: "words"; readonly words: readonly string[] }
  | { readonly type: "text" | "number" | "boolean" };

type Wrapped = v.OptionalSchema<v.GenericSchema, unknown> | v.ExactOptionalSchema<v.GenericSchema, unknown>;

const isWrapped = (schema: v.GenericSchema): schema is Wrapped =>
  schema.type === "optional" || schema.type === "exact_optional";
const isObject = (schema: v.GenericSchema): schema is v.ObjectSchema<v.ObjectEntries, undefined> =>
  schema.type === "object";
const isArray = (schema: v.GenericSchema): schema is v.ArraySchema<v.GenericSchema, undefined> =>
  schema.type === "array";
const isUnion = (schema: v.GenericSchema): schema is v.UnionSchema<v.GenericSchema[], undefined> =>
  schema.type === "union";
const isPicklist = (schema: v.GenericSchema): schema is v.PicklistSchema<readonly string[], undefined> =>
  schema.type === "picklist";
const isLiteral = (schema: v.GenericSchema): schema is v.LiteralSchema<string, undefined> =>
  schema.type === "literal";

/** A schema without the wrapper that makes it optional. */
const unwrapped = (schema: v.GenericSchema): v.GenericSchema =>
  isWrapped(schema) ? unwrapped(schema.wrapped) : schema;

/** The shape of what a schema accepts. */
export const shapeOf = (wrapped: v.GenericSchema): Shape => {
  const schema = unwrapped(wrapped);
  if (isObject(schema)) {
    const entries = Object.entries(schema.entries).flatMap(([key, entry]): [string, v.GenericSchema][] =>
      entry.async ? [] : [[key, entry]],
    );
    return { type: "section", entries: new Map(entries) };
  }
  if (isArray(schema)) return { type: "list", item: schema.item };
  if (isUnion(schema)) return { type: "choice", options: schema.options };
  if (isPicklist(schema)) return { type: "words", words: schema.options };
  if (isLiteral(schema)) return { type: "words", words: [schema.literal] };
  if (schema.type === "record") return { type: "map" };
  if (schema.type === "number") return { type: "number" };
  return { type: schema.type === "boolean" ? "boolean" : "text" };
};

/** What a schema says of itself. */
export type Notes = {
  readonly description: string;
  /** What the text or number looks like, such as `1..255` or `address`; `undefined` when the type says it. */
  readonly format: string | undefined;
  readonly required: boolean;
  /** As an operator would write it; `undefined` when there is none. */
  readonly default: unknown;
};

/** The description, format and default of a schema. */
export const notesOf = (schema: v.GenericSchema): Notes => {
  const inner = unwrapped(schema);
  const { format } = v.getMetadata(inner);
  return {
    description: v.getDescription(inner) ?? "",
    format: typeof format === "string" && format !== "" ? format : undefined,
    required: !isWrapped(schema),
    default: isWrapped(schema) ? schema.default : undefined,
  };
};
