/** Our schemas as the reference page for operators, in Markdown. */
import type { GenericSchema } from "valibot";
import { ROUTING_KINDS } from "#core/edge-routes/read";
import { notesOf, shapeOf } from "./introspect.ts";
import { API_VERSION, KIND_NAMES, KINDS } from "./kinds.ts";

/** A value as an operator writes it, on one line. */
const written = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(written).join(", ")}]`;
  if (typeof value === "object" && value !== null) return "{}";
  return String(value);
};

/** What may be written under a key. */
const typeOf = (schema: GenericSchema): string => {
  const shape = shapeOf(schema);
  const { format } = notesOf(schema);
  switch (shape.type) {
    case "section":
      return "section";
    case "map":
      return "text under any key";
    case "list": {
      const inner = typeOf(shape.item);
      return inner === "section" ? "list of sections" : `list of: ${inner}`;
    }
    case "choice":
      return format ?? shape.options.map(typeOf).join(", or ");
    case "words":
      return shape.words.map((word) => `\`${word}\``).join(", ");
    case "number":
      return format ?? "whole number";
    case "boolean":
      return "`true`, `false`";
    default:
      return format ?? "text";
  }
};

/** The sections below a schema that have rows of their own. */
const sectionsIn = (
  schema: GenericSchema,
): readonly { readonly schema: GenericSchema; readonly suffix: string }[] => {
  const shape = shapeOf(schema);
  if (shape.type === "section") return [{ schema, suffix: "" }];
  if (shape.type === "choice") return shape.options.flatMap(sectionsIn);
  if (shape.type !== "list") return [];
  return sectionsIn(shape.item).map((inner) => ({ schema: inner.schema, suffix: `[]${inner.suffix}` }));
};

/** What a list says of itself, and what each of its entries is. */
const descriptionOf = (schema: GenericSchema): string => notesOf(schema).description;

/** The rows of a table for a section and all below it; paths begin with `prefix`. */
export const rowsOf = (section: GenericSchema, prefix: string): readonly string[] => {
  const shape = shapeOf(section);
  if (shape.type !== "section") return [];
  return [...shape.entries].flatMap(([key, entry]) => {
    const notes = notesOf(entry);
    const path = prefix === "" ? key : `${prefix}.${key}`;
    const standard = notes.default === undefined ? "" : `\`${written(notes.default)}\``;
    const presence = notes.required ? "**required**" : standard;
    const row = `| \`${path}\` | ${typeOf(entry)} | ${presence} | ${descriptionOf(entry)} |`;
    return [row, ...sectionsIn(entry).flatMap(({ schema, suffix }) => rowsOf(schema, `${path}${suffix}`))];
  });
};

const kindPage = (kind: (typeof KIND_NAMES)[number]): string => {
  const shape = shapeOf(KINDS[kind]);
  const spec = shape.type === "section" ? shape.entries.get("spec") : undefined;
  const rows = spec === undefined ? [] : rowsOf(spec, "spec");
  return [
    `## ${kind}`,
    "",
    descriptionOf(KINDS[kind]),
    "",
    "| key | value | default | meaning |",
    "|---|---|---|---|",
    ...rows,
    "",
  ].join("\n");
};

/** The whole page. */
export const configurationReference = (): string =>
  [
    "<!-- Generated from src/core/config by `node scripts/generate-reference.ts`; do not edit. -->",
    "",
    "# Configuration reference",
    "",
    `Every document has \`apiVersion: ${API_VERSION}\`, a \`kind\`, \`metadata.name\` (1 to 63 lower-case letters,`,
    "digits and dashes) and a `spec`. `metadata.labels` and `metadata.annotations` are for your own use. Durations are a",
    "number and a unit: `us`, `ms`, `s`, `m`, `h`. [configuration.md](../configuration.md) shows how the parts are used.",
    "",
    ...KIND_NAMES.map(kindPage),
    "## Routing resources",
    "",
    `An edge that tells routers of its virtual servers by BGP ([how](../edge-bgp.md)) has resources of MetalLB's, \`apiVersion: metallb.io/...\`,`,
    `among its documents: ${ROUTING_KINDS.map((kind) => `[${kind}](metallb.md#${kind.toLowerCase()})`).join(", ")}. What is only for clusters,`,
    "such as `nodeSelectors` and `passwordSecret`, is refused.",
    "",
  ].join("\n");
