import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { type Duration, micros, millis, seconds } from "#base/time";
import { OWN } from "#core/frr/names";
import { parseRunning } from "#core/frr/running";
import { peerWord, routeWord } from "#core/frr/test-words";
import { fakeClock } from "#drivers/clock/fake";
import { type FakeFrr, fakeFrr } from "#drivers/frr/fake";
import { createDeadlines } from "../deadlines.ts";
import { FrrEngine } from "./engine.ts";
import type { FrrObservation } from "./parts.ts";
import { removeFromFrr } from "./removing.ts";

const FOREIGN = "router bgp 65001\n neighbor 10.9.9.9 remote-as 65002\nexit\n";

const describeObservation = (each: FrrObservation): string => {
  switch (each.type) {
    case "applied":
      return `applied ${each.lines}`;
    case "failed":
      return `failed ${each.failure.reason}`;
    case "unsettled":
      return `unsettled ${each.line}`;
    case "recovered":
      return each.type;
    case "refused":
      return `${each.peer} refused ${each.reason}`;
    default:
      return `${each.peer} ${each.from} to ${each.to}`;
  }
};

const bed = (frr: FakeFrr = fakeFrr(FOREIGN)) => {
  const observations: FrrObservation[] = [];
  const clock = fakeClock({ onWake: () => deadlines.runDue() });
  const deadlines = createDeadlines(clock);
  const engine = new FrrEngine({
    ...{ frr, deadlines, now: clock.now },
    tell: (observation) => observations.push(observation),
  });
  /** Lets time pass in small steps, and everything that waits for FRR come to an end. */
  const pass = async (duration: Duration): Promise<void> => {
    for (let passed = 0; passed < duration; passed += millis(100)) {
      clock.advance(millis(100));
      for (let turns = 0; turns < 6; turns += 1) await turn();
    }
  };
  return {
    ...{ frr, engine, pass, clock },
    said: () => observations.splice(0).map(describeObservation),
    /** Prefixes that FRR announces for us. */
    networks: async (): Promise<readonly string[]> => {
      const running = await frr.running();
      assert.ok(running.ok);
      return [...running.value.matchAll(/^ +network (\S+) route-map steelyard-node:/gm)].map(
        ([, prefix = ""]) => prefix,
      );
    },
    own: async (): Promise<number> => {
      const running = await frr.running();
      assert.ok(running.ok);
      return parseRunning(running.value).own.size;
    },
  };
};

const PREFIX = routeWord("192.0.2.1/32", ["tor"]);

const started = async (frr?: FakeFrr) => {
  const all = bed(frr);
  all.engine.setPeers([peerWord("tor")]);
  all.engine.route({ changed: [PREFIX], removed: [] });
  all.engine.routesComplete();
  await all.pass(seconds(1));
  return all;
};

describe("the engine for an FRR that is there", () => {
  it("touches nothing before everything was told", async () => {
    const { frr, engine, pass, own } = bed();
    frr.byHand(`router bgp 64500 view ${OWN}64500`, "exit");
    engine.setPeers([peerWord("tor")]);
    engine.route({ changed: [PREFIX], removed: [] });
    await pass(seconds(20));
    assert.deepEqual(frr.entered, []);
    assert.equal(await own(), 1);
  });

  it("enters our part, says so, and enters nothing more while it is there", async () => {
    const { frr, pass, said, networks } = await started();
    assert.deepEqual(await networks(), ["192.0.2.1/32"]);
    assert.equal(said().filter((each) => each.startsWith("applied")).length, 1);
    const { length } = frr.entered;
    await pass(seconds(30));
    assert.equal(frr.entered.length, length);
    assert.deepEqual(said(), []);
  });

  it("follows routes and peers, those that change while FRR answers too", async () => {
    const { engine, pass, networks } = await started();
    engine.route({ changed: [routeWord("192.0.2.2/32", ["tor"])], removed: [] });
    await pass(millis(200));
    engine.route({ changed: [], removed: [PREFIX.prefix] });
    await pass(seconds(1));
    assert.deepEqual(await networks(), ["192.0.2.2/32"]);
    engine.setPeers([]);
    await pass(seconds(1));
    assert.deepEqual(await networks(), []);
  });

  it("brings back what a restart of FRR or somebody else took away, within seconds", async () => {
    const { frr, pass, networks, said } = await started();
    frr.restart();
    assert.deepEqual(await networks(), []);
    await pass(seconds(6));
    assert.deepEqual(await networks(), ["192.0.2.1/32"]);
    said();
    frr.byHand(`router bgp 64500 view ${OWN}64500`, "address-family ipv4 unicast", "no network 192.0.2.1/32");
    await pass(seconds(6));
    assert.deepEqual(await networks(), ["192.0.2.1/32"]);
    assert.deepEqual(
      said().map((each) => each.split(" ")[0]),
      ["applied"],
    );
  });

  it("says once why FRR does not have it, tries again less and less often, and goes on when it can", async () => {
    const frr = fakeFrr(FOREIGN);
    frr.fails = { reason: "no-daemon", message: "failed to connect to any daemons" };
    let asked = 0;
    const { running } = frr;
    const { said, pass, engine, networks } = await started(
      Object.assign(frr, {
        running: () => {
          asked += 1;
          return running();
        },
      }),
    );
    await pass(seconds(60));
    assert.deepEqual(said(), ["failed no-daemon"]);
    assert.ok(asked >= 4 && asked <= 8, `${asked}`);
    assert.equal(engine.trouble, "failed to connect to any daemons");
    frr.fails = undefined;
    await pass(seconds(31));
    assert.deepEqual(await networks(), ["192.0.2.1/32"]);
    assert.equal(engine.trouble, "");
    assert.deepEqual(said(), ["recovered", "applied 26"]);
  });

  it("goes on with what is accepted where a line is refused, and says which is not there", async () => {
    const frr = fakeFrr(FOREIGN);
    frr.refuses = (line) => line.startsWith("neighbor 10.0.0.1 timers connect");
    const { said, networks } = await started(frr);
    assert.deepEqual(await networks(), ["192.0.2.1/32"]);
    assert.deepEqual(said(), ["failed refused"]);
  });

  it("says of each peer that cannot be there why, and when it can", async () => {
    const { engine, pass, said } = await started();
    said();
    engine.setPeers([peerWord("tor"), peerWord("taken", { at: "10.9.9.9" })]);
    await pass(seconds(1));
    assert.deepEqual(said(), ["taken refused neighbour-taken"]);
    assert.equal(engine.peers().find(({ name }) => name === "taken")?.refused, "neighbour-taken");
    engine.setPeers([peerWord("tor")]);
    await pass(seconds(1));
    assert.deepEqual(said(), ["taken refused undefined"]);
  });

  it("tells how sessions are as FRR says it", async () => {
    const { frr, engine, pass, said } = await started();
    said();
    const peer = (bgpState: string) =>
      JSON.stringify({
        [`${OWN}64500`]: {
          "10.0.0.1": { bgpState, addressFamilyInfo: { ipv4Unicast: { sentPrefixCounter: 1 } } },
        },
      });
    frr.says = peer("Active");
    await pass(seconds(6));
    frr.says = peer("Established");
    await pass(seconds(6));
    assert.deepEqual(said(), ["tor undefined to active", "tor active to established"]);
    assert.equal(engine.peers()[0]?.session?.routesSent, 1);
  });

  it("withdraws routes before it ends sessions, so that no peer keeps them", async () => {
    const { frr, engine, pass, networks, own } = await started();
    engine.leave({ reason: "shutdown" }, () => {});
    await pass(millis(500));
    assert.deepEqual(await networks(), []);
    const running = await frr.running();
    assert.ok(running.ok && running.value.includes("neighbor 10.0.0.1 remote-as"));
    await pass(seconds(2));
    assert.equal(await own(), 0);
  });

  it("removes exactly our part when it leaves", async () => {
    const { frr, engine, pass, own } = await started();
    const before = await frr.running();
    let done = 0;
    engine.leave({ reason: "shutdown" }, () => {
      done += 1;
    });
    await pass(seconds(3));
    assert.equal(done, 1);
    assert.equal(await own(), 0);
    const after = await frr.running();
    assert.notDeepEqual(after, before);
    assert.ok(after.ok);
    assert.deepEqual([...parseRunning(after.value).neighbours], ["10.9.9.9"]);
    const { length } = frr.entered;
    await pass(seconds(30));
    assert.equal(frr.entered.length, length);
  });

  it("tells peers first that routes are going, where there is time for it", async () => {
    const { frr, engine, pass, own } = await started();
    engine.setSettings({ listen: undefined, drainTime: seconds(5) });
    let done = 0;
    engine.leave({ reason: "shutdown" }, () => {
      done += 1;
    });
    await pass(seconds(3));
    const running = await frr.running();
    assert.ok(running.ok);
    assert.match(running.value, /set community graceful-shutdown/);
    assert.equal(done, 0);
    await pass(seconds(5));
    assert.deepEqual([done, await own()], [1, 0]);
  });

  it("leaves FRR as it is when it will be back", async () => {
    const { engine, networks } = await started();
    let done = 0;
    engine.leave({ reason: "restart" }, () => {
      done += 1;
    });
    assert.equal(done, 1);
    assert.deepEqual(await networks(), ["192.0.2.1/32"]);
  });

  it("ends in bounded time although FRR never answers", async () => {
    const { frr, engine, pass } = await started();
    Object.assign(frr, { running: () => new Promise(() => {}) });
    let done = 0;
    engine.leave({ reason: "shutdown" }, () => {
      done += 1;
    });
    await pass(seconds(9));
    assert.equal(done, 0);
    await pass(seconds(2));
    assert.equal(done, 1);
  });

  it("does nothing after it was closed, whatever FRR was doing", async () => {
    const { frr, engine, pass, said } = await started();
    frr.restart();
    const { length } = frr.entered;
    engine.close();
    engine.setPeers([peerWord("tor"), peerWord("b", { at: "10.0.0.2" })]);
    await pass(seconds(30));
    said();
    assert.equal(frr.entered.length, length);
    assert.ok(micros(0) === 0);
  });
});

describe("removing our part where no engine runs", () => {
  it("takes out exactly that, and nothing the second time", async () => {
    const { frr, own, engine } = await started();
    engine.close();
    const removed = await removeFromFrr(frr, 0);
    assert.ok(removed.ok && removed.lines > 0);
    assert.equal(await own(), 0);
    assert.deepEqual(await removeFromFrr(frr, 0), { ok: true, lines: 0 });
  });

  it("is done where no FRR runs, and says when FRR does not answer", async () => {
    const frr = fakeFrr();
    frr.fails = { reason: "no-shell", message: "" };
    assert.deepEqual(await removeFromFrr(frr, 0), { ok: true, lines: 0 });
    frr.fails = { reason: "no-answer", message: "" };
    assert.equal((await removeFromFrr(frr, 0)).ok, false);
  });
});
