import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { askSpeakerStatus, type SpeakerAnswer } from "./speaker.ts";

const answering = async (listener: RequestListener, patience?: number): Promise<SpeakerAnswer> => {
  const folder = mkdtempSync(join(tmpdir(), "steelyard-doctor-"));
  const path = join(folder, "speaker.sock");
  const server = createServer(listener).listen(path);
  await once(server, "listening");
  try {
    return await askSpeakerStatus(path, patience);
  } finally {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  }
};

describe("the speaker of this machine", () => {
  it("says what its status is", async () => {
    const asked: unknown[] = [];
    const answer = await answering(({ url }, response) => {
      asked.push(url);
      response.end('{"role":"speaker"}');
    });
    assert.deepEqual(answer, { type: "answer", value: { role: "speaker" } });
    assert.deepEqual(asked, ["/v1/status"]);
  });

  it("is absent where there is no socket", async () => {
    assert.deepEqual(await askSpeakerStatus(join(tmpdir(), "steelyard-none", "speaker.sock")), {
      type: "absent",
    });
  });

  it("says nothing when it answers something else", async () => {
    const noJson = await answering((_, response) => response.end("{"));
    assert.deepEqual(noJson, { type: "silent", problem: "what answers there is no JSON" });
    const refused = await answering((_, response) => response.writeHead(503).end("{}"));
    assert.deepEqual(refused, { type: "silent", problem: "it answers 503" });
  });

  it("is given up when it does not answer, or does not come to an end", async () => {
    const never = await answering(() => {}, 50);
    assert.deepEqual(never, { type: "silent", problem: "no answer in time" });
    const half = await answering((_, response) => {
      response.write('{"role":');
    }, 50);
    assert.equal(half.type, "silent");
    const cut = await answering((_, response) => {
      response.writeHead(200, { "content-length": "100" }).write("{");
      setTimeout(() => response.destroy(), 20);
    });
    assert.equal(cut.type, "silent");
  });

  it("is not listened to for ever: an answer without end is cut off", async () => {
    const chunk = Buffer.alloc(4 * 1_024 * 1_024, " ");
    const endless = await answering((_, response) => {
      const go = (): void => {
        if (response.destroyed) return;
        if (response.write(chunk)) setImmediate(go);
        else response.once("drain", go);
      };
      go();
    });
    assert.deepEqual(endless, { type: "silent", problem: "the answer is too long" });
  });
});
