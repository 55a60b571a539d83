import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parseAllDocuments } from "yaml";
import { type ChartOptions, renderChart } from "./chart.ts";

type Rule = {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
};
type Role = {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: readonly Rule[];
};

/** Each right on a line by itself: where, what, which one, how. */
const rightsIn = (text: string): readonly string[] =>
  parseAllDocuments(text)
    .map((document): Role => document.toJS())
    .flatMap(({ metadata, rules = [] }) =>
      rules.flatMap(({ apiGroups, resources, resourceNames = ["*"], verbs }) =>
        apiGroups.flatMap((group) =>
          resources.flatMap((resource) =>
            resourceNames.flatMap((name) =>
              verbs.map(
                (verb) =>
                  `${metadata.namespace ?? "everywhere"}: ${group === "" ? "core" : group}/${resource} ${name} ${verb}`,
              ),
            ),
          ),
        ),
      ),
    )
    .sort();

type Values = NonNullable<ChartOptions["values"]>;

const rightsOf = (template: string, values: Values = {}): readonly string[] =>
  rightsIn(renderChart("ns", { values }).texts.get(template) ?? "");
const rights = (values: Values = {}): readonly string[] => rightsOf("rbac.yaml", values);

/** What a plain manifest gives, as the chart would in its namespace. */
const rightsInManifest = (name: string): readonly string[] =>
  rightsIn(readFileSync(join(import.meta.dirname, "../../packaging/manifests", name), "utf8"))
    .map((right) => right.replace(/^steelyard-system:/, "ns:"))
    .sort();

/** Each binding of a template. */
const bindingsIn = (template: string) =>
  parseAllDocuments(renderChart("ns").texts.get(template) ?? "")
    .map((document) => document.toJS())
    .filter(({ kind }) => kind.endsWith("Binding"))
    .map(({ kind, metadata, roleRef, subjects }) => ({
      kind,
      namespace: metadata.namespace,
      role: `${roleRef.kind} ${roleRef.name}`,
      subjects,
    }));

const each = (prefix: string, ...verbs: readonly string[]): readonly string[] =>
  verbs.map((verb) => `${prefix} ${verb}`);

const METALLB = [
  "bfdprofiles",
  "bgpadvertisements",
  "bgppeers",
  "communities",
  "ipaddresspools",
  "l2advertisements",
];

const READ = [
  ...each("everywhere: core/services *", "list", "watch"),
  ...each("everywhere: core/namespaces *", "list", "watch"),
  "everywhere: core/nodes * list",
  ...METALLB.flatMap((resource) => each(`ns: metallb.io/${resource} *`, "list", "watch")),
  ...each("ns: steelyard.dev/addressconflicts *", "list", "watch"),
  ...each("ns: steelyard.dev/addressreservations *", "list", "watch"),
  "kube-system: apps/daemonsets * list",
];

const WRITE = [
  "everywhere: core/services/status * patch",
  ...each("everywhere: core/events *", "create", "patch"),
  "ns: metallb.io/ipaddresspools/status * patch",
  ...each("ns: metallb.io/configurationstates *", "create", "get"),
  "ns: metallb.io/configurationstates/status * patch",
  "ns: coordination.k8s.io/leases * create",
  ...each("ns: coordination.k8s.io/leases steelyard-controller", "get", "update"),
];

const SERVE_WEBHOOK = [
  ...each(
    "everywhere: admissionregistration.k8s.io/validatingwebhookconfigurations steelyard-webhook",
    "get",
    "patch",
  ),
  ...each("everywhere: apiextensions.k8s.io/customresourcedefinitions bgppeers.metallb.io", "get", "patch"),
  "ns: core/secrets * create",
  ...each("ns: core/secrets steelyard-webhook-cert", "get", "patch"),
];

describe("the rights of the controller", () => {
  it("are these and no others", () => {
    assert.deepEqual(rights(), [...READ, ...WRITE, ...SERVE_WEBHOOK].sort());
  });

  it("are none to write in shadow mode", () => {
    assert.deepEqual(rights({ shadow: true }), [...READ].sort());
  });

  it("are none to certificates without the webhook", () => {
    assert.deepEqual(rights({ webhook: { enabled: false } }), [...READ, ...WRITE].sort());
  });

  it("are the same in the plain manifests", () => {
    assert.deepEqual(rightsInManifest("controller.yaml"), rights());
  });

  it("name no group, resource or verb by a star", () => {
    for (const right of rights()) assert.doesNotMatch(right, /\*\/|\/\*|\*$/);
  });

  it("are bound to the account under which the pods run", () => {
    const subjects = [{ kind: "ServiceAccount", name: "steelyard-controller", namespace: "ns" }];
    assert.deepEqual(bindingsIn("rbac.yaml"), [
      {
        kind: "ClusterRoleBinding",
        namespace: undefined,
        role: "ClusterRole steelyard-controller",
        subjects,
      },
      { kind: "RoleBinding", namespace: "ns", role: "Role steelyard-controller", subjects },
      {
        kind: "RoleBinding",
        namespace: "kube-system",
        role: "Role steelyard-controller-servicelb",
        subjects,
      },
    ]);
  });
});

const SPEAKER_READS = [
  ...each("everywhere: core/services *", "list", "watch"),
  ...each("everywhere: discovery.k8s.io/endpointslices *", "list", "watch"),
  ...each("everywhere: core/nodes *", "list", "watch"),
  ...METALLB.flatMap((resource) => each(`ns: metallb.io/${resource} *`, "list", "watch")),
  "ns: steelyard.dev/addressconflicts * list",
  ...each("ns: core/pods *", "list", "watch"),
  ...each("ns: metallb.io/servicel2statuses *", "list", "watch"),
  ...each("ns: metallb.io/servicebgpstatuses *", "list", "watch"),
  ...each("ns: metallb.io/configurationstates *", "list", "watch"),
];

const SPEAKER_WRITES = [
  "everywhere: core/services/status * patch",
  ...each("everywhere: core/events *", "create", "patch"),
  ...each("ns: metallb.io/servicel2statuses *", "create", "delete"),
  "ns: metallb.io/servicel2statuses/status * patch",
  ...each("ns: metallb.io/servicebgpstatuses *", "create", "delete"),
  "ns: metallb.io/servicebgpstatuses/status * patch",
  "ns: metallb.io/configurationstates/status * patch",
  ...each("ns: metallb.io/configurationstates *", "create", "delete", "patch"),
  ...each("ns: steelyard.dev/addressconflicts *", "create", "delete"),
];

describe("the rights of the speaker", () => {
  const ofSpeaker = rightsOf("speaker-rbac.yaml");

  it("are these and no others", () => {
    assert.deepEqual(ofSpeaker, [...SPEAKER_READS, ...SPEAKER_WRITES].sort());
  });

  it("are none beside MetalLB's speakers to have addresses taken from Services", () => {
    assert.deepEqual(
      ofSpeaker.filter(
        (right) => !rightsOf("speaker-rbac.yaml", { speaker: { rules: "metallb" } }).includes(right),
      ),
      each("ns: steelyard.dev/addressconflicts *", "create", "delete"),
    );
  });

  it("let it read the Secrets that have passwords of sessions by name, and no others", () => {
    const values = { speaker: { bgp: { passwordSecrets: ["tor-1", "tor-2"] } } };
    assert.deepEqual(
      rightsOf("speaker-rbac.yaml", values).filter((right) => !ofSpeaker.includes(right)),
      ["tor-1", "tor-2"].flatMap((name) => each(`ns: core/secrets ${name}`, "list", "watch")),
    );
  });

  it("let it read no Secret, and change no Service, node or pod", () => {
    for (const right of ofSpeaker) {
      assert.doesNotMatch(right, /secrets|\*\/|\/\*|\*$/);
      if (/ core\/(services|nodes|pods) /.test(right)) assert.match(right, / (list|watch)$/);
    }
  });

  it("are the same in the plain manifests", () => {
    assert.deepEqual(rightsInManifest("speaker.yaml"), ofSpeaker);
  });

  it("are bound to the account under which the pods run", () => {
    const subjects = [{ kind: "ServiceAccount", name: "steelyard-speaker", namespace: "ns" }];
    assert.deepEqual(bindingsIn("speaker-rbac.yaml"), [
      {
        ...{ kind: "ClusterRoleBinding", namespace: undefined, role: "ClusterRole steelyard-speaker" },
        subjects,
      },
      { kind: "RoleBinding", namespace: "ns", role: "Role steelyard-speaker", subjects },
    ]);
  });
});
