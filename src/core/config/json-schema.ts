/** Our schemas as JSON Schema (draft 2020-12), for editors and for whoever writes configurations by program. */
import type { GenericSchema } from "valibot";
import { ROUTING_KINDS } from "#core/edge-routes/read";
import { notesOf, shapeOf } from "./introspect.ts";
import { API_VERSION, KIND_NAMES, KINDS } from "./kinds.ts";

/** A JSON Schema: plain data. */
export type JsonSchema = { readonly [keyword: string]: unknown };

const RANGE = /^(\d+)\.\.(\d+)$/;

/** What a format adds to text or a number; the rest of it stays with `steelyard check`. */
const formatKeywords = (format: string | undefined): JsonSchema => {
  const range = format === undefined ? null : RANGE.exec(format);
  if (range !== null) return { minimum: Number(range[1]), maximum: Number(range[2]) };
  if (format?.startsWith("duration") === true) return { pattern: "^\\d+(\\.\\d+)?(us|ms|s|m|h)$" };
  if (format === "name") return { minLength: 1, maxLength: 63 };
  return {};
};

const shapeKeywords = (schema: GenericSchema): JsonSchema => {
  const shape = shapeOf(schema);
  const { format } = notesOf(schema);
  switch (shape.type) {
    case "section": {
      const required = [...shape.entries].filter(([, entry]) => notesOf(entry).required).map(([key]) => key);
      return {
        type: "object",
        additionalProperties: false,
        ...(required.length === 0 ? {} : { required }),
        properties: Object.fromEntries([...shape.entries].map(([key, entry]) => [key, jsonSchemaOf(entry)])),
      };
    }
    case "map":
      return { type: "object", additionalProperties: { type: "string" } };
    case "list":
      return { type: "array", items: jsonSchemaOf(shape.item) };
    case "choice":
      return { anyOf: shape.options.map(jsonSchemaOf) };
    case "words":
      return { enum: shape.words };
    case "number":
      return { type: "integer", ...formatKeywords(format) };
    case "boolean":
      return { type: "boolean" };
    default:
      return { type: "string", ...formatKeywords(format) };
  }
};

/** One schema with all below it. */
const jsonSchemaOf = (schema: GenericSchema): JsonSchema => {
  const notes = notesOf(schema);
  return {
    ...(notes.description === "" ? {} : { description: notes.description }),
    ...shapeKeywords(schema),
    ...(notes.default === undefined ? {} : { default: notes.default }),
  };
};

/** MetalLB's resources for routers: they are described in docs/reference/metallb.md, and read whole by `steelyard check`. */
const ROUTING_DOCUMENT: JsonSchema = {
  description: `What routers are told by BGP: ${ROUTING_KINDS.join(", ")} of MetalLB (docs/reference/metallb.md).`,
  type: "object",
  required: ["apiVersion", "kind", "metadata"],
  properties: {
    apiVersion: {
      description: "v1beta2 of a BGPPeer, v1beta1 of the others.",
      type: "string",
      pattern: "^metallb\\.io/",
    },
    kind: { description: "What this document describes.", enum: ROUTING_KINDS },
    metadata: { description: "Who this is.", type: "object" },
    spec: { description: "Its fields.", type: "object" },
  },
};

/** The JSON Schema that every document of a configuration satisfies. */
export const configurationJsonSchema = (): JsonSchema => ({
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: `steelyard configuration, ${API_VERSION}`,
  oneOf: [...KIND_NAMES.map((kind) => jsonSchemaOf(KINDS[kind])), ROUTING_DOCUMENT],
});
