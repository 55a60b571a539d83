/** BFD with BIRD 2, which also authenticates. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { AUTHENTICATION_TYPES } from "#core/bfd/authentication";
import { AT, type BfdBed, inBfdBed, oneHop, type Station, severalHops, until } from "./bfd-bed.ts";
import { type Bird, startBird } from "./bfd-bird.ts";

const NEIGHBOUR = `neighbor ${AT.e1.IPv4} dev "eth0" local ${AT.e2.IPv4};`;
const TIMES = "min rx interval 250 ms; min tx interval 100 ms; idle tx interval 1 s; multiplier 4;";
const INTERFACE = `interface "eth0" { ${TIMES} };`;

const settled = async (station: Station): Promise<void> => {
  await until(
    () => station.state(),
    ({ name, poll, detection }) => name === "up" && poll === "none" && detection < 3_000,
  );
};

const bothUp = async (bed: BfdBed): Promise<{ readonly station: Station; readonly bird: Bird }> => {
  const bird = await startBird(bed, "e2", INTERFACE, NEIGHBOUR);
  const station = await bed.station(await oneHop(bed));
  await station.event("up");
  await bird.is("Up");
  await settled(station);
  return { station, bird };
};

describe("BFD with BIRD", () => {
  it("comes up and agrees on intervals and detection times", (context) =>
    inBfdBed(context, async (bed) => {
      const { station, bird } = await bothUp(bed);
      assert.deepEqual(await station.state(), { name: "up", poll: "none", transmit: 250, detection: 800 });
      // It misses us after 3 of the 250 ms at which we send.
      const wanted = { state: "Up", interval: 200, timeout: 750 };
      assert.deepEqual(await until(bird.session, (found) => found?.timeout === 750), wanted);
    }));

  it("misses BIRD when it is killed, and comes up with the next one", (context) =>
    inBfdBed(context, async (bed) => {
      const { station, bird } = await bothUp(bed);
      await bird.program.signal("SIGKILL");
      const event = await station.event("down", 3_000);
      assert.equal(event.type === "down" && event.reason, "detection-time-expired");
      await startBird(bed, "e2", INTERFACE, NEIGHBOUR);
      await station.event("up");
    }));

  it("is missed when it is killed or frozen, and comes up again", (context) =>
    inBfdBed(context, async (bed) => {
      const { station, bird } = await bothUp(bed);
      await station.program.signal("SIGSTOP");
      await bird.is("Down", 4_000);
      await station.program.signal("SIGCONT");
      await station.event("down");
      await station.event("up");
      await station.program.signal("SIGKILL");
      await bird.is("Down", 4_000);
      const next = await bed.station(await oneHop(bed));
      await next.event("up");
      await bird.is("Up");
    }));

  it("misses it when its session is taken out of the configuration, and comes back with it", (context) =>
    inBfdBed(context, async (bed) => {
      const { station, bird } = await bothUp(bed);
      await bird.configure(INTERFACE);
      // BIRD 2.0 falls silent without a word of leaving.
      const event = await station.event("down", 4_000);
      assert.equal(event.type === "down" && event.reason, "detection-time-expired");
      await bird.configure(INTERFACE, NEIGHBOUR);
      await station.event("up");
    }));

  it("leaves so that BIRD is down without having missed it, and comes back", (context) =>
    inBfdBed(context, async (bed) => {
      const { station, bird } = await bothUp(bed);
      await station.order("leave peer");
      await bird.is("Down", 3_000);
      await station.order("return peer");
      await bird.is("Up");
      await station.event("down");
      await station.event("up");
      const told = (await bed.packets(`src ${AT.e2.IPv4}`)).filter((text) => text.includes("State Down"));
      assert.ok(told.some((text) => text.includes("Neighbor Signaled Session Down")));
      assert.ok(!told.some((text) => text.includes("Control Detection Time Expired")));
    }));

  it("changes times on either side while both stay up", (context) =>
    inBfdBed(context, async (bed) => {
      const { station, bird } = await bothUp(bed);
      await station.order('configure peer {"transmit":600,"receive":500}');
      await until(bird.session, (found) => found?.interval === 500 && found.timeout === 1_800);
      await until(
        () => station.state(),
        ({ transmit, detection }) => transmit === 600 && detection === 2_000,
      );
      await station.order('configure peer {"transmit":120,"receive":120}');
      await bird.configure(
        'interface "eth0" { min rx interval 100 ms; min tx interval 140 ms; multiplier 3; };',
        NEIGHBOUR,
      );
      await until(
        () => station.state(),
        ({ transmit, detection, poll }) => transmit === 120 && detection === 420 && poll === "none",
      );
      await pause(1_000);
      await bird.is("Up");
      assert.deepEqual(station.story(), ["up"]);
    }));

  for (const kind of ["IPv6", "link-local"] as const) {
    it(`comes up over ${kind}, and each side misses the other`, (context) =>
      inBfdBed(context, async (bed) => {
        const neighbour = `neighbor ${AT.e1[kind]} dev "eth0" local ${AT.e2[kind]};`;
        const bird = await startBird(bed, "e2", INTERFACE, neighbour);
        const station = await bed.station(await oneHop(bed, { kind }));
        await station.event("up");
        await bird.is("Up");
        await station.program.signal("SIGSTOP");
        await bird.is("Down", 4_000);
        await station.program.signal("SIGCONT");
        await station.event("down");
        await station.event("up");
        await bird.program.signal("SIGSTOP");
        await station.event("down", 4_000);
      }));
  }

  for (const family of ["IPv4", "IPv6"] as const) {
    it(`comes up over several hops of ${family}, and not if there are more than allowed`, (context) =>
      inBfdBed(context, async (bed) => {
        const neighbour = `neighbor ${AT.e1[family]} local ${AT.cl[family]} multihop;`;
        const bird = await startBird(bed, "cl", `multihop { ${TIMES} };`, neighbour);
        // BIRD sends with the system's default of 64 hops, and a router took one.
        const strict = await bed.station(severalHops(family, 64));
        const { reason } = await strict.next(({ type }) => type === "drop", "that it dropped a packet");
        assert.equal(reason, "hop-limit");
        await strict.program.stop();
        const station = await bed.station(severalHops(family, 63));
        await station.event("up");
        await bird.is("Up");
        await bird.program.signal("SIGKILL");
        await station.event("down", 4_000);
      }));
  }

  for (const type of AUTHENTICATION_TYPES) {
    const words = type === "simple-password" ? "simple" : type.replaceAll("-", " ");
    const secured = (secret: string, id: number): string =>
      `interface "eth0" { ${TIMES} authentication ${words}; password "${secret}" { id ${id}; }; };`;

    it(`comes up with ${type}, stays up, and refuses another secret, another key and none`, (context) =>
      inBfdBed(context, async (bed) => {
        const bird = await startBird(bed, "e2", secured("a secret", 7), NEIGHBOUR);
        const authentication = { type, id: 7, secret: "a secret" };
        const station = await bed.station(await oneHop(bed, { authentication }));
        await station.event("up");
        await bird.is("Up");
        await settled(station);
        await pause(2_000);
        assert.deepEqual(station.story(), ["up"]);
        for (const [line, reason] of [
          [secured("another", 7), "authentication-digest"],
          [secured("a secret", 8), "authentication-key"],
          [INTERFACE, "authentication-missing"],
        ] as const) {
          await bird.configure(line, NEIGHBOUR);
          await station.next((each) => each.reason === reason, reason, 15_000);
          await until(
            () => station.state(),
            ({ name }) => name === "down",
          );
        }
        await bird.configure(secured("a secret", 7), NEIGHBOUR);
        await until(
          () => station.state(),
          ({ name }) => name === "up",
          15_000,
        );
      }));
  }

  it("refuses authentication that it was not told of", (context) =>
    inBfdBed(context, async (bed) => {
      const secured = `interface "eth0" { authentication keyed sha1; password "a secret"; };`;
      const bird = await startBird(bed, "e2", secured, NEIGHBOUR);
      const station = await bed.station(await oneHop(bed));
      await station.next((line) => line.reason === "authentication-unexpected", "that it refused");
      await bird.is("Down");
    }));
});
