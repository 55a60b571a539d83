/** From MetalLB's configuration, of whatever time, to its resources of today. */
import type { Path } from "#core/config/problem";
import { fieldsOf, textOf } from "#core/kubernetes/read";
import { Draft } from "../draft.ts";
import { isObjectName } from "../names.ts";
import type { Report } from "../report.ts";
import type { Imported } from "../resource.ts";
import { Section, sectionOf } from "../section.ts";
import { labelOf, type SourceDocument } from "../source.ts";
import { isConfig, readConfig } from "./config.ts";
import { isMetalLb, readResource } from "./resources.ts";

/** Under which key of its ConfigMap MetalLB looks for the text. */
const TEXT_PATH: Path = ["data", "config"];

const readConfigMap = (document: SourceDocument, draft: Draft): void => {
  const about = { document, path: TEXT_PATH, label: labelOf(document.value) };
  const { data } = fieldsOf(document.value);
  if (typeof fieldsOf(data).config !== "string") {
    draft.report.lost(about, "holds no text; MetalLB's ConfigMap has its configuration there");
    return;
  }
  const { documents, problems } = document.inner(TEXT_PATH);
  for (const { message } of problems) draft.report.lost(about, `cannot be read: ${message}`);
  for (const inner of documents) {
    const value = fieldsOf(inner.value);
    readConfig(new Section(value, { document: inner, path: [], label: "" }, draft.report), draft);
  }
};

/** The namespace in which a ConfigMap with a configuration lies. */
const namespaceOf = (documents: readonly SourceDocument[]): string | undefined => {
  for (const { value } of documents) {
    const { kind, metadata, data } = fieldsOf(value);
    const namespace = textOf(fieldsOf(metadata).namespace);
    if (
      isObjectName(namespace) &&
      (isMetalLb(value) || (kind === "ConfigMap" && fieldsOf(data).config !== undefined))
    )
      return namespace;
  }
  return undefined;
};

/**
 * Reads ConfigMaps with MetalLB's configuration, such configuration by itself, and resources. Never throws. What is made
 * lies in `namespace`, else in that of the ConfigMap, else in `metallb-system`.
 */
export const importMetalLb = (
  documents: readonly SourceDocument[],
  { namespace, report }: { readonly namespace: string | undefined; readonly report: Report },
): Imported => {
  const draft = new Draft(namespace ?? namespaceOf(documents) ?? "metallb-system", report);
  for (const document of documents) {
    const section = sectionOf(document, report);
    if (section === undefined) report.lost({ document, path: [], label: "" }, "is no section with keys");
    else if (isMetalLb(document.value)) readResource(section, draft);
    else if (section.raw("kind") === "ConfigMap") readConfigMap(document, draft);
    else if (section.raw("kind") === undefined && isConfig(section.keys)) readConfig(section, draft);
    else report.lost(section.about, "is no configuration of MetalLB's");
  }
  return { resources: draft.resources, commands: [] };
};
