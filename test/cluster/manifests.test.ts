import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { VERSION } from "#base/version";
import { render } from "#core/vip-artefacts/render";
import type { KubeObject } from "./api.ts";
import { sharedControlPlane } from "./bed.ts";
import { NAMESPACE, ourDefinitions } from "./controller.ts";
import { readManifest } from "./manifest.ts";

const MANIFESTS = join(import.meta.dirname, "../../packaging/manifests");
const read = (name: string): string => readFileSync(join(MANIFESTS, name), "utf8");

type Workload = KubeObject & { readonly spec: { readonly template: { readonly spec: object } } };

const isWorkload = (object: KubeObject): object is Workload =>
  ["Deployment", "DaemonSet"].includes(object.kind);

const workloadIn = (name: string): Workload =>
  readManifest(read(name)).find(isWorkload) ?? assert.fail(`${name} has no workload`);

/** A pod of a workload, as its controller would make it. */
const podOf = ({ spec, metadata }: Workload): object => ({
  ...{ apiVersion: "v1", kind: "Pod", metadata: { name: `${metadata.name}-x` } },
  spec: spec.template.spec,
});

describe("our plain manifests", () => {
  const inCluster = sharedControlPlane();

  it(
    "are accepted by the API server, word for word and without a field that it does not know",
    inCluster(async (plane) => {
      const text = ["namespace.yaml", "controller.yaml", "speaker.yaml"].map(read).join("\n---\n");
      for (const definition of ourDefinitions()) await plane.apply(definition);
      const applied = await plane.apply(text);
      assert.equal(applied.length, readManifest(text).length);
      const again = await plane.apply(text);
      assert.deepEqual(
        again.map(({ metadata }) => metadata.generation),
        applied.map(({ metadata }) => metadata.generation),
      );
    }),
  );

  it(
    "have pods that their namespace admits; those of the controller fit the strictest standard, those of the speaker none",
    inCluster(async ({ admin }) => {
      for (const level of ["baseline", "restricted"])
        await admin.create("/api/v1/namespaces", {
          ...{ apiVersion: "v1", kind: "Namespace" },
          metadata: { name: level, labels: { "pod-security.kubernetes.io/enforce": level } },
        });
      const admits = async (namespace: string, manifest: string): Promise<boolean> => {
        const workload = workloadIn(manifest);
        const account = { metadata: { name: workload.metadata.name } };
        await admin.request("POST", `/api/v1/namespaces/${namespace}/serviceaccounts`, { body: account });
        const pods = `/api/v1/namespaces/${namespace}/pods?dryRun=All`;
        const { status, body } = await admin.request("POST", pods, { body: podOf(workload) });
        if (status !== 201) assert.match(JSON.stringify(body), /violates PodSecurity/);
        return status === 201;
      };
      assert.deepEqual(
        await Promise.all([
          ...[admits(NAMESPACE, "controller.yaml"), admits(NAMESPACE, "speaker.yaml")],
          ...[admits("restricted", "controller.yaml"), admits("baseline", "speaker.yaml")],
        ]),
        [true, true, true, false],
      );
    }),
  );
});

/** What `steelyard manifest` prints, for an endpoint with an authority. */
const vipManifest = (artefact: "pod" | "daemonset" | "k3s"): KubeObject => {
  const rendered = render(artefact, {
    ...{ document: {}, words: ["--address", "192.0.2.10/24", "--interface", "eth0"] },
    ...{ caFile: "/etc/kubernetes/pki/ca.crt", balance: false, variant: "fcos" },
    ...{ image: `localhost/steelyard:${VERSION}`, program: "/usr/bin/steelyard" },
  });
  const [object] = rendered.ok ? readManifest(rendered.text) : [];
  return object ?? assert.fail(`${artefact} is no manifest`);
};

describe("the manifests of steelyard vip", () => {
  const inCluster = sharedControlPlane();

  it(
    "would be accepted by the API server without a field that it does not know, and a wrong one would not",
    inCluster(async ({ admin }) => {
      const account = { metadata: { name: "default" } };
      await admin.request("POST", "/api/v1/namespaces/kube-system/serviceaccounts", { body: account });
      const dryRun = async (path: string, body: object): Promise<KubeObject> => {
        const answer = await admin.request("POST", `${path}?dryRun=All&fieldValidation=Strict`, { body });
        assert.equal(answer.status, 201, JSON.stringify(answer.body));
        return answer.body as KubeObject;
      };
      const pods = "/api/v1/namespaces/kube-system/pods";
      const pod = await dryRun(pods, vipManifest("pod"));
      // By its class: what a kubelet evicts last.
      assert.equal((pod as { spec?: { priority?: number } }).spec?.priority, 2_000_001_000);
      for (const artefact of ["daemonset", "k3s"] as const) {
        const set = vipManifest(artefact);
        await dryRun("/apis/apps/v1/namespaces/kube-system/daemonsets", set);
        const { template } = (set as unknown as { spec: { template: object } }).spec;
        await dryRun(pods, { apiVersion: "v1", kind: "Pod", ...template, metadata: { name: "vip-x" } });
      }
      const wrong = { ...vipManifest("pod"), spec: { hostNetwrok: true } };
      const refused = await admin.request("POST", `${pods}?dryRun=All&fieldValidation=Strict`, {
        body: wrong,
      });
      assert.match(JSON.stringify(refused.body), /hostNetwrok/);
    }),
  );
});
