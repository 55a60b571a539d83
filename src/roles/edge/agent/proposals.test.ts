import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { VirtualServer } from "#core/balance/model";
import { onePort } from "#core/balance/ports";
import { type Desired, NOTHING_DESIRED } from "#core/config/desired";
import type { Loaded } from "#drivers/files/load";
import { address, virtualRouter } from "#testing/values";
import type { AgentToWire } from "../messages.ts";
import { createProposals } from "./proposals.ts";

const server = (port: number): VirtualServer => ({
  ...{ name: `server-${port}`, address: address("192.0.2.100"), protocol: "tcp", ports: onePort(port) },
  ...{ mode: "nat", scheduler: { type: "round-robin" }, backends: [] },
});

const wanting = (count: number): Desired => ({
  ...NOTHING_DESIRED,
  routers: [virtualRouter({ name: "front" })],
  servers: Array.from({ length: count }, (_, index) => server(index + 1)),
});

const loaded = (desired: Desired): Loaded => ({
  ...{ ok: true, desired, files: [] },
  warnings: [{ severity: "warning", file: "edge.yaml", path: "", message: "it could be better" }],
});

/** An agent whose files say what `files` says. */
const bench = (files: { desired: Desired }) => {
  const sent: AgentToWire[] = [];
  const warnings: string[] = [];
  const planned: (() => void)[] = [];
  let readings = 0;
  const proposals = createProposals({
    load: () => {
      readings += 1;
      return loaded(files.desired);
    },
    send: (message) => void sent.push(message),
    later: (action) => void planned.push(action),
    warn: (line) => void warnings.push(line),
  });
  const turn = (): void => {
    for (const action of planned.splice(0)) action();
  };
  return { proposals, sent, warnings, turn, readings: () => readings };
};

describe("an agent's proposals", () => {
  it("reads the files once for many wishes, and once more for those that came before the answer", () => {
    const { proposals, sent, turn, readings } = bench({ desired: wanting(1) });
    for (let wish = 0; wish < 100; wish += 1) proposals.reload();
    turn();
    assert.deepEqual([readings(), sent.map(({ type }) => type)], [1, ["servers", "desired"]]);
    for (let wish = 0; wish < 100; wish += 1) proposals.reload();
    turn();
    assert.equal(readings(), 1);
    proposals.answered({ id: 1, accepted: true });
    turn();
    turn();
    assert.deepEqual([readings(), sent.at(-1)], [2, { type: "unchanged" }]);
  });

  it("hands thousands of servers over in pieces, all of them and in order", () => {
    const desired = wanting(1_001);
    const { proposals, sent } = bench({ desired });
    proposals.propose(loaded(desired));
    const pieces = sent.flatMap((message) => (message.type === "servers" ? [message.servers] : []));
    assert.ok(pieces.every(({ length }) => length <= 250));
    assert.deepEqual(pieces.flat(), desired.servers);
    assert.deepEqual(sent.at(-1), { type: "desired", id: 1, desired: { ...desired, servers: [] } });
  });

  it("does not propose what is in force, nor warn of it again", () => {
    const files = { desired: wanting(2) };
    const { proposals, sent, warnings, turn } = bench(files);
    proposals.adopt(structuredClone(files.desired));
    proposals.reload();
    turn();
    assert.deepEqual([sent.splice(0), warnings], [[{ type: "unchanged" }], []]);
    files.desired = wanting(3);
    proposals.reload();
    turn();
    assert.deepEqual([sent.at(-1)?.type, warnings], ["desired", ["edge.yaml warning: it could be better."]]);
  });

  it("proposes again what was refused, and knows nothing in force but what was accepted", () => {
    const { proposals, sent, turn } = bench({ desired: wanting(1) });
    proposals.reload();
    turn();
    proposals.answered({ id: 7, accepted: true });
    assert.equal(proposals.inForce, NOTHING_DESIRED, "nobody asked for an answer of this number");
    proposals.answered({ id: 1, accepted: false });
    assert.equal(proposals.inForce, NOTHING_DESIRED);
    sent.length = 0;
    proposals.reload();
    turn();
    assert.deepEqual(sent.at(-1)?.type, "desired");
    proposals.answered({ id: 2, accepted: true });
    assert.deepEqual(proposals.inForce, wanting(1));
  });

  it("passes on why the files are refused, and waits for no answer then", () => {
    const { proposals, sent, turn } = bench({ desired: wanting(1) });
    proposals.propose({
      ok: false,
      problems: [{ severity: "error", file: "edge.yaml", path: "", message: "holds no resource" }],
    });
    assert.deepEqual(sent, [{ type: "refused", problems: ["edge.yaml: holds no resource."] }]);
    proposals.reload();
    turn();
    assert.equal(sent.at(-1)?.type, "desired");
  });
});
