/** The importers by the names of what they read, and what is common to them. */
import type { Note } from "#core/keepalived/report";
import { checked } from "./checked.ts";
import { importCilium } from "./cilium/translate.ts";
import { importKubeVip } from "./kube-vip/translate.ts";
import { importMetalLb } from "./metallb/translate.ts";
import { Report } from "./report.ts";
import type { Imported } from "./resource.ts";
import { flatten, type SourceDocument } from "./source.ts";

/** What can be read. */
export const FORMATS = ["metallb", "kube-vip", "cilium"] as const;
export type Format = (typeof FORMATS)[number];

const IMPORTERS = { metallb: importMetalLb, "kube-vip": importKubeVip, cilium: importCilium } as const;

export type ImportOptions = {
  readonly format: Format;
  /** Where the resources are to lie; `undefined` leaves it to what is read. */
  readonly namespace: string | undefined;
};

/**
 * Turns documents into resources that are valid together, notes on everything that did not simply become one, and
 * commands for what Services need. Never throws, whatever the documents hold.
 */
export const importDocuments = (
  documents: readonly SourceDocument[],
  { format, namespace }: ImportOptions,
): Imported & { readonly notes: readonly Note[] } => {
  const report = new Report();
  const { resources, commands } = IMPORTERS[format](flatten(documents), { namespace, report });
  const valid = checked(resources, report);
  const files = [...new Set(documents.map(({ file }) => file))];
  return { resources: valid, commands, notes: report.notes(files) };
};
