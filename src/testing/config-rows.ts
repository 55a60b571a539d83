/** Tables of configurations and what is found in them. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseResources } from "#core/config/parse";
import { formatPath } from "#core/config/problem";

type Spec = Readonly<Record<string, unknown>>;

/** A document as it comes from YAML. */
export const resource = (kind: string, name: string, spec: Spec) => ({
  apiVersion: "steelyard.dev/v1alpha1",
  kind,
  metadata: { name },
  spec,
});
/** A `VirtualRouter` that is right, but for `change`. */
export const router = (change: Spec, name = "r") =>
  resource("VirtualRouter", name, { interface: "eth0", vrid: 51, addresses: ["192.0.2.10/24"], ...change });
/** A `VirtualServer` that is right, but for `change`. */
export const server = (change: Spec, name = "s") =>
  resource("VirtualServer", name, {
    address: "192.0.2.10",
    port: 80,
    backends: [{ address: "192.0.2.21" }],
    health: {},
    ...change,
  });
/** A `TrackedCheck` that is right, unless `spec` is given. */
export const check = (name: string, spec: Spec = { script: { command: ["/bin/true"] } }) =>
  resource("TrackedCheck", name, spec);

const foundIn = (documents: readonly unknown[]): readonly string[] => {
  const parsed = parseResources(documents);
  return (parsed.ok ? parsed.warnings : parsed.problems).map(
    ({ severity, document, path, message }) => `${severity} ${document} ${formatPath(path)}: ${message}`,
  );
};

/** What is given, and every problem or warning that is found, as `SEVERITY DOCUMENT PATH: MESSAGE`. */
type Row = { readonly that: string; readonly given: readonly unknown[]; readonly found: readonly string[] };

/** A test for each row. */
export const rows = (title: string, table: readonly Row[]) =>
  describe(title, () => {
    for (const { that, given, found } of table) it(that, () => assert.deepEqual(foundIn(given), found));
  });
