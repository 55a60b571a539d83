/**
 * A pair of edges between two VLANs on one cable, with nftables and XDP: clients in VLAN 20, backends in VLAN 10.
 * Runs in a virtual machine.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import type { Status } from "#api/status";
import type { IpAddress } from "#base/address";
import { type Lab, standardTopology } from "#lab/index";
import { type Bed, type Edge, inBed, until } from "#test/kernel/edge-bed";
import { config, server } from "#test/kernel/edge-config";
import { reaches } from "#test/kernel/lab-bed";
import { address } from "#testing/values";
import {
  areWhole,
  BOUND,
  begin,
  beginBoth,
  changesOf,
  download,
  eventsOf,
  forwardsByXdp,
  ip,
  NODES,
  nodesIn,
  PATIENT_HEALTH,
  serves,
  slowRouter,
  startNodes,
  vlan,
} from "./vm-bed.ts";

const OUTSIDE = "10.6.0.100";
/** The backends' gateway, which moves along. */
const GATEWAY = "10.5.0.1";
/** The backends have it too, and answer themselves. */
const DIRECT: IpAddress = address("10.5.0.100");
const TOPOLOGY = standardTopology({ nodes: NODES.length, client: "lan", directReturn: [DIRECT] });
const HOSTS = { cl: 2, e1: 11, e2: 12, n1: 21, n2: 22 } as const;

const layVlans = async (lab: Lab): Promise<void> => {
  for (const [host, number] of Object.entries(HOSTS)) {
    const inside = vlan("eth0", 10, `10.5.0.${number}/24`);
    const isNode = number > 20;
    const further = isNode
      ? [`route replace default via ${GATEWAY}`]
      : vlan("eth0", 20, `10.6.0.${number}/24`);
    await ip(lab, host, ...inside, ...further);
  }
};

/** The same virtual router id in both VLANs, and one server for each mode. */
const passage = (priority: number): string =>
  config(
    slowRouter(
      { priority, interface: "eth0.20", addresses: [`${OUTSIDE}/24`], syncGroup: "passage" },
      "outside",
    ),
    slowRouter(
      {
        ...{ priority, interface: "eth0.10", syncGroup: "passage" },
        addresses: [`${GATEWAY}/24`, `${DIRECT}/24`],
      },
      "inside",
    ),
    server({ mode: "masquerade", address: OUTSIDE, ...COMMON }, "masquerade"),
    server({ mode: "nat", address: OUTSIDE, port: 8080, ...COMMON }, "nat"),
    server({ mode: "dsr", address: DIRECT, ...COMMON }, "dsr"),
  );
const COMMON = { backends: nodesIn("10.5.0"), health: PATIENT_HEALTH };

/** Whether every mode serves through whoever is active. */
const allServe = async (lab: Lab): Promise<void> => {
  await serves(lab, OUTSIDE);
  await serves(lab, OUTSIDE, 8080);
  await serves(lab, DIRECT);
};

const settle = async ({ holdings }: Bed, edge: string): Promise<void> => {
  for (const each of [OUTSIDE, GATEWAY, DIRECT]) await holdings.settle(each, [edge], BOUND);
};

/** Fails if a router heard what it should not have heard. That a busy machine made a router late may show. */
const heardNothingStrange = async (edge: Edge): Promise<void> => {
  const strange = (await eventsOf(edge)).filter(
    ({ event }) => event.type === "router-conflict" && event.conflict !== "lower-priority-active",
  );
  assert.deepEqual(
    strange.map(({ subject, text }) => `${subject}: ${text}`),
    [],
  );
};

it("two VLANs serve in every mode, keep every download through a takeover, and follow their interfaces", async (context) => {
  await inBed(context, TOPOLOGY, async (bed) => {
    const { lab, e1, e2, holdings } = bed;
    await layVlans(lab);
    await startNodes(lab);
    await beginBoth(bed, passage, {
      address: OUTSIDE,
      options: { e2: { further: ["--engine", "xdp"] } },
    });
    await settle(bed, "e1");
    await allServe(lab);

    const { servers } = await e2.until(
      "carries by XDP",
      ({ servers: [, , direct] }) => direct?.engine === "xdp",
    );
    assert.deepEqual(
      servers.map(({ name, engine }) => `${name}: ${engine}`),
      ["masquerade: nftables", "nat: nftables", "dsr: xdp"],
    );
    const device = await lab.host("e2").expect(["ip", "link", "show", "dev", "eth0.10"]);
    assert.match(device, /xdpgeneric/);

    const kept = await Promise.all([
      download(lab, { from: OUTSIDE, port: 8080, seconds: 15 }),
      download(lab, { from: DIRECT, seconds: 15 }),
    ]);
    await lab.fault("silence e1");
    for (const each of [OUTSIDE, GATEWAY, DIRECT]) await holdings.settle(each, ["e1", "e2"], BOUND);
    await areWhole(...kept);
    await forwardsByXdp(e2, "dsr");
    await allServe(lab);
    await lab.fault("restore e1");
    await settle(bed, "e1");
    await allServe(lab);

    await followInterfaces(bed);
    for (const edge of [e1, e2]) await heardNothingStrange(edge);
  });
});

/** A VLAN goes away with its trunk, comes back, is deleted and made again. */
const followInterfaces = async (bed: Bed): Promise<void> => {
  const { lab, e1 } = bed;
  await ip(lab, "e1", "link set eth0 down");
  await settle(bed, "e2");
  await ip(lab, "e1", "link set eth0 up");
  await settle(bed, "e1");
  await ip(lab, "e1", "link del eth0.20");
  await settle(bed, "e2");
  await allServe(lab);
  const waits = ({ routers }: Status): boolean => routers.some(({ waiting }) => waiting !== undefined);
  const { routers } = await e1.until("waits", waits, BOUND);
  assert.match(String(routers.find(({ name }) => name === "outside")?.waiting), /eth0\.20 does not exist/);
  await ip(lab, "e1", ...vlan("eth0", 20, "10.6.0.11/24"));
  await settle(bed, "e1");
  await allServe(lab);
};

it("a VLAN has its virtual MAC address, and nobody takes over while advertisements are late, doubled and out of order", async (context) => {
  await inBed(context, TOPOLOGY, async (bed) => {
    const { lab, e1, e2, holdings } = bed;
    for (const [host, number] of [
      ["cl", 2],
      ["e1", 11],
      ["e2", 12],
    ] as const) {
      await ip(lab, host, ...vlan("eth0", 10, `10.5.0.${number}/24`));
    }
    const text = (priority: number): string =>
      config(slowRouter({ priority, interface: "eth0.10", addresses: [`${DIRECT}/24`], virtualMac: true }));
    const first = await begin(e1, text(150));
    await holdings.settle(DIRECT, ["e1"], BOUND);
    await begin(e2, text(100));
    await e2.is("backup", "front", BOUND);
    const isKnown = async (): Promise<boolean> => {
      if (!(await reaches(lab, "cl", DIRECT))) return false;
      return (await lab.host("cl").expect(["ip", "neigh", "show", DIRECT])).includes("00:00:5e:00:01:33");
    };
    await until("the client knows it", isKnown, { withinMs: BOUND });

    const before = await Promise.all([e1, e2].map((edge) => changesOf(edge, "front")));
    const rough = "delay 600ms 500ms duplicate 40% reorder 25% 50% loss 5%";
    for (const port of ["e1", "e2"]) {
      await lab.host("sw").expect(["sh", "-c", `tc qdisc add dev ${port} root netem ${rough}`]);
    }
    await new Promise((resolve) => setTimeout(resolve, 12_000));
    assert.deepEqual(await Promise.all([e1, e2].map((edge) => changesOf(edge, "front"))), before);
    const sent = await lab.host("sw").expect(["tc", "-s", "qdisc", "show", "dev", "e2"]);
    assert.match(sent, /netem/);
    for (const port of ["e1", "e2"]) await lab.host("sw").expect(["tc", "qdisc", "del", "dev", port, "root"]);

    await first.stop(BOUND);
    await holdings.settle(DIRECT, ["e2"], BOUND);
    await until("and reaches it there", isKnown, { withinMs: BOUND });
  });
});
