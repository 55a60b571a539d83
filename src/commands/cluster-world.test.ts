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

  it("is read on when one kind is refused that decides about no address, and again when the server is busy", async (test) => {
    const directory = mkdtempSync(join(tmpdir(), "steelyard-world-"));
    test.after(() => rmSync(directory, { recursive: true }));
    const server = await startServer(test);
    const asked: string[] = [];
    const answerAll = async (): Promise<void> => {
      for (;;) {
        const received = await server.requests.take();
        const kind = received.path.split("/").at(-1) ?? "";
        asked.push(kind);
        const isFirst = asked.filter((each) => each === kind).length === 1;
        if (kind === "nodes") received.answer(403, { kind: "Status", message: "nodes is forbidden" });
        else if (kind === "pods" && isFirst)
          received.answer(429, { kind: "Status", message: "busy", details: { retryAfterSeconds: 1 } });
        else received.answer(200, { kind: "List", metadata: { resourceVersion: "1" }, items: [] });
      }
    };
    void answerAll();
    const kubeconfig = kubeconfigFor(server, join(directory, "config"));
    const read = await readClusterWorld({ kubeconfig, namespace: "lb", scope: "answers" });
    assert.ok(read.ok, JSON.stringify(read));
    assert.deepEqual(read.missing, [{ plural: "nodes", problem: "nodes (forbidden)" }]);
    assert.equal(asked.filter((each) => each === "pods").length, 2);
    const addresses = await readClusterWorld({ kubeconfig, namespace: "lb" });
    assert.ok(addresses.ok);
    assert.equal(asked.filter((each) => each === "pods").length, 2, "who asks about addresses reads no pods");
  });
});
