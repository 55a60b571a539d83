import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, it } from "node:test";
import { openChannel } from "./channel.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const pair = async (): Promise<[Socket, Socket]> => {
  const directory = await mkdtemp(join(tmpdir(), "steelyard-ipc-"));
  closers.push(() => rm(directory, { recursive: true }));
  const server = createServer();
  const path = join(directory, "s");
  server.listen(path);
  await once(server, "listening");
  const left = connect(path);
  const [right] = (await once(server, "connection")) as [Socket];
  closers.push(
    () => left.destroy(),
    () => right.destroy(),
    () => server.close(),
  );
  return [left, right];
};

describe("channel", () => {
  it("delivers messages in order, whatever the chunks", async () => {
    const [left, right] = await pair();
    const got: unknown[] = [];
    const done = new Promise<void>((resolve) => {
      openChannel(right, { onMessage: (message) => got.push(message) === 3 && resolve(), onClose: () => {} });
    });
    left.write('{"a":');
    left.write('1}\n{"b":"ä');
    left.write('"}\n\n3\n');
    await done;
    assert.deepEqual(got, [{ a: 1 }, { b: "ä" }, 3]);
  });

  it("closes once, with the reason, when it is fed something that is no message", async () => {
    const [left, right] = await pair();
    const reasons: string[] = [];
    const closed = new Promise<void>((resolve) => {
      openChannel(right, { onMessage: () => {}, onClose: (why) => resolve(void reasons.push(why)) });
    });
    left.write("not json\n");
    await closed;
    await once(left, "close");
    assert.equal(reasons.length, 1);
    assert.match(reasons[0] ?? "", /JSON/);
  });

  it("says when the reader is behind, and when it has caught up", async () => {
    const [left, right] = await pair();
    right.pause();
    let drained = (): void => {};
    const drain = new Promise<void>((resolve) => {
      drained = resolve;
    });
    const channel = openChannel<never, string>(left, {
      onMessage: () => {},
      onClose: () => {},
      onDrain: drained,
    });
    const line = "x".repeat(100_000);
    let sent = 0;
    while (channel.send(line)) {
      sent += 1;
      assert.ok(sent < 1_000, "never congested");
    }
    assert.equal(channel.writable(), false);
    right.resume();
    await drain;
    assert.equal(channel.writable(), true);
  });
});
