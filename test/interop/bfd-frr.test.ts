/** BFD with FRR's bfdd. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { AT, type BfdBed, inBfdBed, oneHop, type Station, severalHops, until } from "./bfd-bed.ts";
import { type Frr, frrPeer, startFrr } from "./bfd-frr.ts";

const PEER = frrPeer(AT.e1.IPv4, AT.e2.IPv4);
const TIMES = ["receive-interval 250", "transmit-interval 100", "detect-multiplier 4"];

/** Both are up, and both have agreed on their times. */
const settled = async (station: Station): Promise<void> => {
  await until(
    () => station.state(),
    ({ name, poll, detection }) => name === "up" && poll === "none" && detection < 3_000,
  );
};

const bothUp = async (bed: BfdBed): Promise<{ readonly station: Station; readonly frr: Frr }> => {
  const frr = await startFrr(bed, "e2", PEER, ...TIMES);
  const station = await bed.station(await oneHop(bed));
  await station.event("up");
  await frr.is("up");
  await settled(station);
  return { station, frr };
};

describe("BFD with FRR", () => {
  it("comes up and agrees on intervals and detection times", (context) =>
    inBfdBed(context, async (bed) => {
      const { station, frr } = await bothUp(bed);
      // We send every max(200, 250), they every max(100, 200); silence lasts 4 of theirs.
      assert.deepEqual(await station.state(), { name: "up", poll: "none", transmit: 250, detection: 800 });
      const { diagnostic, ...peer } = await until(
        () => frr.peer(),
        (answer) => answer["remote-transmit-interval"] === 200,
      );
      assert.equal(diagnostic, "ok");
      assert.equal(peer["remote-receive-interval"], 200);
      assert.equal(peer["remote-detect-multiplier"], 3);
      for (const packet of await bed.packets()) assert.match(packet, /ttl 255/);
    }));

  it("misses bfdd when it is killed, and comes up with the next one", (context) =>
    inBfdBed(context, async (bed) => {
      const { station, frr } = await bothUp(bed);
      await frr.program().signal("SIGKILL");
      const event = await station.event("down", 3_000);
      assert.equal(event.type === "down" && event.reason, "detection-time-expired");
      await frr.restart();
      await station.event("up");
      await frr.is("up");
    }));

  it("is missed when it is killed, and comes up when it is started anew", (context) =>
    inBfdBed(context, async (bed) => {
      const { station, frr } = await bothUp(bed);
      await station.program.signal("SIGKILL");
      const { diagnostic } = await frr.is("down", 3_000);
      assert.equal(diagnostic, "control detection time expired");
      const next = await bed.station(await oneHop(bed));
      await next.event("up");
      await frr.is("up");
    }));

  it("restarts so quickly that bfdd has not missed it, and both are up again", (context) =>
    inBfdBed(context, async (bed) => {
      const { station, frr } = await bothUp(bed);
      await station.program.signal("SIGKILL");
      const next = await bed.station(await oneHop(bed));
      await next.event("up");
      await frr.is("up");
      await settled(next);
    }));

  it("sees a shutdown of theirs as leaving, not as a failure, and comes back", (context) =>
    inBfdBed(context, async (bed) => {
      const { station, frr } = await bothUp(bed);
      await frr.configure(PEER, "shutdown");
      // FRR 8.4 gives no diagnostic with AdminDown.
      await station.event("leaving", 3_000);
      await frr.configure(PEER, "no shutdown");
      await station.event("up");
      await frr.is("up");
      assert.deepEqual(station.story(), ["up", "leaving", "up"]);
    }));

  it("leaves so that they know it is on purpose, and comes back", (context) =>
    inBfdBed(context, async (bed) => {
      const { station, frr } = await bothUp(bed);
      await station.order("leave peer");
      const peer = await frr.is("down", 3_000);
      assert.equal(peer.diagnostic, "neighbor signaled session down");
      assert.equal(peer["remote-diagnostic"], "administratively down");
      await station.order("return peer");
      await frr.is("up");
      assert.deepEqual(station.story(), ["up", "down because leave", "up"]);
    }));

  it("changes times on either side while both stay up", (context) =>
    inBfdBed(context, async (bed) => {
      const { station, frr } = await bothUp(bed);
      await station.order('configure peer {"transmit":600,"receive":500}');
      await until(
        () => frr.peer(),
        (peer) => peer["remote-transmit-interval"] === 600 && peer["remote-receive-interval"] === 500,
      );
      await until(
        () => station.state(),
        ({ transmit, detection }) => transmit === 600 && detection === 2_000,
      );
      await station.order('configure peer {"transmit":120,"receive":120}');
      await frr.configure(PEER, "receive-interval 100", "transmit-interval 140", "detect-multiplier 3");
      await until(
        () => station.state(),
        ({ transmit, detection, poll }) => transmit === 120 && detection === 420 && poll === "none",
      );
      await pause(1_000);
      assert.equal((await frr.peer()).status, "up");
      assert.deepEqual(station.story(), ["up"]);
    }));

  it("comes up whichever side is passive", (context) =>
    inBfdBed(context, async (bed) => {
      const frr = await startFrr(bed, "e2", PEER, ...TIMES, "passive-mode");
      const active = await bed.station(await oneHop(bed));
      await active.event("up");
      await frr.is("up");
      await active.program.stop();
      await frr.is("down");
      await frr.configure(PEER, "no passive-mode");
      const passive = await bed.station(await oneHop(bed, { passive: true }));
      await passive.event("up");
      await frr.is("up");
    }));

  it("is sent no echo packets, which it says it does not take", (context) =>
    inBfdBed(context, async (bed) => {
      const frr = await startFrr(bed, "e2", PEER, ...TIMES, "echo-mode", "echo transmit-interval 50");
      const station = await bed.station(await oneHop(bed));
      await station.event("up");
      await frr.is("up");
      await pause(1_500);
      assert.deepEqual(await bed.packets("udp port 3785"), []);
      assert.deepEqual(station.story(), ["up"]);
    }));

  for (const kind of ["IPv6", "link-local"] as const) {
    it(`comes up over ${kind}, and each side misses the other`, (context) =>
      inBfdBed(context, async (bed) => {
        const peer = frrPeer(AT.e1[kind], AT.e2[kind]);
        const frr = await startFrr(bed, "e2", peer, ...TIMES);
        const station = await bed.station(await oneHop(bed, { kind }));
        await station.event("up");
        await frr.is("up");
        await station.program.signal("SIGSTOP");
        await frr.is("down", 4_000);
        await station.program.signal("SIGCONT");
        await station.event("down");
        await station.event("up");
        await frr.program().signal("SIGSTOP");
        const event = await station.event("down", 4_000);
        assert.equal(event.type === "down" && event.reason, "detection-time-expired");
        await frr.program().signal("SIGCONT");
        await station.event("up");
      }));
  }

  for (const family of ["IPv4", "IPv6"] as const) {
    it(`comes up over several hops of ${family}, and not if there are more than allowed`, (context) =>
      inBfdBed(context, async (bed) => {
        const peer = `peer ${AT.e1[family]} multihop local-address ${AT.cl[family]}`;
        const frr = await startFrr(bed, "cl", peer, ...TIMES, "minimum-ttl 254");
        const strict = await bed.station(severalHops(family, 255));
        const { reason } = await strict.next(({ type }) => type === "drop", "that it dropped a packet");
        assert.equal(reason, "hop-limit");
        await strict.program.stop();
        const station = await bed.station(severalHops(family, 254));
        await station.event("up");
        await frr.is("up");
        await frr.program().signal("SIGKILL");
        await station.event("down", 4_000);
      }));
  }
});
