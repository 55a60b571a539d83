import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { instant, millis, seconds } from "#base/time";
import { estateText } from "#core/bfd/legacy-words";
import type { Left } from "#runtime/bgp/leaving";
import { peerWord, routeWord } from "#testing/bgp-words";
import { address } from "#testing/values";
import { BOOT, linesOf, membersOf, onlyOf, placed, wireBed } from "../test-bed.ts";
import { bgpStateText, lifeIn, readBgpState } from "./state.ts";

const TOR = peerWord("tor");
const WEB = routeWord("192.0.2.10/32", "tor");
const DB = routeWord("192.0.2.11/32", "tor");

/** What an earlier run has left, which was alive at that time of the bed's clock. */
const left = (at = 0, bootId = BOOT): string =>
  bgpStateText("node-1", { peers: [TOR], routes: [WEB] }, { at: instant(at), bootId });

const tellAll = (bed: ReturnType<typeof wireBed>, ...routes: readonly (typeof WEB)[]) => {
  const { agent } = onlyOf(bed);
  agent.greet();
  agent.say({ type: "bgp-peers", peers: [TOR] });
  agent.say({ type: "bgp-stance", node: "stays" });
  agent.say({ type: "bgp-routes", changed: routes, removed: [] });
  agent.say({ type: "bgp-complete" });
};

describe("what a wire process is told of BGP", () => {
  it("goes to the speaker once, and to disk when it is everything", async () => {
    const bed = wireBed(1);
    const { bgp } = onlyOf(bed);
    tellAll(bed, WEB, DB);
    assert.deepEqual(bgp.calls(), ["peers tor", "route 192.0.2.10/32", "route 192.0.2.11/32", "complete"]);
    assert.equal(bgp.record.text(), "");
    await bed.pass(seconds(2));
    const saved = readBgpState("node-1", bgp.record.text());
    assert.ok(saved.ok);
    assert.deepEqual([saved.value.peers, saved.value.routes], [[TOR], [WEB, DB]]);
  });

  it("is told again by another agent, of which only what is different counts", async () => {
    const bed = wireBed(1);
    const { agent, bgp } = onlyOf(bed);
    tellAll(bed, WEB, DB);
    await bed.pass(seconds(2));
    bgp.calls();
    assert.equal(agent.die(), "restart");
    assert.deepEqual(bgp.calls(), []);
    tellAll(bed, WEB);
    assert.deepEqual(bgp.calls(), ["withdraw 192.0.2.11/32", "complete"]);
  });

  it("is apart from layer 2: that an agent knows no placements keeps no route back", async () => {
    const bed = wireBed(1);
    const { bgp, agent } = onlyOf(bed);
    tellAll(bed, WEB);
    assert.ok(bgp.calls().includes("complete"));
    agent.say({ type: "members", members: membersOf(1) });
    agent.say({ type: "placements", changed: [placed("192.0.2.10", "node-1")], removed: [] });
    await bed.pass(seconds(2));
    assert.ok(readBgpState("node-1", bgp.record.text()).ok);
  });
});

describe("a wire process that no agent tells anything", () => {
  it("goes on from what is on disk after ten seconds, and takes an agent's word for it later", async () => {
    const bed = wireBed(1, { bgpFound: left() });
    const { bgp, agent } = onlyOf(bed);
    await bed.pass(seconds(9));
    assert.deepEqual(bgp.calls(), []);
    await bed.pass(seconds(2));
    assert.deepEqual(bgp.calls(), ["peers tor", "route 192.0.2.10/32", "complete"]);
    assert.deepEqual(bgp.peers(), [TOR]);
    tellAll(bed, DB);
    assert.deepEqual(bgp.calls(), ["route 192.0.2.11/32", "withdraw 192.0.2.10/32", "complete"]);
    assert.match(linesOf(agent.heard()).join("\n"), /speaker: alone \(1 BGP peer, 1 routes\)/);
  });

  it("says on disk that it is alive, so that the next one may say that it has restarted", async () => {
    const bed = wireBed(1, { bgpFound: left() });
    const { bgp } = onlyOf(bed);
    await bed.pass(seconds(25));
    assert.ok((lifeIn(bgp.record.text())?.at ?? 0) >= seconds(20));
    const saved = readBgpState("node-1", bgp.record.text());
    assert.deepEqual(saved.ok && saved.value.routes, [WEB]);
  });

  it("says what is wrong with what is on disk, and does without it", async () => {
    const bed = wireBed(1, { bgpFound: left().slice(0, -9) });
    const { bgp, agent } = onlyOf(bed);
    await bed.pass(seconds(11));
    assert.deepEqual(bgp.calls(), []);
    agent.greet();
    assert.match(linesOf(agent.heard()).join("\n"), /state-ignored \(what is on disk of BGP is no JSON\)/);
  });
});

describe("a wire process that was alive a moment ago", () => {
  const startOf = (found: string) => onlyOf(wireBed(1, { bgpFound: found })).bgp.around().start;

  it("tells peers that it has restarted, unless the machine has, or it is too long ago, or will only be", () => {
    const moment = 1_000_000_000;
    assert.equal(startOf(""), "fresh");
    assert.equal(startOf(left(0)), "again");
    assert.equal(startOf(left(0, "00000000-0000-4000-8000-000000000002")), "fresh");
    assert.equal(startOf(left(moment)), "fresh");
  });

  it("says so on disk every ten seconds, and at its end", async () => {
    const bed = wireBed(1);
    const { bgp, wire } = onlyOf(bed);
    tellAll(bed, WEB);
    await bed.pass(seconds(31));
    const at = lifeIn(bgp.record.text())?.at ?? 0;
    assert.ok(at >= seconds(30), `${at}`);
    wire.stop("SIGTERM");
    bgp.left();
    await bed.pass(seconds(1));
    assert.ok((lifeIn(bgp.record.text())?.at ?? 0) > at);
  });
});

describe("a wire process whose disk is full", () => {
  it("goes on with BGP, and says it once however often it tries", async () => {
    const bed = wireBed(1);
    const { agent, bgp } = onlyOf(bed);
    tellAll(bed, WEB);
    agent.heard();
    for (let time = 0; time < 30; time += 1) {
      bgp.failWrite("/run/steelyard-speaker/bgp.json: ENOSPC");
      await bed.pass(seconds(2));
    }
    bgp.calls();
    agent.say({ type: "bgp-routes", changed: [DB], removed: [] });
    assert.deepEqual(bgp.calls(), ["route 192.0.2.11/32"]);
    assert.deepEqual(linesOf(agent.heard()).filter((line) => line.includes("ENOSPC")).length, 1);
  });
});

describe("a wire process that ends", () => {
  it("ends its sessions, and waits for that, but not for ever", async () => {
    const bed = wireBed(1);
    const { bgp, wire, ends } = onlyOf(bed);
    tellAll(bed, WEB);
    bgp.calls();
    wire.stop("SIGTERM");
    await bed.pass(seconds(1));
    assert.deepEqual([bgp.calls(), ends], [["leave restart"], []]);
    await bed.pass(seconds(6));
    assert.deepEqual(ends, ["asked to stop", "end 0"]);
  });
});

describe("BFD sessions with routers", () => {
  const PLACE = {
    ...{ localAddress: address("192.0.2.1"), peer: address("192.0.2.254"), linkIndex: 2, vrf: undefined },
  };
  const LEFT: Left = {
    until: instant(120_000_000),
    sessions: [
      {
        ...PLACE,
        legacy: {
          localDiscriminator: 7,
          advertised: { desiredMinTxInterval: seconds(40), requiredMinRxInterval: seconds(1) },
          remote: {
            ...{ discriminator: 8, desiredMinTxInterval: seconds(1), requiredMinRxInterval: seconds(1) },
            detectMultiplier: 3,
          },
        },
      },
    ],
  };

  it("are left to the next run, which takes them once, and not after another start of the machine", async () => {
    const bed = wireBed(1);
    const { bgp, wire } = onlyOf(bed);
    tellAll(bed, WEB);
    wire.stop("SIGTERM");
    assert.equal(bgp.bequest.text(), "");
    bgp.left(LEFT);
    const text = bgp.bequest.text();
    const next = onlyOf(wireBed(1, { bgpLeft: text })).bgp;
    const { left } = next.around();
    assert.equal(left.take(PLACE, instant(0))?.localDiscriminator, 7);
    assert.equal(left.take(PLACE, instant(0)), undefined);
    assert.equal(next.bequest.text(), "");
    const other = text.replace(BOOT, "00000000-0000-4000-8000-000000000002");
    assert.equal(
      onlyOf(wireBed(1, { bgpLeft: other }))
        .bgp.around()
        .left.take(PLACE, instant(0)),
      undefined,
    );
  });

  it("are gone with the time that routers keep them", () => {
    const text = estateText({ ...LEFT, bootId: BOOT });
    const { left } = onlyOf(wireBed(1, { bgpLeft: text })).bgp.around();
    assert.equal(left.take(PLACE, LEFT.until), undefined);
  });
});

/** What was said of the node last, and what peers are told at the end. */
const ENDINGS = [
  ["goes", "leave shutdown"],
  ["stays", "leave restart"],
] as const;

describe("a wire process on a node that is about to go", () => {
  it("has no peer keep its routes, unless the node is to stay after all", async () => {
    for (const [word, expected] of ENDINGS) {
      const bed = wireBed(1);
      const { agent, bgp, wire } = onlyOf(bed);
      tellAll(bed, WEB);
      agent.say({ type: "bgp-stance", node: "goes" });
      agent.say({ type: "bgp-stance", node: word });
      bgp.calls();
      wire.stop("SIGTERM");
      await bed.pass(seconds(1));
      assert.deepEqual(bgp.calls(), [expected]);
    }
  });

  it("lets peers keep them all the same where it is told of a restart", async () => {
    const bed = wireBed(1);
    const { agent, bgp, wire } = onlyOf(bed);
    tellAll(bed, WEB);
    agent.say({ type: "bgp-stance", node: "goes" });
    bgp.calls();
    wire.stop("SIGUSR2", "restart");
    assert.deepEqual(bgp.calls(), ["leave restart"]);
  });

  it("goes by what was heard last when another agent has not told it yet", async () => {
    for (const [word, expected] of ENDINGS) {
      const bed = wireBed(1);
      const { agent, bgp, wire } = onlyOf(bed);
      tellAll(bed, WEB);
      agent.say({ type: "bgp-stance", node: word });
      agent.die();
      agent.greet();
      bgp.calls();
      wire.stop("SIGTERM");
      await bed.pass(seconds(1));
      assert.deepEqual(bgp.calls(), [expected]);
    }
  });

  it("takes it to go where nobody has told it, as while the API server is away", async () => {
    const bed = wireBed(1, { bgpFound: left() });
    const { bgp, wire } = onlyOf(bed);
    await bed.pass(seconds(11));
    bgp.calls();
    wire.stop("SIGTERM");
    await bed.pass(seconds(1));
    assert.deepEqual(bgp.calls(), ["leave shutdown"]);
  });

  it("waits a moment for the word that it is only the pod that goes", async () => {
    const bed = wireBed(1);
    const { agent, bgp, wire } = onlyOf(bed);
    tellAll(bed, WEB);
    agent.say({ type: "bgp-stance", node: "goes" });
    bgp.calls();
    wire.stop("SIGTERM");
    await bed.pass(millis(500));
    assert.deepEqual(bgp.calls(), []);
    agent.say({ type: "bgp-stance", node: "stays" });
    await bed.pass(millis(500));
    assert.deepEqual(bgp.calls(), ["leave restart"]);
  });
});

describe("what an agent is told of BGP", () => {
  it("is how peers are, at once by a new one, and later when that is another thing", async () => {
    const bed = wireBed(1);
    const { bgp, agent } = onlyOf(bed);
    tellAll(bed, WEB);
    agent.heard();
    bgp.setFacts([]);
    await bed.pass(seconds(1));
    assert.deepEqual(
      agent.heard().filter(({ type }) => type === "bgp"),
      [{ type: "bgp", facts: [] }],
    );
  });
});
