import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { recordHoldings } from "#lab/holdings";
import { openLab, standardTopology, steelyardCommand } from "#lab/index";
import type { Lab } from "#lab/lab";
import { startDownloads, startServers } from "#lab/probe/start";
import { patientClient } from "#test/kernel/patient-client";

const VIP = "10.2.0.100";
/** Moves with it; in mode `nat` the nodes answer through it. */
const GATEWAY = "10.2.0.101";
const PEER = { e1: "10.2.0.12", e2: "10.2.0.11" } as const;
const OWN = { e1: "10.2.0.11", e2: "10.2.0.12" } as const;
type Edge = keyof typeof OWN;
type Mode = "masquerade" | "nat";

/** Round robin, so that only what is synchronised tells where a connection belongs. */
const configOf = (edge: Edge, mode: Mode): string => `
apiVersion: steelyard.dev/v1alpha1
kind: VirtualRouter
metadata: {name: front}
spec:
  interface: eth0
  vrid: 51
  priority: ${edge === "e1" ? 150 : 100}
  advertisementInterval: 100ms
  addresses: [${VIP}/24, ${GATEWAY}/24]
---
apiVersion: steelyard.dev/v1alpha1
kind: VirtualServer
metadata: {name: web}
spec:
  address: ${VIP}
  port: 80
  mode: ${mode}
  scheduler: round-robin
  backends: [{address: 10.2.0.21}, {address: 10.2.0.22}, {address: 10.2.0.23}]
---
apiVersion: steelyard.dev/v1alpha1
kind: ConnectionSync
metadata: {name: state}
spec: {interface: eth0, address: ${OWN[edge]}, peer: ${PEER[edge]}}
`;

const start = async (lab: Lab, edge: Edge, mode: Mode = "masquerade") => {
  const config = await lab.write(`${edge}.yaml`, configOf(edge, mode));
  return await lab.host(edge).spawn(steelyardCommand("edge", "--config", config), {
    log: `/run/lab/logs/${edge}.log`,
  });
};

const syncState = async (lab: Lab, edge: Edge): Promise<{ state: string; detail: string } | undefined> => {
  const { stdout } = await lab.host(edge).run(steelyardCommand("status", "--json"));
  try {
    return JSON.parse(stdout).connectionSync;
  } catch {
    return undefined;
  }
};

const reach = async (lab: Lab, edge: Edge, wanted: string, withinMs = 15_000): Promise<string> => {
  const limit = performance.now() + withinMs;
  for (;;) {
    const seen = await syncState(lab, edge);
    if (seen?.state === wanted) return seen.detail;
    if (performance.now() > limit) {
      const log = await lab.read(`/run/lab/logs/${edge}.log`);
      assert.fail(`${edge} is ${seen?.state} (${seen?.detail}), not ${wanted}:\n${log.slice(-2_000)}`);
    }
    await pause(100);
  }
};

const daemonPid = async (lab: Lab, edge: Edge): Promise<string> =>
  (await lab.host(edge).read("/run/steelyard/conntrackd.pid")).trim();

/** In mode `nat` the client is behind a router: nodes would answer a neighbour directly. */
const inPair = async (mode: Mode, test: (lab: Lab) => Promise<void>): Promise<void> => {
  const lab = await openLab(standardTopology({ client: mode === "nat" ? "routed" : "lan" }));
  try {
    if (mode === "nat") {
      for (const node of ["n1", "n2", "n3"])
        await lab.host(node).expect(["ip", "route", "replace", "default", "via", GATEWAY]);
    }
    for (const node of ["n1", "n2", "n3"]) await startServers(lab.host(node));
    await test(lab);
  } finally {
    await lab.close();
  }
};

describe("connections kept in sync by conntrackd", () => {
  for (const mode of ["masquerade", "nat"] as const) {
    it(`survive takeovers in ${mode} with round robin, there and back`, async () => {
      await inPair(mode, async (lab) => {
        const holdings = await recordHoldings(lab);
        await start(lab, "e1", mode);
        await start(lab, "e2", mode);
        await holdings.settle(VIP, ["e1"], 15_000);
        await reach(lab, "e1", "in-sync");
        await reach(lab, "e2", "in-sync");
        const downloads = await startDownloads(lab.host("cl"), {
          ...{ url: `http://${VIP}:80`, streams: 20, duration: 14, bytes: 400_000 },
        });
        // A backend that sends is known by that in mode nat; where the client speaks first only the other edge's table helps.
        const client = patientClient({ address: VIP, sockets: 20, millis: 14_000 });
        const patient = lab.host("cl").expect(client);
        await pause(1_000);
        await lab.fault("silence e1");
        // Cut off, and with nothing to tell it so, e1 goes on holding the address for nobody.
        await holdings.settle(VIP, ["e1", "e2"]);
        await reach(lab, "e2", "peer-silent");
        await lab.fault("restore e1");
        await holdings.settle(VIP, ["e1"]);
        const { downloads: ended } = await downloads.finish();
        assert.deepEqual(
          ended.filter(({ whole }) => !whole).map(({ backend, bytes, error }) => ({ backend, bytes, error })),
          [],
        );
        assert.equal(new Set(ended.map(({ backend }) => backend)).size, 3);
        const { answers, errors } = JSON.parse(await patient);
        assert.deepEqual(errors, []);
        assert.ok(answers > 20 * 20, `${answers} answers`);
        await reach(lab, "e2", "in-sync");
      });
    });
  }

  it("need a daemon that is started again when it dies, and leave none behind", async () => {
    await inPair("masquerade", async (lab) => {
      const edge = await start(lab, "e1");
      await reach(lab, "e1", "peer-silent");
      const first = await daemonPid(lab, "e1");
      await lab.host("e1").expect(["kill", "-KILL", first]);
      await reach(lab, "e1", "peer-silent", 20_000);
      const second = await daemonPid(lab, "e1");
      assert.notEqual(second, first);
      // Killed itself, the edge leaves its daemon to the next run.
      await lab.host("e1").expect(["kill", "-KILL", String(edge.pid)]);
      await pause(500);
      await lab.host("e1").expect(["kill", "-0", second]);
      const again = await start(lab, "e1");
      await reach(lab, "e1", "peer-silent", 20_000);
      assert.notEqual((await lab.host("e1").run(["kill", "-0", second])).code, 0);
      const third = await daemonPid(lab, "e1");
      await again.stop();
      assert.notEqual((await lab.host("e1").run(["kill", "-0", third])).code, 0);
      const { stdout } = await lab.host("e1").run(["sh", "-c", "ls /run/steelyard"]);
      assert.doesNotMatch(stdout, /conntrackd/);
    });
  });
});
