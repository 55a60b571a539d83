/**
 * Routers and virtual servers on interfaces that many kernels for tests lack: VLANs and bonds. Runs inside user-mode
 * Linux, whose kernel has no nftables for all of it, so servers are carried by IPVS.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { Status } from "#api/status";
import type { IpAddress } from "#base/address";
import { parseMac } from "#base/mac";
import { type Lab, type LabProcess, standardTopology } from "#lab/index";
import { startServers } from "#lab/probe/start";
import { type Bed, type Edge, inBed, type StartOptions, type Topology, until } from "#test/kernel/edge-bed";
import { config, router, server, VIP } from "#test/kernel/edge-config";
import { reaches } from "#test/kernel/lab-bed";
import { address } from "#testing/values";

const BY_IPVS = { further: ["--engine", "ipvs"] };
/** In VLAN 10. */
const TAGGED: IpAddress = address("10.5.0.100");
const NODES = [21, 22, 23];
/** Everything takes its time where a kernel is a process, and more where others run beside it. Milliseconds. */
const BOUND = 30_000;
/** Long enough that a machine which is busy elsewhere moves nothing. */
const SLOW = { advertisementInterval: "500ms" };

const ip = async (lab: Lab, host: string, ...commands: readonly string[]): Promise<void> => {
  for (const command of commands) await lab.host(host).expect(["ip", ...command.split(" ")]);
};

/** Gives a host an interface in VLAN 10. */
const tag = (lab: Lab, host: string, number: number, below = "eth0"): Promise<void> =>
  ip(
    lab,
    host,
    `link add link ${below} name ${below}.10 type vlan id 10`,
    `link set ${below}.10 up`,
    `addr add 10.5.0.${number}/24 dev ${below}.10`,
  );

const direct = (network: "10.2" | "10.5", virtual: string): string =>
  server(
    {
      ...{ address: virtual, mode: "dsr", scheduler: "round-robin", tableSize: undefined },
      backends: NODES.map((number) => ({ name: `n${number}`, address: `${network}.0.${number}` })),
    },
    `web-${network.slice(3)}`,
  );

/** Whether the client gets a page from a virtual address. */
const isServed = async (lab: Lab, virtual: string): Promise<boolean> => {
  const ask = `exec 3<>/dev/tcp/${virtual}/80 && printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3 && head -c 12 <&3`;
  return /^HTTP/.test((await lab.host("cl").run(["timeout", "5", "bash", "-c", ask])).stdout);
};
const serves = (lab: Lab, virtual: string): Promise<true> =>
  until(`${virtual} is served`, async () => (await isServed(lab, virtual)) || undefined, {
    withinMs: BOUND,
  });

/** Starts an edge and waits until it takes part. */
const begin = async (edge: Edge, text: string, options: StartOptions = {}): Promise<LabProcess> => {
  await edge.configure(text);
  const program = await edge.launch(options);
  const takesPart = ({ routers }: Status): boolean =>
    routers.length > 0 && routers.every(({ state }) => state !== "initialize");
  await edge.until("takes part", takesPart, 2 * BOUND);
  return program;
};

/**
 * Fails if a router has ever stepped back. What its peer believes of an edge that waits for a processor is another matter, and
 * so is an edge that gives up everything (`shutdown`) because one of its threads waited for longer than its lease.
 */
const staysActive = async (edge: Edge, router: string): Promise<void> => {
  const left = (await edge.events()).filter(
    ({ event }) =>
      event.type === "router-state" &&
      event.router === router &&
      event.from === "active" &&
      event.reason !== "shutdown",
  );
  assert.deepEqual(
    left.map(({ text }) => text),
    [],
  );
};

/** One after the other: there is one processor. */
const startNodes = async ({ lab }: Bed): Promise<void> => {
  for (const name of ["n1", "n2", "n3"]) await startServers(lab.host(name));
};

const WITH_VLAN = standardTopology({ client: "lan", directReturn: [TAGGED] });

it("a VLAN serves, beside the same virtual router id without a tag, and follows the interface below it", async (context) => {
  await inBed(context, WITH_VLAN, async (bed) => {
    const { lab, e1, e2, holdings } = bed;
    for (const [name, number] of [
      ["cl", 2],
      ["e1", 11],
      ["e2", 12],
      ["n1", 21],
      ["n2", 22],
      ["n3", 23],
    ] as const) {
      await tag(lab, name, number);
    }
    await startNodes(bed);
    const both = (priority: number): string =>
      config(
        router({ ...SLOW, priority }, "plain"),
        router({ ...SLOW, priority, interface: "eth0.10", addresses: [`${TAGGED}/24`] }, "tagged"),
        direct("10.5", TAGGED),
      );
    await begin(e1, both(150), BY_IPVS);
    await holdings.settle(TAGGED, ["e1"], BOUND);
    await holdings.settle(VIP, ["e1"], BOUND);
    await begin(e2, both(100), BY_IPVS);
    await e2.is("backup", "tagged", BOUND);
    await serves(lab, TAGGED);

    await ip(lab, "e1", "link set eth0.10 down");
    await holdings.settle(TAGGED, ["e2"], BOUND);
    await serves(lab, TAGGED);
    await staysActive(e1, "plain");
    await ip(lab, "e1", "link set eth0.10 up");
    await holdings.settle(TAGGED, ["e1"], BOUND);
    await serves(lab, TAGGED);

    await ip(lab, "e1", "link set eth0 down");
    await holdings.settle(TAGGED, ["e2"], BOUND);
    await holdings.settle(VIP, ["e2"], BOUND);
    await ip(lab, "e1", "link set eth0 up");
    await holdings.settle(TAGGED, ["e1"], BOUND);
    await holdings.settle(VIP, ["e1"], BOUND);

    await ip(lab, "e1", "link del eth0.10");
    await holdings.settle(TAGGED, ["e2"], BOUND);
    const waits = ({ routers }: Status): boolean => routers.some(({ waiting }) => waiting !== undefined);
    const { routers } = await e1.until("waits", waits, BOUND);
    assert.match(String(routers.find(({ name }) => name === "tagged")?.waiting), /eth0\.10 does not exist/);
    await tag(lab, "e1", 11);
    await holdings.settle(TAGGED, ["e1"], BOUND);
    await serves(lab, TAGGED);
    // Neither hears the other's packets. That this machine is so busy that a router is late may show.
    for (const edge of [e1, e2]) {
      const strange = (await edge.events()).filter(
        ({ event }) => event.type === "router-conflict" && event.conflict !== "lower-priority-active",
      );
      assert.deepEqual(
        strange.map(({ subject, text }) => `${subject}: ${text}`),
        [],
      );
    }
  });
});

it("a VLAN has its virtual MAC address, which the other edge takes over", async (context) => {
  await inBed(context, WITH_VLAN, async ({ lab, e1, e2, holdings }) => {
    await tag(lab, "cl", 2);
    await tag(lab, "e1", 11);
    await tag(lab, "e2", 12);
    const front = { ...SLOW, interface: "eth0.10", addresses: [`${TAGGED}/24`], virtualMac: true };
    const first = await begin(e1, config(router({ ...front, priority: 150 })));
    await holdings.settle(TAGGED, ["e1"], BOUND);
    await begin(e2, config(router({ ...front, priority: 100 })));
    await e2.is("backup", "front", BOUND);
    const isKnown = async (): Promise<boolean> => {
      if (!(await reaches(lab, "cl", TAGGED))) return false;
      return (await lab.host("cl").expect(["ip", "neigh", "show", TAGGED])).includes("00:00:5e:00:01:33");
    };
    await until("the client knows it", isKnown, { withinMs: BOUND });
    await first.stop();
    await holdings.settle(TAGGED, ["e2"], BOUND);
    await until("and reaches it there", isKnown, { withinMs: BOUND });
  });
});

/** Two cables from e1, to two switches that are connected with each other. */
const TWO_CABLES: Topology = (() => {
  const { switches, hosts } = standardTopology({ client: "lan", directReturn: [address(VIP)] });
  const mac = parseMac("02:00:00:00:03:0b") ?? assert.fail();
  const second = { name: "eth1", switch: "sw2", mac, addresses: [] };
  return {
    switches: [...switches, "sw2"],
    hosts: hosts.map((host) =>
      host.name === "e1" ? { ...host, interfaces: [...host.interfaces, second] } : host,
    ),
  };
})();

/** Connects the two switches, and makes one bond of the two cables. */
const bond = async (lab: Lab): Promise<void> => {
  const { pid } = await lab.host("sw2").spawn(["sleep", "1000"]);
  await ip(lab, "sw", `link add trunk type veth peer name trunk netns ${pid}`);
  for (const name of ["sw", "sw2"]) await ip(lab, name, "link set trunk master br0 up");
  await ip(
    lab,
    "e1",
    "addr flush dev eth0",
    "link set eth0 down",
    "link set eth1 down",
    "link add bond0 type bond mode active-backup miimon 20",
    "link set eth0 master bond0",
    "link set eth1 master bond0",
    "link set bond0 up",
    "addr add 10.2.0.11/24 dev bond0",
  );
};

const SWITCH_OF: Readonly<Record<string, string>> = { eth0: "sw", eth1: "sw2" };

it("a bond serves, stays where it is when its active cable fails, with a VLAN and virtual MAC above it too, and gives up with the last one", async (context) => {
  await inBed(context, TWO_CABLES, async (bed) => {
    const { lab, e1, e2, holdings } = bed;
    await bond(lab);
    await tag(lab, "cl", 2);
    await tag(lab, "e1", 11, "bond0");
    await tag(lab, "e2", 12);
    await startNodes(bed);
    const both = (priority: number, on: string): string =>
      config(
        router({ ...SLOW, priority, interface: on }),
        router(
          {
            ...{ ...SLOW, priority, interface: `${on}.10`, vrid: 52, virtualMac: true },
            addresses: [`${TAGGED}/24`],
          },
          "tagged",
        ),
        direct("10.2", VIP),
      );
    await begin(e1, both(150, "bond0"), BY_IPVS);
    await holdings.settle(VIP, ["e1"], BOUND);
    await begin(e2, both(100, "eth0"), BY_IPVS);
    await e2.is("backup", "front", BOUND);
    await serves(lab, VIP);

    const active = async (): Promise<string> =>
      (await lab.host("e1").expect(["cat", "/sys/class/net/bond0/bonding/active_slave"])).trim();
    const cable = (device: string, state: "up" | "down"): Promise<void> =>
      ip(lab, SWITCH_OF[device] ?? assert.fail(device), `link set e1 ${state}`);
    for (let round = 0; round < 2; round += 1) {
      const before = await active();
      await cable(before, "down");
      await until("the other cable is active", async () => (await active()) !== before, { withinMs: BOUND });
      await serves(lab, VIP);
      await until("the VLAN is reached", async () => await reaches(lab, "cl", TAGGED), { withinMs: BOUND });
      await cable(before, "up");
      await pause(1_000);
    }
    for (const name of ["front", "tagged"]) await staysActive(e1, name);

    await cable("eth0", "down");
    await cable("eth1", "down");
    await holdings.settle(VIP, ["e2"], BOUND);
    await holdings.settle(TAGGED, ["e2"], BOUND);
    await serves(lab, VIP);
    await cable("eth1", "up");
    await holdings.settle(VIP, ["e1"], BOUND);
    await holdings.settle(TAGGED, ["e1"], BOUND);
    await serves(lab, VIP);
  });
});
