/** A live cluster that is larger than a controller would read at once. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { PKI, startServer, type TestServer } from "#drivers/kubernetes/test-server";
import { readClusterWorld } from "./cluster-world.ts";

const SERVICES = 10_000;

const service = (index: number) => ({
  metadata: {
    ...{ namespace: "default", name: `web-${index}`, uid: `u-${index}`, resourceVersion: `${index + 1}` },
    annotations: { "example.test/notes": "x".repeat(1_700) },
  },
  spec: { type: "LoadBalancer", ports: [{ port: 80, protocol: "TCP" }] },
  status: { loadBalancer: {} },
});

const serve = async ({ requests }: TestServer): Promise<void> => {
  for (;;) {
    const received = await requests.take();
    const isServices = received.path.endsWith("/services");
    const items = isServices ? Array.from({ length: SERVICES }, (_, index) => service(index)) : [];
    received.answer(200, { kind: "List", metadata: { resourceVersion: "1" }, items });
  }
};

const kubeconfigFor = ({ credentials }: TestServer, path: string): string => {
  const authority = Buffer.from(PKI.authority).toString("base64");
  const cluster = { server: credentials.server, "certificate-authority-data": authority };
  const config = {
    "current-context": "lab",
    clusters: [{ name: "lab", cluster }],
    users: [{ name: "lab", user: { token: "t0ken" } }],
    contexts: [{ name: "lab", context: { cluster: "lab", user: "lab" } }],
  };
  writeFileSync(path, JSON.stringify(config));
  return path;
};

describe("the world of a live cluster", () => {
  it("has all 10,000 Services, whose list is too large for a controller", {
    timeout: 30_000,
  }, async (test) => {
    const directory = mkdtempSync(join(tmpdir(), "steelyard-world-"));
    test.after(() => rmSync(directory, { recursive: true }));
    const server = await startServer(test);
    void serve(server);
    const kubeconfig = kubeconfigFor(server, join(directory, "config"));
    const read = await readClusterWorld({ kubeconfig, namespace: "lb" });
    assert.ok(read.ok, JSON.stringify(read));
    assert.equal([...read.world.services].length, SERVICES);
  });
});
