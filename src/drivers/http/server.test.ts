import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, linkSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { get, stream } from "./client.ts";
import type { Route } from "./routes.ts";
import { openAdminServer } from "./server.ts";

const directory = mkdtempSync(join(tmpdir(), "steelyard-http-"));
after(() => rmSync(directory, { recursive: true }));

let count = 0;
const freshPath = (): string => {
  count += 1;
  return join(directory, `${count}.sock`);
};

const ROUTES: Readonly<Record<string, Route>> = {
  "/hello": (_url, response) => void response.end("hello\n"),
  "/three": (_url, response) => void response.end("1\n\n2\n3\n"),
};

const opened = async (context: { after: (undo: () => Promise<void>) => void }, path = freshPath()) => {
  const server = await openAdminServer(path, ROUTES);
  assert.ok("close" in server, JSON.stringify(server));
  context.after(() => server.close());
  return { path, server };
};

/** Sends raw bytes and gives everything that comes back until the other side closes. */
const say = async (path: string, text: string): Promise<string> => {
  const socket: Socket = connect(path);
  let answer = "";
  socket.setEncoding("latin1").on("data", (chunk: string) => {
    answer += chunk;
  });
  // A server that has refused does not read the rest, and the kernel says so.
  socket.on("error", () => {});
  socket.end(text);
  await new Promise((resolve) => socket.once("close", resolve));
  return answer;
};

describe("the admin socket", () => {
  it("is for its owner only", async (context) => {
    const { path } = await opened(context);
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });

  it("of a living program is refused with a remedy, and goes on answering", async (context) => {
    const { path } = await opened(context);
    assert.deepEqual(await openAdminServer(path, ROUTES), {
      message: `another steelyard answers on ${path}: stop it, or choose another socket with --admin`,
    });
    assert.deepEqual(await get(path, "/hello"), { ok: true, body: "hello\n" });
  });

  it("of a dead program is taken over", async (context) => {
    const path = freshPath();
    const dead = createServer().listen(path);
    await once(dead, "listening");
    // The name stays although nobody listens, as after SIGKILL.
    linkSync(path, `${path}.kept`);
    dead.close();
    await once(dead, "close");
    await opened(context, `${path}.kept`);
    assert.deepEqual(await get(`${path}.kept`, "/hello"), { ok: true, body: "hello\n" });
  });

  it("never replaces a file of another kind", async () => {
    const path = freshPath();
    writeFileSync(path, "precious");
    const refused = await openAdminServer(path, ROUTES);
    assert.ok("message" in refused && refused.message.includes("no socket"));
    assert.ok(existsSync(path));
  });

  it("says what is wrong with a path that cannot be", async () => {
    const file = freshPath();
    writeFileSync(file, "");
    for (const path of [join(directory, "x".repeat(120)), join(file, "edge.sock")]) {
      const refused = await openAdminServer(path, ROUTES);
      assert.ok("message" in refused && refused.message.startsWith(`admin socket ${path}: `), path);
    }
  });

  it("goes away when it is closed, with the connections", async (context) => {
    const { path, server } = await opened(context);
    const idle = connect(path);
    await once(idle, "connect");
    await server.close();
    await once(idle, "close");
    assert.ok(!existsSync(path));
  });
});

describe("the admin server", () => {
  it("answers what it knows, and says what there is", async (context) => {
    const { path } = await opened(context);
    assert.deepEqual(await get(path, "/hello?and=more"), { ok: true, body: "hello\n" });
    assert.deepEqual(await get(path, "/other"), {
      ok: false,
      message: "no such page; there is /hello /three",
    });
    assert.equal((await get(path, "/constructor")).ok, false);
  });

  it("survives hostile requests", async (context) => {
    const { path } = await opened(context);
    const requests: readonly (readonly [string, RegExp])[] = [
      ["GET // HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", /^HTTP\/1.1 400 /],
      ["GET http://[ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", /^HTTP\/1.1 400 /],
      [
        "POST /hello HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello",
        /^HTTP\/1.1 405 /,
      ],
      ["GET /hello HTTP/1.1\r\n\r\n", /^HTTP\/1.1 400 /],
      [`GET /hello HTTP/1.1\r\nhost: x\r\nbig: ${"x".repeat(100_000)}\r\n\r\n`, /^(HTTP\/1.1 431 |$)/],
      ["\u0016\u0003\u0001\u0000garbage\r\n\r\n", /^HTTP\/1.1 400 /],
    ];
    for (const [request, answer] of requests)
      assert.match(await say(path, request), answer, request.slice(0, 30));
    assert.deepEqual(await get(path, "/hello"), { ok: true, body: "hello\n" });
  });

  it("has room for 64 connections, and drops the others", async (context) => {
    const { path } = await opened(context);
    const idle = Array.from({ length: 64 }, () => connect(path));
    await Promise.all(idle.map((socket) => once(socket, "connect")));
    assert.equal((await get(path, "/hello")).ok, false);
    const [first] = idle;
    assert.ok(first !== undefined);
    first.destroy();
    await once(first, "close");
    while (!(await get(path, "/hello")).ok) await new Promise((resolve) => setImmediate(resolve));
    for (const socket of idle) socket.destroy();
  });
});

describe("the admin client", () => {
  it("reads a stream line by line, and a refusal as such", async (context) => {
    const { path } = await opened(context);
    const lines: string[] = [];
    assert.equal((await stream(path, "/three", (line) => lines.push(line))).ok, true);
    assert.deepEqual(lines, ["1", "2", "3"]);
    const refused = await stream(path, "/none", () => assert.fail("no line"));
    assert.deepEqual(refused, { ok: false, message: "no such page; there is /hello /three" });
  });

  it("says in words why nobody answers", async () => {
    const path = freshPath();
    const missing = await get(path, "/hello");
    assert.ok(!missing.ok && missing.message.startsWith("no steelyard runs here"));
  });
});
