/** Each mode, scheduler, family and protocol with real traffic through this kernel. Needs root. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { familyOf } from "#base/address";
import { instant } from "#base/time";
import { chooseBackend } from "#core/balance/choice";
import type { ForwardingMode, Protocol, Scheduler, VirtualServer } from "#core/balance/model";
import { planForwarding } from "#core/balance/plan";
import type { ForwardingPlan, ServerPlan } from "#core/balance/plan-model";
import { onePort } from "#core/balance/ports";
import { ownersOf } from "#core/balance/slots";
import type { BalanceEngine } from "#drivers/balance/port";
import { address, Bed, type Client, VIRTUAL } from "./balance-bed.ts";

const SCHEDULERS: readonly Scheduler[] = [
  { type: "consistent-hash", tableSize: 1021 },
  { type: "source-hash", tableSize: 1021 },
  { type: "round-robin" },
  { type: "weighted" },
  { type: "least-connections" },
];
/** In this order: `nat` wants another route on the workers, and has its turn last. */
const MODES: readonly ForwardingMode[] = ["masquerade", "dsr", "nat"];
const PORT_OF_MODE: Readonly<Record<ForwardingMode, number>> = { masquerade: 8000, dsr: 8010, nat: 8020 };
/** `dsr` keeps no count of connections. */
const isCarried = (mode: ForwardingMode, { type }: Scheduler): boolean =>
  mode !== "dsr" || type !== "least-connections";
const PROTOCOLS: readonly Protocol[] = ["tcp", "udp"];
const FAMILIES = ["IPv4", "IPv6"] as const;
const CLIENT = { IPv4: "10.1.0.2", IPv6: "fd01::2" } as const;
const WEIGHTS = [5, 2, 1];
const FLOWS = 160;

type Case = { readonly server: VirtualServer; readonly title: string };

const CASES: readonly Case[] = MODES.flatMap((mode) =>
  FAMILIES.flatMap((family) =>
    PROTOCOLS.flatMap((protocol) =>
      SCHEDULERS.filter((scheduler) => isCarried(mode, scheduler)).map((scheduler, index) => {
        const port = PORT_OF_MODE[mode] + index;
        const host = (number: number): string =>
          family === "IPv4" ? `10.2.0.2${number}` : `fd02::2${number}`;
        return {
          title: `${mode}, ${scheduler.type}, ${family}, ${protocol}`,
          server: {
            name: `${mode}-${scheduler.type}-${family}-${protocol}`,
            address: address(VIRTUAL[family]),
            protocol,
            ports: onePort(port),
            mode,
            scheduler,
            backends: [1, 2, 3].map((number) => ({
              name: `w${number}`,
              address: address(host(number)),
              port: mode === "dsr" ? port : port + 100,
              weight: scheduler.type === "weighted" ? (WEIGHTS[number - 1] ?? 1) : 1,
            })),
          },
        };
      }),
    ),
  ),
);

/** The share of each backend in the slots. */
const shares = (server: ServerPlan): Readonly<Record<string, number>> =>
  Object.fromEntries(
    server.backends.map(({ name, id }) => [
      name,
      ownersOf(server).filter((owner) => owner === id).length / server.slots.length,
    ]),
  );

/** Pearson's statistic of what was counted against the expected shares. */
const chiSquare = (
  counts: Readonly<Record<string, number>>,
  expected: Readonly<Record<string, number>>,
): number =>
  Object.entries(expected).reduce(
    (sum, [name, share]) => sum + ((counts[name] ?? 0) - share * FLOWS) ** 2 / (share * FLOWS),
    0,
  );

/** A fair spread over three backends exceeds this once in 100,000 runs. */
const CHI_SQUARE_LIMIT = 23.03;

describe("forwarding of real traffic", () => {
  let bed: Bed;
  let client: Client;
  let plan: ForwardingPlan;
  let engine: BalanceEngine;

  /** What it says to have sent where is what has arrived there. */
  const assertCounted = ({ name, mode }: VirtualServer, met: Readonly<Record<string, number>>): void => {
    const told = engine.counts?.() ?? {};
    if (mode !== "dsr") {
      assert.equal(told[`nftables-connections ${name}`], FLOWS);
      return;
    }
    for (const backend of ["w1", "w2", "w3"]) {
      const packets = told[`nftables-packets ${name} ${backend}`] ?? 0;
      const flows = met[backend] ?? 0;
      assert.ok(
        flows === 0 ? packets === 0 : packets >= flows,
        `${backend}: ${packets} packets, ${flows} flows`,
      );
      assert.ok((told[`nftables-bytes ${name} ${backend}`] ?? 0) >= 28 * packets);
    }
  };

  before(async () => {
    bed = new Bed();
    await bed.startWorkers([
      ...new Set(CASES.flatMap(({ server }) => server.backends.map(({ port = 0 }) => port))),
    ]);
    bed.giveAddressesTo("e1");
    client = bed.startClient();
    engine = bed.openEngine("e1");
    assert.equal(await engine.available(), undefined);
    plan = planForwarding({
      servers: CASES.map(({ server }) => server),
      availability: () => "available",
      links: { ingress: () => ["eth0"], egress: () => "eth0" },
      previous: undefined,
      now: instant(0),
    });
    const applied = await engine.apply(plan);
    assert.ok(applied.ok, JSON.stringify(applied));
  });
  after(() => bed.close());

  for (const { server, title } of CASES) {
    it(`spreads new flows as the scheduler says: ${title}`, async () => {
      bed.routeWorkers(server.mode === "nat" ? "edge" : "router");
      const planned = plan.servers.find(({ name }) => name === server.name);
      assert.ok(planned);
      const { protocol } = server;
      const port = server.ports.first;
      const counts = await client.count({
        op: "spread",
        count: FLOWS,
        address: server.address,
        port,
        protocol,
      });
      assertCounted(server, counts);
      if (server.scheduler.type === "source-hash") {
        const client = { address: address(CLIENT[familyOf(server.address)]), port: 1 };
        const choice = chooseBackend(planned, client);
        assert.deepEqual(counts, { [choice.type === "backend" ? choice.backend.name : "?"]: FLOWS });
        return;
      }
      assert.deepEqual(Object.keys(counts).sort(), ["w1", "w2", "w3"], JSON.stringify(counts));
      const expected = shares(planned);
      if (server.scheduler.type === "consistent-hash") {
        assert.ok(chiSquare(counts, expected) < CHI_SQUARE_LIMIT, JSON.stringify({ counts, expected }));
        return;
      }
      for (const [name, share] of Object.entries(expected)) {
        assert.ok(Math.abs((counts[name] ?? 0) - share * FLOWS) <= 1, JSON.stringify({ counts, expected }));
      }
    });
  }
});
