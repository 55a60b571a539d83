import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type Connection, LabError, openConnection } from "./connection.ts";
import { lineReader, type Message, type Request } from "./protocol.ts";

describe("reading lines", () => {
  it("gives the same lines however the text is cut", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "grapheme" })), fc.array(fc.nat(50)), (texts, cuts) => {
        const lines = texts.map((text) => text.replaceAll("\n", "")).filter((text) => text !== "");
        const whole = lines.map((line) => `${line}\n`).join("");
        const seen: string[] = [];
        const read = lineReader((line) => seen.push(line));
        let start = 0;
        for (const cut of [...cuts, whole.length]) {
          read(whole.slice(start, start + cut));
          start += cut;
        }
        assert.deepEqual(seen, lines);
      }),
    );
  });
});

describe("a connection to the holder", () => {
  const open = (): { connection: Connection; sent: Request[]; say: (message: Message) => void } => {
    const sent: Request[] = [];
    const connection = openConnection((text) => sent.push(JSON.parse(text)));
    return { connection, sent, say: (message) => connection.receive(`${JSON.stringify(message)}\n`) };
  };

  it("gives each answer to the question it belongs to", async () => {
    const { connection, sent, say } = open();
    const first = connection.ask({ op: "read", path: "a" });
    const second = connection.ask({ op: "read", path: "b" });
    say({ type: "reply", id: sent[1]?.id ?? 0, value: "B" });
    say({ type: "reply", id: sent[0]?.id ?? 0, value: "A" });
    assert.deepEqual([await first, await second], ["A", "B"]);
  });

  it("fails with the reason of a refusal", async () => {
    const { connection, sent, say } = open();
    const asked = connection.ask({ op: "read", path: "a" });
    say({ type: "refusal", id: sent[0]?.id ?? 0, reason: "no such file" });
    await assert.rejects(asked, new LabError("no such file"));
  });

  it("misses no word of a program that speaks before its start is confirmed", async () => {
    const { connection, sent, say } = open();
    const heard: unknown[] = [];
    const started = connection.start(
      { op: "start", options: { host: "e1", argv: ["true"] } },
      { onOutput: (_, text) => heard.push(text), onExit: ({ code }) => heard.push(code) },
    );
    const id = sent[0]?.id ?? 0;
    say({ type: "output", process: id, stream: "stdout", text: "early" });
    say({ type: "reply", id, value: { pid: 7 } });
    say({ type: "exit", process: id, exit: { code: 0, signal: null } });
    assert.deepEqual([(await started).pid, heard], [7, ["early", 0]]);
  });

  it("ends everything that is open when the lab is gone", async () => {
    const { connection } = open();
    const asked = connection.ask({ op: "status" });
    connection.lose("killed");
    await assert.rejects(asked, new LabError("killed"));
    await assert.rejects(connection.ask({ op: "status" }), new LabError("killed"));
    await assert.rejects(connection.hello, new LabError("killed"));
  });
});
