/** Resources of Cilium's for tests, and what becomes of them. */
import { assert } from "#base/assert";
import { readConfiguration } from "#core/metallb/read";
import { imported } from "../test-document.ts";

/** How selectors name the namespace of a Service. */
export const NAMESPACE = "io.kubernetes.service.namespace";

/** What documents become, which must be valid together; notes without their lines. */
export const run = (...documents: readonly unknown[]) => {
  const outcome = imported("cilium", documents.map((document) => JSON.stringify(document)).join("\n---\n"));
  const objects = outcome.resources.map(({ value }) => value);
  const read = readConfiguration({ objects, namespaces: new Map() });
  assert(read.ok, "not valid", read.ok ? undefined : read.problems);
  return { ...outcome, notes: outcome.notes.map((note) => note.replace(/^\d+ /, "")) };
};

/** A resource of Cilium's. */
export const cilium = (kind: string, name: string, spec: object, labels = {}): object => ({
  apiVersion: "cilium.io/v2",
  kind,
  metadata: { name, labels },
  spec,
});
