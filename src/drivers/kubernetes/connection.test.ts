/** One connection: whom it trusts, and what becomes of it when something throws. */
import assert from "node:assert/strict";
import { describe, type TestContext } from "node:test";
import { connect as connectTls, TLSSocket } from "node:tls";
import { type Authenticator, createAuthenticator } from "./authenticator.ts";
import { CONNECTION_TIMES, createConnection } from "./connection.ts";
import type { ClusterCredentials } from "./credentials.ts";
import { credentialsFor, ManualTime, startServer, type TestServer } from "./test-server.ts";
import { on } from "./test-watch.ts";

const bed = async (test: TestContext, changes: Partial<ClusterCredentials> = {}) => {
  const server = await startServer(test);
  const time = new ManualTime();
  const { port } = new URL(server.credentials.server);
  const credentials = credentialsFor(Number(port), changes);
  const connect = (authenticator: Authenticator = createAuthenticator(credentials, time)) => {
    const connection = createConnection(credentials, authenticator, { time, times: CONNECTION_TIMES });
    test.after(() => connection.close());
    return connection;
  };
  return { server, port: Number(port), credentials, time, connect };
};

const nameSentTo = async ({ sessions }: TestServer): Promise<unknown> => {
  while (sessions.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const socket = sessions[0]?.socket;
  assert.ok(socket instanceof TLSSocket);
  return socket.servername;
};

const closeListeners = (socket: { listeners(event: string): readonly unknown[] }): readonly string[] =>
  socket.listeners("close").map(String);

describe("a connection", () => {
  on("is opened again after something threw", async (test) => {
    const { credentials, time, connect } = await bed(test);
    const real = createAuthenticator(credentials, time);
    let failures = 2;
    const connection = connect({
      ...real,
      tls: () => {
        failures -= 1;
        if (failures >= 0) throw new Error("out of luck");
        return real.tls();
      },
    });
    for (let round = 0; round < 2; round += 1)
      assert.deepEqual(await connection.open(), { ok: false, message: "no connection: out of luck" });
    assert.equal((await connection.open()).ok, true);
  });

  on("leaves the socket's own listeners alone", async (test) => {
    const { port, connect } = await bed(test);
    const plain = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false, ALPNProtocols: ["h2"] });
    test.after(() => plain.destroy());
    const own = closeListeners(plain);
    assert.ok(own.length > 0);
    const opened = await connect().open();
    assert.ok(opened.ok);
    const left = closeListeners(opened.session.socket);
    for (const listener of own) assert.ok(left.includes(listener), listener);
    assert.ok(
      !left.some((listener) => listener.includes("hungUp") || listener.includes("before it was open")),
    );
  });
});

describe("the name that a certificate must have", () => {
  on("may be an address, which is not sent as a name", async (test) => {
    const { server, connect } = await bed(test, { serverName: "127.0.0.1" });
    const opened = await connect().open();
    assert.ok(opened.ok, JSON.stringify(opened));
    assert.equal(await nameSentTo(server), false);
  });

  on("is sent when it is one", async (test) => {
    const { server, connect } = await bed(test, { serverName: "api.example.test" });
    assert.ok((await connect().open()).ok);
    assert.equal(await nameSentTo(server), "api.example.test");
  });

  on("is an address that the certificate must name, not the one that was connected to", async (test) => {
    const { connect } = await bed(test, { serverName: "192.0.2.7" });
    const opened = await connect().open();
    assert.ok(!opened.ok);
    assert.match(opened.message, /192\.0\.2\.7/);
  });
});
