/** The balance engine's contract against a kernel with IPVS, and what others see of it. Runs inside user-mode Linux. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { VirtualServer } from "#core/balance/model";
import { onePort } from "#core/balance/ports";
import { balanceEngineContract } from "#drivers/balance/contract";
import type { BalanceEngine } from "#drivers/balance/port";
import { address, VIRTUAL } from "#test/kernel/balance-bed";
import { Edge } from "#test/kernel/balance-edge";
import { Station } from "./station.ts";

balanceEngineContract("IPVS", () => {
  const station = new Station();
  return {
    open: () => station.openIpvs(),
    flush: () => station.inside("ipvsadm -C"),
    device: "eth0",
    otherMode: "nat",
    close: () => station.close(),
  };
});

const SERVER: VirtualServer = {
  name: "web",
  address: address(VIRTUAL.IPv4),
  protocol: "tcp",
  ports: onePort(80),
  mode: "dsr",
  scheduler: { type: "consistent-hash", tableSize: 1021 },
  backends: [1, 2].map((host) => ({ name: `w${host}`, address: address(`10.2.0.2${host}`), weight: host })),
};

describe("what the engine makes, as ipvsadm sees it", () => {
  let station: Station;
  let engine: BalanceEngine;
  let edge: Edge;
  const rules = (): readonly string[] =>
    station
      .inside("ipvsadm -S -n")
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "");

  beforeEach(() => {
    station = new Station();
    engine = station.openIpvs();
    edge = new Edge(engine);
  });
  afterEach(() => station.close());

  it("is what an operator would have typed", async () => {
    await edge.run([SERVER], { "web/w2": "draining" });
    assert.deepEqual(rules(), [
      `-A -t ${VIRTUAL.IPv4}:80 -s mh -b mh-fallback,mh-port`,
      `-a -t ${VIRTUAL.IPv4}:80 -r 10.2.0.21:80 -g -w 1`,
      `-a -t ${VIRTUAL.IPv4}:80 -r 10.2.0.22:80 -g -w 0`,
    ]);
  });

  it("leaves what others made as it is, to the end", async () => {
    station.inside(
      `ipvsadm -A -t ${VIRTUAL.IPv4}:80 -s rr; ipvsadm -A -f 7 -s wlc; ipvsadm -A -t 10.2.0.99:1 -s rr`,
    );
    const theirs = rules();
    assert.equal(await engine.available(), undefined);
    const other = { ...SERVER, name: "api", ports: onePort(81) };
    await edge.run([SERVER, other]);
    const [api, web] = edge.plan?.servers ?? [];
    assert.ok(web && api);
    assert.match(engine.refuses(web) ?? "", /another program/);
    assert.equal(engine.refuses(api), undefined);
    assert.equal(rules().length, theirs.length + 3);
    assert.deepEqual(await engine.remove(), { ok: true });
    assert.deepEqual([...rules()].sort(), [...theirs].sort());
  });

  it("is repaired when somebody changes it, and said to be", async () => {
    await edge.run([SERVER]);
    const whole = [...rules()].sort();
    for (const change of [
      `ipvsadm -d -t ${VIRTUAL.IPv4}:80 -r 10.2.0.21:80`,
      `ipvsadm -a -t ${VIRTUAL.IPv4}:80 -r 10.2.0.29:80 -g`,
      `ipvsadm -e -t ${VIRTUAL.IPv4}:80 -r 10.2.0.21:80 -g -w 9`,
      `ipvsadm -E -t ${VIRTUAL.IPv4}:80 -s rr`,
      `ipvsadm -D -t ${VIRTUAL.IPv4}:80`,
    ]) {
      station.inside(change);
      const applied = await edge.run([SERVER]);
      assert.equal(applied.repaired, true, change);
      assert.deepEqual([...rules()].sort(), whole, change);
      assert.deepEqual((await edge.run([SERVER])).how, "unchanged");
    }
  });

  it("runs the sync daemon and takes it away", async () => {
    await engine.close();
    engine = station.openIpvs({ interface: "eth0", id: 7 });
    edge = new Edge(engine);
    await edge.run([SERVER]);
    const daemons = station.inside("ipvsadm -L --daemon");
    assert.match(daemons, /master sync daemon \(mcast=eth0, syncid=7/);
    assert.match(daemons, /backup sync daemon \(mcast=eth0, syncid=7/);
    assert.deepEqual(await engine.remove(), { ok: true });
    assert.doesNotMatch(station.inside("ipvsadm -L --daemon"), /sync daemon/);
  });
});
