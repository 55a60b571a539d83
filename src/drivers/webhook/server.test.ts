import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent } from "node:https";
import { connect as connectPlain } from "node:net";
import { describe, it } from "node:test";
import { connect } from "node:tls";
import type { ReviewAnswer, Trouble, WebhookLimits, WebhookServer } from "./port.ts";
import { openWebhookServer } from "./server.ts";
import { ask, connectRaw, NAME, newIdentity, readToEnd } from "./test-client.ts";

const { ca, identity } = newIdentity();
const HOST = "127.0.0.1";

const judged = (response: object): unknown => ({
  apiVersion: "admission.k8s.io/v1",
  kind: "AdmissionReview",
  response: { uid: "u-1", ...response },
});

type Context = { readonly after: (undo: () => Promise<void>) => void };

const opened = async (
  context: Context,
  { answer, limits }: { answer?: ReviewAnswer; limits?: Partial<WebhookLimits> } = {},
) => {
  const troubles: Trouble[] = [];
  const server = await openWebhookServer({
    address: { host: HOST, port: 0 },
    identity,
    answer: answer ?? ((path) => (path === "/validate" ? judged({ allowed: true }) : undefined)),
    onTrouble: (trouble) => troubles.push(trouble),
    limits: { farewell: 20, ...limits },
  });
  assert.ok("port" in server, JSON.stringify(server));
  context.after(() => server.close());
  const reasons = (): readonly string[] => troubles.map(({ reason }) => reason);
  return { server, port: server.port, troubles, reasons };
};

const admission = (padding = 0): string =>
  JSON.stringify({
    apiVersion: "admission.k8s.io/v1",
    kind: "AdmissionReview",
    request: { uid: "u-1", object: { data: "x".repeat(padding) } },
  });

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
};

/** A request in HTTP/1.1 as text; headers without the last empty line. */
const head = (...headers: readonly string[]): string =>
  [`POST /validate HTTP/1.1`, `host: ${NAME}`, "content-type: application/json", ...headers, ""].join("\r\n");

describe("the webhook server", () => {
  it("answers a client that verifies its name, at the path without the query", async (context) => {
    const { port } = await opened(context);
    const { status, headers, body } = await ask({ port, ca, body: admission() });
    assert.equal(status, 200);
    assert.equal(headers["content-type"], "application/json");
    assert.deepEqual(JSON.parse(body).response, { allowed: true, uid: "u-1" });
  });

  it("speaks TLS 1.2 and 1.3, and nothing older", async (context) => {
    const { port, reasons } = await opened(context);
    for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
      const agent = new Agent({ minVersion: version, maxVersion: version });
      assert.equal((await ask({ port, ca, body: admission(), agent })).status, 200);
    }
    const old = { minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
    const socket = connect({ host: HOST, port, ca, servername: NAME, ...old });
    const [error] = await once(socket, "error");
    assert.match(String(error.code), /VERSION/);
    await until(() => reasons().length > 0);
    assert.deepEqual(reasons(), ["handshake"]);
  });

  it("chooses HTTP/1.1 from what a client offers, and turns away one that offers HTTP/2 alone", async (context) => {
    const { port } = await opened(context);
    const both = connect({ host: HOST, port, ca, servername: NAME, ALPNProtocols: ["h2", "http/1.1"] });
    await once(both, "secureConnect");
    assert.equal(both.alpnProtocol, "http/1.1");
    both.destroy();
    const alone = connect({ host: HOST, port, ca, servername: NAME, ALPNProtocols: ["h2"] });
    const [error] = await once(alone, "error");
    assert.match(String(error.code), /ALPN|NO_APPLICATION_PROTOCOL/);
  });

  it("keeps connections open between requests", async (context) => {
    const { port } = await opened(context);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    context.after(async () => agent.destroy());
    const ports = new Set<number>();
    for (let count = 0; count < 20; count += 1) {
      const { status, localPort } = await ask({ port, ca, body: admission(count), agent });
      assert.equal(status, 200);
      ports.add(localPort);
    }
    assert.equal(ports.size, 1);
  });

  it("refuses what is no review with the status that fits", async (context) => {
    const { port } = await opened(context);
    const cases: readonly (readonly [Partial<Parameters<typeof ask>[0]>, number])[] = [
      [{ method: "GET" }, 405],
      [{ method: "PUT", body: admission() }, 405],
      [{ headers: { "content-type": "application/yaml" }, body: admission() }, 415],
      [{ headers: { "content-type": "application/jsonp" }, body: admission() }, 415],
      [{ headers: { "content-encoding": "gzip" }, body: admission() }, 415],
      [{ headers: { "content-type": "application/json; charset=utf-8" }, body: admission() }, 200],
      [{ body: "{" }, 400],
      [{ path: "/other", body: admission() }, 404],
      [{ path: "/validate/../validate", body: admission() }, 200],
      [{ path: "//x", body: admission() }, 404],
      [{ path: "http://[", body: admission() }, 404],
    ];
    for (const [request, status] of cases) {
      assert.equal((await ask({ port, ca, ...request })).status, status, JSON.stringify(request));
    }
  });

  it("refuses a request whose answer fails, and goes on", async (context) => {
    let isBroken = true;
    const { port, troubles } = await opened(context, {
      answer: () => {
        if (isBroken) throw new Error("no such pool");
        return judged({ allowed: true });
      },
    });
    const first = await ask({ port, ca, body: admission() });
    assert.equal(JSON.parse(first.body).response.allowed, false);
    assert.deepEqual(troubles, [
      { reason: "answer-failed", detail: "/validate: no such pool", from: "127.0.0.1" },
    ]);
    isBroken = false;
    assert.equal(JSON.parse((await ask({ port, ca, body: admission() })).body).response.allowed, true);
  });

  it("says in a value why it cannot be opened", async (context) => {
    const { port } = await opened(context);
    const rest = { answer: () => undefined, onTrouble: () => {} };
    const taken = await openWebhookServer({ address: { host: HOST, port }, identity, ...rest });
    assert.ok("message" in taken && taken.message.includes(`127.0.0.1 port ${port}: `));
    const broken = { certificate: "x", key: "y" };
    const refused = await openWebhookServer({ address: { host: HOST, port: 0 }, identity: broken, ...rest });
    assert.ok("message" in refused);
  });
});

describe("the certificate", () => {
  it("is replaced for new connections while open ones go on", async (context) => {
    const { port, server } = await opened(context);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    context.after(async () => agent.destroy());
    assert.equal((await ask({ port, ca, body: admission(), agent })).status, 200);
    const next = newIdentity();
    assert.equal(server.replaceIdentity(next.identity), undefined);
    // The connection that was open is the one that is used, and it would not trust the new certificate.
    assert.equal((await ask({ port, ca, body: admission(), agent })).status, 200);
    assert.equal((await ask({ port, ca: next.ca, body: admission() })).status, 200);
    await assert.rejects(ask({ port, ca, body: admission() }));
  });

  it("is replaced in the middle of a request", async (context) => {
    const { port, server } = await opened(context);
    const socket = await connectRaw(port, ca);
    const text = admission();
    socket.write(`${head(`content-length: ${text.length}`, "connection: close")}\r\n${text.slice(0, 10)}`);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(server.replaceIdentity(newIdentity().identity), undefined);
    socket.write(text.slice(10));
    assert.match(await readToEnd(socket), /^HTTP\/1.1 200 /);
  });

  it("stays when the new one cannot be used", async (context) => {
    const { port, server } = await opened(context);
    const other = newIdentity().identity;
    for (const broken of [
      { certificate: "x", key: identity.key },
      { ...identity, key: other.key },
    ]) {
      const why = server.replaceIdentity(broken);
      assert.ok(typeof why === "string" && !why.includes("PRIVATE"));
    }
    assert.equal((await ask({ port, ca, body: admission() })).status, 200);
  });
});

describe("hostile clients", () => {
  const said = async (port: number, text: string): Promise<string> => {
    const socket = await connectRaw(port, ca);
    socket.write(text);
    return readToEnd(socket);
  };

  it("send too much, and are told so whether they announce it or not", async (context) => {
    const limits = { bodyBytes: 10_000 };
    const { port, reasons } = await opened(context, { limits });
    assert.equal((await ask({ port, ca, body: admission(9_000) })).status, 200);
    const announced = head("content-length: 10001");
    assert.match(await said(port, `${announced}\r\n`), /^HTTP\/1.1 413 /);
    const chunk = `1000\r\n${"x".repeat(4_096)}\r\n`;
    assert.match(
      await said(port, `${head("transfer-encoding: chunked")}\r\n${chunk}${chunk}${chunk}`),
      /^HTTP\/1.1 413 /,
    );
    assert.deepEqual(reasons(), ["too-large", "too-large"]);
  });

  it("send pieces of one byte, which cost no more than their bytes", async (context) => {
    const { port } = await opened(context, { limits: { bodyBytes: 20_000, heldBytes: 20_000 } });
    const body = admission(4_000);
    const chunks = [...body].map((byte) => `1\r\n${byte}\r\n`).join("");
    const text = `${head("transfer-encoding: chunked", "connection: close")}\r\n${chunks}0\r\n\r\n`;
    assert.match(await said(port, text), /^HTTP\/1.1 200 /);
  });

  it("hold bytes of unfinished requests until there is no room, and room comes back", async (context) => {
    const { port, reasons } = await opened(context, { limits: { heldBytes: 40_000 } });
    const holders = await Promise.all([1, 2].map(() => connectRaw(port, ca)));
    for (const holder of holders) holder.write(`${head("content-length: 1000")}\r\nx`);
    let last = await ask({ port, ca, body: admission() });
    while (last.status === 200) last = await ask({ port, ca, body: admission() });
    assert.equal(last.status, 503);
    assert.ok(reasons().every((reason) => reason === "crowded"));
    for (const holder of holders) holder.destroy();
    while (last.status === 503) last = await ask({ port, ca, body: admission() });
    assert.equal(last.status, 200);
  });

  it("do not use up the room by asking again and again", async (context) => {
    const { port } = await opened(context, { limits: { heldBytes: 20_000 } });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    context.after(async () => agent.destroy());
    for (let count = 0; count < 5; count += 1) {
      assert.equal((await ask({ port, ca, body: admission(), agent })).status, 200);
      assert.equal((await ask({ port, ca, body: "{", agent })).status, 400);
    }
  });

  it("are slow with the handshake, the head or the body, and are cut off", async (context) => {
    const { port, reasons } = await opened(context, { limits: { handshakeTime: 500, requestTime: 100 } });
    const silent = connectPlain(port, HOST);
    const withoutHead = await connectRaw(port, ca);
    const inHead = await connectRaw(port, ca);
    inHead.write("POST /validate HTTP/1.1\r\nhost: x\r\n");
    const inBody = await connectRaw(port, ca);
    inBody.write(`${head("content-length: 100")}\r\n{`);
    const dribble = setInterval(() => inBody.write(" "), 10);
    context.after(async () => clearInterval(dribble));
    silent.on("error", () => {}).resume();
    const texts = await Promise.all([
      ...[withoutHead, inHead, inBody].map(readToEnd),
      once(silent, "close").then(() => "closed"),
    ]);
    for (const text of texts) assert.match(text, /^(HTTP\/1.1 408 |closed$|$)/);
    assert.ok(reasons().filter((reason) => reason === "slow").length >= 3);
    assert.equal((await ask({ port, ca, body: admission() })).status, 200);
  });

  it("do not read what they are answered, and are cut off", async (context) => {
    const objects = Array.from({ length: 800 }, () => "x".repeat(50_000));
    const { port, reasons } = await opened(context, {
      limits: { exchangeTime: 200 },
      answer: () => judged({ allowed: false, status: { message: objects.join("") } }),
    });
    const socket = await connectRaw(port, ca);
    socket.pause();
    socket.write(`${head(`content-length: ${admission().length}`)}\r\n${admission()}`);
    await until(() => reasons().includes("slow"));
  });

  it("open more connections than there is room for, and the API server still gets in", async (context) => {
    const { port, reasons } = await opened(context, { limits: { connections: 8 } });
    const idle = await Promise.all(Array.from({ length: 8 }, () => connectRaw(port, ca)));
    for (const socket of idle.slice(0, 4)) socket.write("POST /validate HTTP/1.1\r\n");
    assert.equal((await ask({ port, ca, body: admission() })).status, 200);
    assert.ok(reasons().includes("crowded"));
    for (const socket of idle) socket.destroy();
  });

  it("speak no HTTP or no TLS, and are sent away", async (context) => {
    const { port, reasons } = await opened(context);
    assert.match(await said(port, "\u0016\u0003garbage\r\n\r\n"), /^HTTP\/1.1 400 /);
    assert.match(await said(port, `${head(`big: ${"x".repeat(20_000)}`)}\r\n`), /^(HTTP\/1.1 431 |$)/);
    assert.match(
      await said(port, `${head("content-length: 5", "transfer-encoding: chunked")}\r\n0\r\n\r\n`),
      /^HTTP\/1.1 400 /,
    );
    const plain = connectPlain(port, HOST).on("error", () => {});
    plain.resume().write("GET / HTTP/1.1\r\n\r\n");
    await once(plain, "close");
    await until(() => reasons().length >= 4);
    assert.deepEqual(reasons(), ["malformed", "malformed", "malformed", "handshake"]);
  });

  it("that go away in the middle leave nothing behind and are no trouble", async (context) => {
    const { port, reasons } = await opened(context, { limits: { heldBytes: 30_000 } });
    for (let count = 0; count < 10; count += 1) {
      const socket = await connectRaw(port, ca);
      socket.write(`${head("content-length: 1000")}\r\n{`);
      await new Promise((resolve) => setImmediate(resolve));
      socket.destroy();
      const probe = connectPlain(port, HOST);
      await once(probe, "connect");
      probe.destroy();
    }
    let last = await ask({ port, ca, body: admission() });
    while (last.status === 503) last = await ask({ port, ca, body: admission() });
    assert.equal(last.status, 200);
    assert.ok(reasons().every((reason) => reason === "crowded"));
  });
});

describe("closing", () => {
  const closes = (server: WebhookServer): Promise<void> => server.close();

  it("lets go of idle connections at once, and of the rest after a farewell", async (context) => {
    const { port, server } = await opened(context, { limits: { farewell: 50 } });
    const agent = new Agent({ keepAlive: true });
    context.after(async () => agent.destroy());
    await ask({ port, ca, body: admission(), agent });
    const stuck = await connectRaw(port, ca);
    stuck.write(`${head("content-length: 100")}\r\n{`);
    const silent = connectPlain(port, HOST).on("error", () => {});
    await once(silent, "connect");
    await Promise.all([closes(server), closes(server)]);
    await assert.rejects(ask({ port, ca, body: admission() }));
  });

  it("answers what is under way first", async (context) => {
    const { port, server } = await opened(context, { limits: { farewell: 5_000 } });
    const socket = await connectRaw(port, ca);
    const text = admission();
    socket.write(`${head(`content-length: ${text.length}`)}\r\n${text.slice(0, 10)}`);
    // Once it has answered another request it has read that much of the first.
    await ask({ port, ca, body: admission() });
    const closed = closes(server);
    socket.write(text.slice(10));
    assert.match(await readToEnd(socket), /^HTTP\/1.1 200 /);
    await closed;
  });
});
