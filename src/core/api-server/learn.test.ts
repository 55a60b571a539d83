import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { serversIn } from "./learn.ts";
import { formatEndpoint } from "./name.ts";

const slice = (addresses: readonly string[], port = 6443) => ({
  metadata: { name: "kubernetes", labels: { "kubernetes.io/service-name": "kubernetes" } },
  endpoints: [{ addresses }],
  ports: [{ name: "https", port, protocol: "TCP" }],
});

const node = (name: string, addresses: readonly string[], role = "control-plane") => ({
  metadata: { name, labels: { [`node-role.kubernetes.io/${role}`]: "" } },
  status: { addresses: addresses.map((address) => ({ type: "InternalIP", address })) },
});

const servers = (slices: readonly unknown[], nodes: readonly unknown[]) =>
  serversIn({ slices, nodes }).map(formatEndpoint);

describe("the API servers of a cluster", () => {
  it("are those that say so, with their port, and nodes of the control plane whose server does not", () => {
    assert.deepEqual(
      servers(
        [slice(["192.0.2.1", "192.0.2.2"], 8443)],
        [node("a", ["192.0.2.1"]), node("c", ["192.0.2.3", "fd00::3"]), node("w", ["192.0.2.9"], "worker")],
      ),
      ["192.0.2.1:8443", "192.0.2.2:8443", "192.0.2.3:8443"],
    );
  });

  it("are the nodes' alone where the slices may not be read", () => {
    assert.deepEqual(servers([], [node("a", ["192.0.2.1"])]), ["192.0.2.1:6443"]);
  });

  it("are none of other Services", () => {
    const other = {
      ...slice(["192.0.2.7"]),
      metadata: { name: "x", labels: { "kubernetes.io/service-name": "x" } },
    };
    assert.deepEqual(servers([other, 7, null], ["?"]), []);
  });
});
