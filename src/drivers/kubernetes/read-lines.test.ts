import assert from "node:assert/strict";
import { connect } from "node:http2";
import { describe } from "node:test";
import { unreachable } from "./failure.ts";
import { readLines } from "./read-lines.ts";
import { PKI, startServer } from "./test-server.ts";
import { on } from "./test-watch.ts";

describe("reading lines", () => {
  on("takes no more from the server than a window, while each line uses up a turn", async (test) => {
    const server = await startServer(test);
    const session = connect(server.credentials.server, { ca: PKI.authority });
    test.after(() => session.destroy());
    const stream = session.request({ ":path": "/" });
    const received = (await server.requests.take()).begin();
    const line = `${"x".repeat(3_000)}\n`;
    let [sent, taken, ahead] = [0, 0, 0];
    for (let index = 0; index < 1_500; index += 1)
      received.stream.write(line, () => {
        sent += 1;
      });
    received.end();
    const { end } = readLines(stream, {
      limit: 10_000,
      turns: { isOver: () => true },
      onLine: () => {
        taken += 1;
        ahead = Math.max(ahead, sent - taken);
        return true;
      },
      fail: unreachable,
    });
    assert.deepEqual(await end, { type: "ended", isCut: false });
    assert.equal(taken, 1_500);
    // The window that HTTP/2 begins with is 64 kB; what lies in the sockets comes on top.
    assert.ok(ahead < 200, `${ahead} lines ahead`);
  });

  on("says that the end came within a line", async (test) => {
    const server = await startServer(test);
    const session = connect(server.credentials.server, { ca: PKI.authority });
    test.after(() => session.destroy());
    const stream = session.request({ ":path": "/" });
    const received = (await server.requests.take()).begin();
    received.raw("one\ntw");
    received.end();
    const lines: string[] = [];
    const onLine = (line: string): boolean => lines.push(line) > 0;
    const { end } = readLines(stream, {
      limit: 10,
      turns: { isOver: () => false },
      onLine,
      fail: unreachable,
    });
    assert.deepEqual(await end, { type: "ended", isCut: true });
    assert.deepEqual(lines, ["one"]);
  });
});
