/**
 * Our client at an API server on the etcd of the machine (Debian: etcd-server). Debian 12 has 3.4.23, for which the API server
 * answers lists as a stream with an error.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import { openCluster } from "#drivers/kubernetes/cluster";
import { findCredentials } from "#drivers/kubernetes/in-cluster";
import { sharedControlPlane } from "./bed.ts";
import { eventually } from "./eventually.ts";

const DEBIANS = "/usr/bin/etcd";

const inCluster = sharedControlPlane({ etcd: DEBIANS });

it(
  "a mirror is filled by a list in pages, and follows from there",
  inCluster(async (plane, context) => {
    const rules = [{ apiGroups: [""], resources: ["configmaps"], verbs: ["list", "watch"] }];
    const { kubeconfig, api } = await plane.access({ type: "user", name: "jane" }, [{ rules }]);
    const credentials = findCredentials({ kubeconfig });
    assert.ok(credentials.ok);
    const cluster = openCluster(credentials.value);
    context.after(() => {
      cluster.close();
      api.close();
    });
    const told: string[] = [];
    const watch = cluster.watch<string>(
      {
        resource: { group: "", version: "v1", plural: "configmaps", namespaced: true },
        namespace: "default",
        project: (object) => `default/${(object as { metadata: { name: string } }).metadata.name}`,
        keyOf: (key) => key,
      },
      {
        changed: (key) => told.push(key),
        removed: (key) => told.push(`no ${key}`),
        synced: () => told.push("synced"),
        trouble: (trouble) => told.push(trouble?.failure.message ?? "fine"),
      },
    );
    await eventually("a mirror", 15_000, () => (watch.isSynced ? true : undefined)).catch((error) => {
      throw new Error(`${error}: ${told.join("; ")}`);
    });
    const maps = "/api/v1/namespaces/default/configmaps";
    await plane.admin.create(maps, { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "new" } });
    await eventually("the new one", 10_000, () => (told.includes("default/new") ? true : undefined));
    await plane.admin.delete(`${maps}/new`);
    await eventually("its end", 10_000, () => (told.includes("no default/new") ? true : undefined));
  }),
);
