import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { millis, seconds } from "#base/time";
import { parsed } from "../fast/bed.ts";
import { stateText } from "./state.ts";
import type { FakeAgent, WireBed, WireNode } from "./test-bed.ts";
import { linesOf, membersOf, onlyOf, placed, voicesOf, wireBed } from "./test-bed.ts";

const A = "192.0.2.100";
const B = "192.0.2.101";

/** Tells everything, as an agent does that has read the cluster. */
const tellAll = (
  agent: FakeAgent,
  count: number,
  ...placements: readonly ReturnType<typeof placed>[]
): void => {
  agent.greet();
  agent.say({ type: "members", members: membersOf(count) });
  agent.say({ type: "placements", changed: placements, removed: [] });
  agent.say({ type: "all-placed" });
};

const holds = ({ agent }: WireNode): boolean => voicesOf(agent.heard()).has(parsed(A));

/** Two nodes of which the first holds the address. */
const settled = async (): Promise<WireBed> => {
  const bed = wireBed(2);
  for (const { agent } of bed.nodes) tellAll(agent, 2, placed(A, "node-1", "node-2"));
  await bed.pass(seconds(16));
  assert.deepEqual(bed.nodes.map(holds), [true, false]);
  bed.announced();
  return bed;
};
const pairOf = ({ nodes }: WireBed): readonly [WireNode, WireNode] => {
  const [one, other] = nodes;
  assert.ok(one !== undefined && other !== undefined);
  return [one, other];
};

describe("a wire process and its agent", () => {
  it("is told all that happened with the snapshot, then what happens, and where addresses are answered for", async () => {
    const bed = wireBed(1);
    const { agent } = onlyOf(bed);
    await bed.pass(millis(10));
    assert.deepEqual(agent.heard(), []);
    agent.greet();
    const [snapshot] = agent.heard();
    assert.ok(snapshot?.type === "snapshot");
    assert.deepEqual(
      [snapshot.told, snapshot.links.map(({ name }) => name), snapshot.voices],
      [0, ["eth0"], []],
    );
    assert.equal(linesOf([snapshot])[0], "speaker: started (test on node-1)");
    agent.say({ type: "members", members: membersOf(1) });
    agent.say({ type: "placements", changed: [placed(A, "node-1")], removed: [] });
    await bed.pass(seconds(1));
    const heard = agent.heard();
    assert.deepEqual(voicesOf(heard).get(parsed(A)), ["eth0"]);
    assert.ok(linesOf(heard).includes(`address ${A}: claiming -> holding: nobody answers for it`));
    agent.say({ type: "event", event: { type: "configuration-applied", pools: 1, advertisements: 1 } });
    await bed.pass(millis(10));
    assert.deepEqual(linesOf(agent.heard()), ["configuration: in force: 1 pool, 1 L2Advertisement"]);
  });

  it("costs nothing when the agent is killed: the next one is told what is true, and tells nothing new", async () => {
    const bed = await settled();
    const [{ agent }] = pairOf(bed);
    agent.die();
    await bed.pass(seconds(5));
    assert.deepEqual(agent.heard(), []);
    tellAll(agent, 2, placed(A, "node-1", "node-2"));
    await bed.pass(seconds(5));
    const heard = agent.heard();
    const [snapshot] = heard;
    assert.ok(snapshot?.type === "snapshot" && snapshot.told > 0);
    assert.deepEqual([...voicesOf(heard).keys()], [parsed(A)]);
    assert.deepEqual(linesOf(heard.slice(1)), []);
    assert.ok(linesOf([snapshot]).includes("agent: exited (pid 7: SIGKILL)"));
    assert.deepEqual(bed.announced(), []);
  });

  it("ends with the status of an agent that cannot run, while nothing is known", async () => {
    const bed = wireBed(1);
    const { agent, ends } = onlyOf(bed);
    assert.equal(agent.die(), "restart");
    agent.greet();
    assert.equal(agent.die(1), "leave");
    assert.deepEqual(ends, ["end 1"]);
    await bed.pass(seconds(1));
    assert.deepEqual(ends, ["end 1"]);
  });

  it("goes on whatever an agent ends with, once something is known", async () => {
    const bed = wireBed(1);
    const { agent, ends } = onlyOf(bed);
    tellAll(agent, 1, placed(A, "node-1"));
    await bed.pass(seconds(1));
    assert.equal(agent.die(1), "restart");
    assert.equal(agent.die(), "restart");
    assert.deepEqual(ends, []);
  });

  it("goes on without addresses that the next agent does not name, once that has named all", async () => {
    const bed = wireBed(1);
    const { agent } = onlyOf(bed);
    tellAll(agent, 1, placed(A, "node-1"), placed(B, "node-1"));
    await bed.pass(seconds(1));
    agent.die();
    agent.greet();
    agent.say({ type: "placements", changed: [placed(B, "node-1")], removed: [] });
    await bed.pass(seconds(1));
    assert.deepEqual([...voicesOf(agent.heard()).keys()], [parsed(A), parsed(B)]);
    agent.say({ type: "all-placed" });
    await bed.pass(seconds(1));
    assert.ok(
      linesOf(agent.heard()).includes(
        `address ${A}: holding -> standby: this node is no candidate for it any more`,
      ),
    );
  });

  it("is given a fresh snapshot when it was behind for too long, and what is true last", async () => {
    const bed = wireBed(1);
    const { agent } = onlyOf(bed);
    tellAll(agent, 1);
    await bed.pass(millis(50));
    agent.setReading(false);
    agent.heard();
    for (let count = 0; count < 60_000; count += 1)
      agent.say({ type: "event", event: { type: "configuration-applied", pools: count, advertisements: 0 } });
    await bed.pass(seconds(1));
    assert.deepEqual(agent.heard(), []);
    agent.setReading(true);
    await bed.pass(seconds(1));
    const heard = agent.heard();
    const [snapshot] = heard;
    assert.ok(snapshot?.type === "snapshot");
    assert.equal(snapshot.recent.at(-1)?.sequence, snapshot.view.sequence);
    assert.ok(heard.length < 1_000, `${heard.length} messages`);
  });

  it("is told news in pieces, so that thousands of them hold up nothing", async () => {
    const bed = wireBed(1);
    const { agent } = onlyOf(bed);
    tellAll(agent, 1);
    await bed.pass(millis(50));
    agent.heard();
    for (let count = 0; count < 1_000; count += 1)
      agent.say({ type: "event", event: { type: "configuration-applied", pools: count, advertisements: 0 } });
    const pieces: number[] = [];
    while (pieces.reduce((sum, length) => sum + length, 0) < 1_000) {
      await bed.pass(millis(5));
      pieces.push(agent.heard().filter(({ type }) => type === "observation").length);
    }
    assert.ok(pieces.length > 3 && Math.max(...pieces) < 600, pieces.join(" "));
  });

  it("complains itself, once, where a socket is refused for good", async () => {
    const bed = wireBed(2, { bfd: "port-taken" });
    const [{ complaints, agent }] = pairOf(bed);
    tellAll(agent, 2, placed(A, "node-1"));
    await bed.pass(seconds(5));
    assert.deepEqual(complaints, ["bfd listen on UDP port 3784 for IPv4: EADDRINUSE"]);
    const counts = agent.heard().findLast(({ type }) => type === "counts");
    assert.ok(counts?.type === "counts" && (counts.counts[complaints[0] ?? ""] ?? 0) > 2);
  });

  it("is told what asking for addresses came to, each agent anew, and nothing of what is held here", async () => {
    const bed = await settled();
    const [first, second] = pairOf(bed);
    const ask = { type: "probes", duties: [{ address: parsed(A), port: undefined }] } as const;
    for (const { agent } of [first, second]) agent.say(ask);
    await bed.pass(seconds(25));
    const verdictsOf = ({ agent }: WireNode): readonly string[] =>
      agent
        .heard()
        .flatMap((message) => (message.type === "verdicts" ? message.verdicts : []))
        .map(({ address, verdict }) => `${address} ${verdict.type}`);
    assert.deepEqual(verdictsOf(second), [`${A} reachable`]);
    assert.deepEqual(verdictsOf(first), []);
    second.agent.die();
    tellAll(second.agent, 2, placed(A, "node-1", "node-2"));
    second.agent.say(ask);
    await bed.pass(millis(50));
    assert.deepEqual(verdictsOf(second), [`${A} reachable`]);
    second.agent.say({ type: "probes", duties: [] });
    second.agent.die();
    tellAll(second.agent, 2, placed(A, "node-1", "node-2"));
    await bed.pass(seconds(1));
    assert.deepEqual(verdictsOf(second), []);
  });
});

describe("a wire process that is told nothing", () => {
  const found = (name: string): string =>
    stateText(name, { members: membersOf(2), placements: [placed(A, "node-1", "node-2")] });

  it("goes on after ten seconds from what is on disk, and not before", async () => {
    const bed = wireBed(2, { found });
    const [first, second] = pairOf(bed);
    for (const { agent } of bed.nodes) agent.greet();
    await bed.pass(millis(9_990));
    assert.deepEqual(bed.announced(), []);
    await bed.pass(seconds(2));
    const [told, other] = [first, second].map(({ agent }) => agent.heard());
    assert.ok(told !== undefined && other !== undefined);
    assert.ok(linesOf(told).includes("speaker: alone (1 address, 2 speakers)"), linesOf(told).join("\n"));
    assert.ok(linesOf(other).includes("node node-1: unknown -> alive"));
    assert.deepEqual([voicesOf(told).size, voicesOf(other).size], [1, 0]);
    assert.deepEqual(bed.announced(), ["node-1"]);
    first.kill();
    await bed.pass(seconds(1));
    assert.deepEqual(bed.announced(), ["node-2"]);
  });

  it("never acts on it where an agent has told everything in time", async () => {
    const bed = wireBed(1, { found });
    const { agent } = onlyOf(bed);
    await bed.pass(seconds(9));
    tellAll(agent, 1, placed(B, "node-1"));
    await bed.pass(seconds(10));
    assert.deepEqual([...voicesOf(agent.heard()).keys()], [parsed(B)]);
  });

  it("drops what was on disk once an agent has told everything after all", async () => {
    const bed = wireBed(1, { found });
    const { agent, record } = onlyOf(bed);
    agent.greet();
    await bed.pass(seconds(12));
    assert.deepEqual([...voicesOf(agent.heard()).keys()], [parsed(A)]);
    tellAll(agent, 1, placed(B, "node-1"));
    await bed.pass(seconds(2));
    const heard = agent.heard();
    assert.deepEqual([...voicesOf(heard).keys()], [parsed(B)]);
    assert.equal(
      record.text(),
      stateText("node-1", { members: membersOf(1), placements: [placed(B, "node-1")] }),
    );
  });

  it("says what is wrong with what is on disk, and does without it", async () => {
    for (const text of ["{", found("node-2"), found("node-1").replace("192.0.2.100", "300.0.2.100")]) {
      const bed = wireBed(1, { found: () => text });
      const { agent } = onlyOf(bed);
      agent.greet();
      await bed.pass(seconds(12));
      const heard = agent.heard();
      assert.match(linesOf(heard).join("\n"), /speaker: state-ignored \(what is on disk (is|has) /);
      assert.equal(voicesOf(heard).size, 0);
    }
  });

  it("does nothing where nothing is on disk", async () => {
    const bed = wireBed(1);
    const { agent } = onlyOf(bed);
    agent.greet();
    await bed.pass(seconds(12));
    assert.deepEqual(voicesOf(agent.heard()).size, 0);
  });
});

describe("what a wire process keeps on disk", () => {
  it("is what was told last, a second after a change, and nothing before everything was told", async () => {
    const bed = wireBed(1);
    const { agent, record } = onlyOf(bed);
    agent.greet();
    agent.say({ type: "members", members: membersOf(2) });
    agent.say({ type: "placements", changed: [placed(A, "node-1"), placed(B, "node-2")], removed: [] });
    await bed.pass(seconds(3));
    assert.equal(record.text(), "");
    agent.say({ type: "all-placed" });
    await bed.pass(seconds(2));
    const members = membersOf(2);
    assert.equal(record.text(), stateText("node-1", { members, placements: [placed(A, "node-1")] }));
    agent.say({ type: "placements", changed: [placed(B, "node-2", "node-1")], removed: [parsed(A)] });
    await bed.pass(millis(900));
    assert.match(record.text(), /192\.0\.2\.100/);
    await bed.pass(millis(200));
    assert.equal(
      record.text(),
      stateText("node-1", { members, placements: [placed(B, "node-2", "node-1")] }),
    );
  });

  it("may be impossible to write, which is told once and costs nothing", async () => {
    const bed = wireBed(1);
    const node = onlyOf(bed);
    tellAll(node.agent, 1, placed(A, "node-1"));
    await bed.pass(seconds(2));
    node.agent.heard();
    for (let times = 0; times < 3; times += 1) node.failWrite("/state: ENOSPC");
    await bed.pass(millis(50));
    assert.deepEqual(linesOf(node.agent.heard()), ["state on disk: not written (disk): /state: ENOSPC"]);
  });
});

describe("a wire process that is told to end", () => {
  it("lets the next one answer first, then ends its agent, then itself", async () => {
    const bed = await settled();
    const [first, second] = pairOf(bed);
    first.wire.stop("SIGTERM");
    assert.deepEqual(first.ends, []);
    await bed.pass(seconds(1));
    assert.deepEqual(first.ends, ["asked to stop", "end 0"]);
    assert.deepEqual(bed.announced(), ["node-2"]);
    assert.equal(holds(second), true);
    assert.deepEqual(linesOf(first.agent.heard()), [
      "speaker: leaving (SIGTERM)",
      `address ${A}: holding -> yielding: this node leaves`,
      `address ${A}: yielding -> standby: node-2 has it now`,
      "speaker: stopping",
    ]);
  });

  it("waits no longer than a hand-over may take for one who does not take over", async () => {
    const bed = await settled();
    const [first, second] = pairOf(bed);
    // Its links are fine, and its placements say that the first one holds the address still: it takes nothing.
    second.agent.say({ type: "placements", changed: [placed(A, "node-1")], removed: [] });
    first.wire.stop("SIGTERM");
    await bed.pass(millis(2_900));
    assert.deepEqual(first.ends, []);
    await bed.pass(millis(1_200));
    assert.deepEqual(first.ends, ["asked to stop", "end 0"]);
  });

  it("ends at once when it is told twice", async () => {
    const bed = await settled();
    const [first] = pairOf(bed);
    first.wire.stop("SIGTERM");
    first.wire.stop("SIGTERM");
    assert.deepEqual(first.ends, ["killed", "end 0"]);
    await bed.pass(seconds(5));
    assert.deepEqual(first.ends, ["killed", "end 0"]);
  });

  it("ends at once where it holds nothing", async () => {
    const bed = wireBed(1);
    const { wire, ends, agent } = onlyOf(bed);
    agent.greet();
    await bed.pass(millis(10));
    wire.stop("SIGINT");
    await bed.pass(millis(10));
    assert.deepEqual(ends, ["asked to stop", "end 0"]);
  });
});
