/**
 * A pair of edges on bonds, with nftables and XDP: one has two cables to two switches, the other an aggregate of two cables
 * that its switch knows of (802.3ad). Runs in a virtual machine.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import type { IpAddress } from "#base/address";
import type { Lab } from "#lab/index";
import { inBed, until } from "#test/kernel/edge-bed";
import { config, server, VIP } from "#test/kernel/edge-config";
import { reaches } from "#test/kernel/lab-bed";
import { address } from "#testing/values";
import { activePort, cable, join, read, twoSwitches } from "./bonds.ts";
import {
  areWhole,
  BOUND,
  beginBoth,
  changesOf,
  download,
  forwardsByXdp,
  ip,
  nodesIn,
  PATIENT_HEALTH,
  serves,
  slowRouter,
  startNodes,
  vlan,
} from "./vm-bed.ts";

/** The backends have it too, and answer themselves. */
const DIRECT: IpAddress = address("10.2.0.110");
/** In VLAN 10, with a MAC address of its own. */
const TAGGED = "10.5.0.100";

const LACP = "mode 802.3ad lacp_rate fast xmit_hash_policy layer3+4";

const layBonds = async (lab: Lab): Promise<void> => {
  // A name for `ip link` needs a process there.
  const [sw2, e2] = await Promise.all(
    ["sw2", "e2"].map(async (name) => (await lab.host(name).spawn(["sleep", "10000"])).pid),
  );
  await ip(
    lab,
    "sw",
    `link add trunk type veth peer name trunk netns ${sw2}`,
    "link set trunk master br0 up",
    // The switch's side of the aggregate.
    `link add e2b type veth peer name eth1 netns ${e2}`,
    "link set e2 nomaster",
    "link set e2 down",
    `link add lag type bond miimon 20 ${LACP}`,
    "link set e2 master lag",
    "link set e2b master lag",
    "link set lag master br0 up",
  );
  await ip(lab, "sw2", "link set trunk master br0 up");
  await join(lab, "e1", "mode active-backup", 11);
  await join(lab, "e2", LACP, 12);
  for (const [host, below, number] of [
    ["cl", "eth0", 2],
    ["e1", "bond0", 11],
    ["e2", "bond0", 12],
  ] as const) {
    await ip(lab, host, ...vlan(below, 10, `10.5.0.${number}/24`));
  }
};

const text = (priority: number): string => {
  const common = { backends: nodesIn("10.2.0"), health: PATIENT_HEALTH };
  return config(
    slowRouter({ priority, interface: "bond0", addresses: [`${VIP}/24`, `${DIRECT}/24`] }),
    slowRouter(
      { priority, interface: "bond0.10", vrid: 52, virtualMac: true, addresses: [`${TAGGED}/24`] },
      "tagged",
    ),
    server({ mode: "masquerade", ...common }, "masquerade"),
    server({ mode: "dsr", address: DIRECT, ...common }, "dsr"),
  );
};

/** How many cables carry e2's aggregate. */
const aggregated = async (lab: Lab): Promise<number> =>
  Number(await read(lab, "e2", "/sys/class/net/bond0/bonding/ad_num_ports"));

/** Pulls e1's active cable, and plugs it again when the other one has become active. */
const changeCable = async (lab: Lab): Promise<void> => {
  const before = await activePort(lab);
  await cable(lab, before, "down");
  await until("the other cable is active", async () => (await activePort(lab)) !== before, {
    withinMs: BOUND,
  });
  await serves(lab, DIRECT);
  await until("the VLAN is reached", () => reaches(lab, "cl", TAGGED), { withinMs: BOUND });
  await cable(lab, before, "up");
  await new Promise((resolve) => setTimeout(resolve, 1_000));
};

it("a bond serves, changes its cable and moves nothing, gives up with the last one, and an aggregate carries on", async (context) => {
  await inBed(context, twoSwitches([DIRECT]), async (bed) => {
    const { lab, e1, e2, holdings } = bed;
    await layBonds(lab);
    await until("both cables are aggregated", async () => (await aggregated(lab)) === 2, { withinMs: BOUND });
    await startNodes(lab);
    await beginBoth(bed, text, {
      address: VIP,
      options: { e1: { further: ["--engine", "xdp"] } },
    });
    const settle = async (edge: string): Promise<void> => {
      for (const each of [VIP, DIRECT, TAGGED]) await holdings.settle(each, [edge], BOUND);
    };
    await settle("e1");
    await serves(lab, VIP);
    await e1.until("carries by XDP", ({ servers }) => servers[1]?.engine === "xdp", BOUND);
    await serves(lab, DIRECT);

    const before = await Promise.all(["front", "tagged"].map((name) => changesOf(e1, name)));
    const kept = await Promise.all([VIP, DIRECT].map((from) => download(lab, { from, seconds: 20 })));
    await changeCable(lab);
    await changeCable(lab);
    await areWhole(...kept);
    await forwardsByXdp(e1, "dsr");
    assert.deepEqual(await Promise.all(["front", "tagged"].map((name) => changesOf(e1, name))), before);

    const moved = await download(lab, { from: DIRECT, seconds: 15 });
    await cable(lab, "eth0", "down");
    await cable(lab, "eth1", "down");
    await settle("e2");
    await ip(lab, "sw", "link set e2b down");
    await until("one cable is left", async () => (await aggregated(lab)) === 1, { withinMs: BOUND });
    await areWhole(moved);
    await serves(lab, VIP);
    await until("the VLAN is reached", () => reaches(lab, "cl", TAGGED), { withinMs: BOUND });
    await e2.is("active", "front", BOUND);

    await cable(lab, "eth1", "up");
    await settle("e1");
    await serves(lab, VIP);
    await serves(lab, DIRECT);
  });
});
