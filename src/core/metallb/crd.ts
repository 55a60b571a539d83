/** Custom resource definitions (apiextensions.k8s.io/v1), made from the schemas. */
import * as v from "valibot";
import { notesOf, shapeOf } from "#core/config/introspect";
import type { Keywords } from "./fields.ts";
import { type KindFacts, type KindVersion, kindEntries } from "./kinds.ts";
import { type YamlValue, yaml } from "./yaml.ts";

/** Where the API server asks to convert between versions. */
export type ConversionWebhook = {
  /** The Service that answers. */
  readonly namespace: string;
  readonly name: string;
  /** Default: 443. */
  readonly port?: number;
  /** Default: `/convert`. */
  readonly path?: string;
  /** Certificates in base64 that the API server trusts; absent: those of its system. */
  readonly caBundle?: string;
};

/** What a rendering may be told. */
export type CrdOptions = {
  /**
   * Absent: nothing is said of it. A new definition converts by a change of `apiVersion` alone then (strategy None), and
   * applying the definition again leaves the webhook that somebody has put there.
   */
  readonly conversion?: ConversionWebhook;
};

/** A schema without what makes it optional. */
const inside = (schema: v.GenericSchema): v.GenericSchema => {
  const isWrapped = (each: v.GenericSchema): each is v.ExactOptionalSchema<v.GenericSchema, unknown> =>
    each.type === "exact_optional";
  return isWrapped(schema) ? inside(schema.wrapped) : schema;
};

const isKeywords = (value: unknown): value is Keywords =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const keywordsOf = (schema: v.GenericSchema): Keywords => {
  const { crd } = v.getMetadata(inside(schema));
  return isKeywords(crd) ? crd : {};
};

const typeOf = (schema: v.GenericSchema): Keywords => {
  const shape = shapeOf(schema);
  switch (shape.type) {
    case "section": {
      const entries = [...shape.entries];
      const required = entries.filter(([, entry]) => notesOf(entry).required).map(([key]) => key);
      return {
        type: "object",
        ...(required.length === 0 ? {} : { required }),
        ...(entries.length === 0
          ? {}
          : { properties: Object.fromEntries(entries.map(([key, entry]) => [key, openApi(entry)])) }),
      };
    }
    case "map":
      return { type: "object", additionalProperties: { type: "string" } };
    case "list":
      return { type: "array", items: openApi(shape.item) };
    case "words":
      return { type: "string", enum: shape.words };
    case "number":
      return { type: "integer" };
    case "boolean":
      return { type: "boolean" };
    default:
      return { type: "string" };
  }
};

/** The structural schema of what a schema accepts. */
const openApi = (schema: v.GenericSchema): Keywords => {
  const notes = notesOf(schema);
  return {
    ...(notes.description === "" ? {} : { description: notes.description }),
    ...typeOf(schema),
    ...keywordsOf(schema),
    ...(notes.default === undefined ? {} : { default: notes.default }),
  };
};

const TYPE_META = {
  apiVersion: { type: "string", description: "Group and version of this format." },
  kind: { type: "string", description: "What this object is." },
  metadata: { type: "object" },
};

const versionOf = (facts: KindFacts, version: KindVersion): Keywords => ({
  name: version.name,
  served: true,
  storage: version.isStored,
  ...(version.deprecation === undefined ? {} : { deprecated: true, deprecationWarning: version.deprecation }),
  ...(version.columns.length === 0 ? {} : { additionalPrinterColumns: version.columns }),
  ...(version.status === undefined ? {} : { subresources: { status: {} } }),
  schema: {
    openAPIV3Schema: {
      description: facts.description,
      type: "object",
      ...(version.needsSpec ? { required: ["spec"] } : {}),
      properties: {
        ...TYPE_META,
        ...(version.spec === undefined ? {} : { spec: openApi(version.spec) }),
        ...(version.status === undefined ? {} : { status: openApi(version.status) }),
      },
    },
  },
});

const conversionOf = ({
  namespace,
  name,
  port,
  path = "/convert",
  caBundle,
}: ConversionWebhook): Keywords => ({
  strategy: "Webhook",
  webhook: {
    conversionReviewVersions: ["v1"],
    clientConfig: {
      service: { namespace, name, path, ...(port === undefined ? {} : { port }) },
      ...(caBundle === undefined ? {} : { caBundle }),
    },
  },
});

const definitionOf = (kind: string, facts: KindFacts, { conversion }: CrdOptions): Keywords => ({
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: `${facts.plural}.${facts.group}` },
  spec: {
    group: facts.group,
    scope: "Namespaced",
    names: { kind, listKind: `${kind}List`, plural: facts.plural, singular: facts.singular },
    ...(facts.versions.length === 1 || conversion === undefined
      ? {}
      : { conversion: conversionOf(conversion) }),
    versions: facts.versions.map((version) => versionOf(facts, version)),
  },
});

/** The definition of every kind, as the API server takes them. */
export const crdObjects = (options: CrdOptions = {}): readonly Keywords[] =>
  kindEntries().map(([kind, facts]) => definitionOf(kind, facts, options));

const FIRST_LINE = "# Generated from src/core/metallb by `node scripts/generate-reference.ts`; do not edit.";

/** Each definition as a YAML file, by its path from the top of the repository. */
export const renderCrds = (options: CrdOptions = {}): ReadonlyMap<string, string> =>
  new Map(
    kindEntries().map(([kind, facts]) => [
      `packaging/crds/${facts.group}_${facts.plural}.yaml`,
      `${FIRST_LINE}\n${yaml(definitionOf(kind, facts, options) as YamlValue)}`,
    ]),
  );
