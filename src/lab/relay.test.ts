import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { programCommand } from "./programs.ts";

/** Everything that comes until the other side ends; fails when the connection breaks. */
const readAll = async (socket: Socket): Promise<string> => {
  let text = "";
  for await (const piece of socket.setEncoding("utf8")) text += piece;
  return text;
};

describe("a relay", () => {
  const folder = mkdtempSync(join(tmpdir(), "steelyard-relay-"));
  const [open, shut] = [join(folder, "open.sock"), join(folder, "shut.sock")];
  // Answers only when the question has ended, as nothing can that is closed in both directions at once.
  const server = createServer({ allowHalfOpen: true }, async (socket) => {
    const question = await readAll(socket);
    socket.end(question.toUpperCase());
  });
  let relay: ReturnType<typeof spawn> | undefined;

  before(async () => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const ways = [`${open}=127.0.0.1:${port}`, `${shut}=[::1]:1`];
    const [command = "", ...args] = programCommand("relay", ...ways);
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
    relay = child;
    const [said] = await once(child.stdout, "data");
    assert.equal(String(said), "ready\n");
  });
  after(() => {
    relay?.kill();
    server.close();
    rmSync(folder, { recursive: true });
  });

  it("passes on a question, its end, and the answer", async () => {
    const question = "abc".repeat(100_000);
    const socket = connect({ path: open, allowHalfOpen: true });
    socket.end(question);
    assert.equal(await readAll(socket), question.toUpperCase());
  });

  it("ends the connection when nobody listens, and goes on for others", async () => {
    const socket = connect(shut);
    const closed = once(socket, "close");
    socket.on("error", () => {});
    await closed;
    const next = connect({ path: open, allowHalfOpen: true });
    next.end("still there");
    assert.equal(await readAll(next), "STILL THERE");
  });
});
