import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import type { AddressExplanation, SpeakerAddressExplanation } from "#api/speaker";
import { address } from "#testing/values";
import { addressExplanationLines, explainAddress } from "./explain-address.ts";

const EXPLANATION: SpeakerAddressExplanation = {
  ...{ role: "speaker", node: "node-a" },
  address: {
    ...{
      address: address("192.0.2.10"),
      services: [],
      silent: [],
      candidates: [],
      leftOut: [],
      lead: undefined,
    },
    ...{ recorded: [], dead: ["node-b"] },
    bgp: {
      stance: "regular",
      text: ["192.0.2.10 is announced for shop/web."],
      peers: [
        { peer: "tor-1", has: "yes", text: "It was told, and has the session that it was told on." },
        { peer: "tor-2", has: "no", text: "There is no session: it is active, \u001b[31mrefused." },
        { peer: "tor-3", has: "unsure", text: "News of 3 routes wait to be sent." },
      ],
    },
  },
};

/** A speaker that answers this at its admin socket; gives the path. */
const answering = async (context: TestContext, status: number, body: string): Promise<string> => {
  const folder = mkdtempSync(join(tmpdir(), "steelyard-explain-"));
  const server = createServer((request, response) => {
    assert.equal(request.url, "/v1/explain?address=192.0.2.10");
    response.writeHead(status).end(body);
  });
  const path = join(folder, "s");
  await new Promise<void>((resolve) => server.listen(path, resolve));
  context.after(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });
  return path;
};

describe("what is said of an address", () => {
  it("is which peers have its route, and which do not and why, and commands no terminal", () => {
    const lines = addressExplanationLines(EXPLANATION);
    assert.equal(lines[0], "192.0.2.10, as the speaker of node-a sees it:");
    assert.deepEqual(lines.slice(-5), [
      "node-b counts as dead.",
      "192.0.2.10 is announced for shop/web.",
      "Peer tor-1 has its route. It was told, and has the session that it was told on.",
      "Peer tor-2 does not have its route. There is no session: it is active, \ufffd[31mrefused.",
      "Peer tor-3 may not have its route. News of 3 routes wait to be sent.",
    ]);
  });

  it("is since when and why it is held here, and how long the node before had been silent", () => {
    const since = Date.UTC(2026, 10, 30, 21, 4, 5);
    const here: AddressExplanation["here"] = {
      ...({ state: "holding", cause: "holder-dead" } as const),
      ...{ address: "192.0.2.10", since, peer: "node-b", interfaces: ["eth0"], outage: 361.6 },
    };
    const lines = addressExplanationLines({ ...EXPLANATION, address: { ...EXPLANATION.address, here } });
    assert.ok(
      lines.includes(
        "Here it is holding on eth0 since 2026-11-30T21:04:05Z (holder-dead node-b, 362 ms after node-b was heard last).",
      ),
      lines.join("\n"),
    );
  });

  it("comes from the speaker, as it is with --json, and ends with 1 where it knows no such address", async (context) => {
    const said: string[] = [];
    const options = { address: "192.0.2.10", json: true, print: (line: string) => void said.push(line) };
    const admin = await answering(context, 200, JSON.stringify(EXPLANATION));
    assert.equal(await explainAddress({ ...options, admin }), 0);
    assert.deepEqual(JSON.parse(said.pop() ?? ""), JSON.parse(JSON.stringify(EXPLANATION)));
    const unknown = await answering(context, 404, "no Service that concerns us has the address 192.0.2.10\n");
    assert.equal(await explainAddress({ ...options, admin: unknown, json: false }), 1);
    assert.match(said.pop() ?? "", /no Service that concerns us has the address/);
    assert.equal(await explainAddress({ ...options, admin: "/nowhere/s", json: false }), 1);
    assert.equal(said.length, 1);
  });
});
