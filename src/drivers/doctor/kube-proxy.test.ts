import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { askProxyMode } from "./kube-proxy.ts";

const answering = async (body: string): Promise<Awaited<ReturnType<typeof askProxyMode>>> => {
  const server = createServer((_, response) => response.end(body)).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    return await askProxyMode((server.address() as AddressInfo).port);
  } finally {
    server.closeAllConnections();
    server.close();
  }
};

describe("the mode of kube-proxy", () => {
  it("is what it says", async () => {
    assert.equal(await answering("ipvs"), "ipvs");
    assert.equal(await answering("nftables\n"), "nftables");
  });

  it("is unknown when it says something else, or too much", async () => {
    assert.equal(await answering("kernelspace"), undefined);
    assert.equal(await answering("ipvs".padEnd(100_000)), undefined);
  });

  it("is refused where nobody listens", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, "close");
    assert.equal(await askProxyMode(port), "refused");
  });
});
