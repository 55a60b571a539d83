/** Clients that stay on their backend while the address moves between two edges, there and back. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { ForwardingMode } from "#core/balance/model";
import { recordHoldings } from "#lab/holdings";
import { openLab, standardTopology, steelyardCommand } from "#lab/index";
import type { Lab } from "#lab/lab";
import { startServers } from "#lab/probe/start";
import { address } from "#testing/values";

const VIP = "10.2.0.100";
/** Moves with it; in mode `nat` the nodes answer through it. */
const GATEWAY = "10.2.0.101";
const OWN = { e1: "10.2.0.11", e2: "10.2.0.12" } as const;
type Edge = keyof typeof OWN;
const CLIENTS = 500;
/** Of these clients may move: who was pinned in the second before. */
const MOST_MOVED = CLIENTS / 100;

/** The pause gives an edge that has just started the time to be told the pins before it takes over. */
const configOf = (edge: Edge, mode: ForwardingMode): string => `
apiVersion: steelyard.dev/v1alpha1
kind: VirtualRouter
metadata: {name: front}
spec:
  interface: eth0
  vrid: 51
  priority: ${edge === "e1" ? 150 : 100}
  advertisementInterval: 100ms
  preemptDelay: 4s
  addresses: [${VIP}/24, ${GATEWAY}/24]
---
apiVersion: steelyard.dev/v1alpha1
kind: VirtualServer
metadata: {name: web}
spec:
  address: ${VIP}
  port: 80
  mode: ${mode}
  persistence: {timeout: 10m}
  health: {tcp: {}, interval: 300ms, timeout: 200ms, rise: 1, fall: 1}
  backends: [{address: 10.2.0.21}, {address: 10.2.0.22}, {address: 10.2.0.23}]
---
apiVersion: steelyard.dev/v1alpha1
kind: ConnectionSync
metadata: {name: state}
spec:
  interface: eth0
  address: ${OWN[edge]}
  peer: ${edge === "e1" ? OWN.e2 : OWN.e1}
  pinSecretFile: ${secretFile(edge)}
`;

/** The file's path; the labs' hosts share the folder, so each edge has a file of its own. */
const secretFile = (edge: Edge): string => `/run/lab/pins-${edge}.secret`;

/** As an operator does it. */
const giveSecret = async (lab: Lab, edge: Edge, secret: string): Promise<void> => {
  const command = ["sh", "-c", `umask 077; cat >${secretFile(edge)}`];
  await lab.host(edge).expect(command, { input: `${secret}\n` });
};

const start = async (lab: Lab, edge: Edge, mode: ForwardingMode) => {
  const config = await lab.write(`${edge}.yaml`, configOf(edge, mode));
  return await lab.host(edge).spawn(steelyardCommand("edge", "--config", config), {
    log: `/run/lab/logs/${edge}.log`,
  });
};

/** Asks once from each of the client's addresses; prints a backend, or what went wrong, for each. */
const ASK = `
const http = require("node:http");
const ask = (index) => new Promise((resolve) => {
  const localAddress = "10.77." + (index >> 8) + "." + (index & 255);
  const request = http.get({ host: "${VIP}", port: 80, localAddress, agent: false, timeout: 3000 }, (response) => {
    response.resume();
    response.on("end", () => resolve(response.headers["x-backend"]));
  });
  request.on("timeout", () => request.destroy(new Error("timeout")));
  request.on("error", (error) => resolve(error.message));
});
const answers = [];
let next = 0;
const work = async () => {
  while (next < ${CLIENTS}) {
    const index = next++;
    answers[index] = await ask(index);
  }
};
Promise.all(Array.from({ length: 10 }, work)).then(() => console.log(JSON.stringify(answers)));
`;

const ask = async (lab: Lab): Promise<readonly string[]> => {
  const answers: readonly string[] = JSON.parse(await lab.host("cl").expect(["node", "-e", ASK]));
  assert.deepEqual(
    answers.filter((answer) => !/^n[123]$/.test(answer)),
    [],
  );
  return answers;
};

const moved = (before: readonly string[], now: readonly string[]): number =>
  before.filter((backend, index) => now[index] !== backend).length;

const giveAddresses = async (lab: Lab, mode: ForwardingMode): Promise<void> => {
  const lines = Array.from(
    { length: CLIENTS },
    (_, index) => `addr add 10.77.${index >> 8}.${index & 255}/32 dev eth0`,
  );
  await lab.host("cl").expect(["ip", "-batch", "-"], { input: `${lines.join("\n")}\n` });
  const own = (await lab.host("cl").expect(["ip", "-4", "-o", "addr", "show", "dev", "eth0"])).match(
    /inet (10\.2\.0\.\d+)/,
  );
  assert.ok(own?.[1]);
  for (const host of ["e1", "e2", "n1", "n2", "n3"]) {
    const via = mode === "nat" && host.startsWith("n") ? GATEWAY : own[1];
    await lab.host(host).expect(["ip", "route", "add", "10.77.0.0/16", "via", via]);
  }
};

const pinsOn = async (lab: Lab, edge: Edge, mode: ForwardingMode): Promise<number> => {
  const table = [mode === "dsr" ? "netdev" : "inet", "steelyard"];
  const { stdout } = await lab.host(edge).run(["nft", "-j", "list", "map", ...table, "pins/web/4"]);
  return stdout.match(/"expires"/g)?.length ?? 0;
};

const reach = async (what: string, isSo: () => Promise<boolean>, withinMs = 15_000): Promise<void> => {
  const limit = performance.now() + withinMs;
  while (!(await isSo())) {
    assert.ok(performance.now() < limit, what);
    await pause(100);
  }
};

describe("clients that are kept on a backend", () => {
  for (const mode of ["masquerade", "nat", "dsr"] as const)
    it(`stay there when the other edge takes over, and when the first one is back: ${mode}`, () =>
      tryIn(mode));

  const tryIn = async (mode: ForwardingMode): Promise<void> => {
    const directReturn = mode === "dsr" ? [address(VIP)] : [];
    const lab = await openLab(standardTopology({ client: "lan", directReturn }));
    try {
      const servers = new Map(
        await Promise.all(
          ["n1", "n2", "n3"].map(async (node) => [node, await startServers(lab.host(node))] as const),
        ),
      );
      await giveAddresses(lab, mode);
      for (const edge of ["e1", "e2"] as const) await giveSecret(lab, edge, "b7ffdbc3a5c5f54eaafd0f4a");
      const holdings = await recordHoldings(lab);
      const first = await start(lab, "e1", mode);
      await start(lab, "e2", mode);
      await holdings.settle(VIP, ["e1"], 15_000);
      // While a backend is out its share of the hash is pinned elsewhere, and stays there when it is back.
      await servers.get("n1")?.stop();
      await pause(1_500);
      const before = await ask(lab);
      assert.equal(before.includes("n1"), false);
      await startServers(lab.host("n1"));
      await pause(1_500);
      assert.equal(moved(before, await ask(lab)), 0);
      await reach("the standby knows the clients", async () => (await pinsOn(lab, "e2", mode)) === CLIENTS);
      for (const edge of ["e1", "e2"] as const) {
        assert.doesNotMatch(await lab.read(`/run/lab/logs/${edge}.log`), /pin sync|b7ffdbc3/);
      }
      await first.stop();
      await holdings.settle(VIP, ["e2"], 15_000);
      const there = moved(before, await ask(lab));
      await start(lab, "e1", mode);
      await holdings.settle(VIP, ["e1"], 15_000);
      const back = moved(before, await ask(lab));
      console.log(`of ${CLIENTS} clients moved: ${there} with the takeover, ${back} on the way back`);
      assert.ok(there <= MOST_MOVED && back <= MOST_MOVED, `${there} and ${back} moved`);
      await giveSecret(lab, "e1", "another secret of e1");
      await reach(
        "e1 says that the secrets differ",
        async () =>
          /other-secret \(10\.2\.0\.12 has another secret/.test(await lab.read("/run/lab/logs/e1.log")),
        30_000,
      );
    } finally {
      await lab.close();
    }
  };
});
