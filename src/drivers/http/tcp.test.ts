import assert from "node:assert/strict";
import { request } from "node:http";
import { describe, it } from "node:test";
import { parseListenAddress } from "./listen-address.ts";
import { openTcpServer } from "./tcp.ts";

const get = (port: number, path: string): Promise<{ status: number | undefined; body: string }> =>
  new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port, path, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        body += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode, body }));
    });
    asked.on("error", reject);
    asked.end();
  });

describe("a place to listen", () => {
  it("is a port, or an address and a port", () => {
    assert.deepEqual(parseListenAddress(":9120"), { host: undefined, port: 9120 });
    assert.deepEqual(parseListenAddress("127.0.0.1:0"), { host: "127.0.0.1", port: 0 });
    assert.deepEqual(parseListenAddress("[::1]:9120"), { host: "::1", port: 9120 });
  });

  it("is nothing else", () => {
    for (const text of ["", "9120", ":70000", "::1:9120", "[]:1", "host:80", ":80 ", "[::1]"])
      assert.equal(parseListenAddress(text), undefined, text);
  });
});

describe("the server over TCP", () => {
  it("answers its routes and no others", async () => {
    const server = await openTcpServer(
      { host: "127.0.0.1", port: 0 },
      { "/healthz": (_url, response) => void response.end("ok\n") },
    );
    assert.ok(!("message" in server));
    try {
      assert.deepEqual(await get(server.port, "/healthz"), { status: 200, body: "ok\n" });
      assert.equal((await get(server.port, "/else")).status, 404);
    } finally {
      await server.close();
    }
  });

  it("says which address it could not have", async () => {
    const server = await openTcpServer({ host: "127.0.0.1", port: 0 }, {});
    assert.ok(!("message" in server));
    try {
      const second = await openTcpServer({ host: "127.0.0.1", port: server.port }, {});
      assert.ok("message" in second);
      assert.match(second.message, /cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE/);
    } finally {
      await server.close();
    }
  });
});
