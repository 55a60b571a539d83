import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LabProcess } from "#lab/index";
import { startServers } from "#lab/probe/start";
import { inBed, SLACK, SMALL, until, WITH_NODES } from "./edge-bed.ts";
import { config, router, server, VIP } from "./edge-config.ts";
import { changesSince, tracesOf } from "./edge-traces.ts";

const endOf = async (
  program: LabProcess,
): Promise<{ readonly code: number | null; readonly said: string }> => {
  const limit = setTimeout(() => void program.signal("SIGKILL"), 8_000);
  const { code } = await program.exited.finally(() => clearTimeout(limit));
  return { code, said: `${program.stdout()}${program.stderr()}` };
};

describe("on a machine that lacks something", () => {
  it("a second program ends with 1, says so and changes nothing", async (context) => {
    await inBed(context, SMALL, async ({ e1, holdings }) => {
      await e1.start(config(router({ priority: 150 })));
      await holdings.settle(VIP, ["e1"]);
      const before = await tracesOf(e1);
      const first = await e1.status();
      await e1.host.write("/run/edge/other.yaml", config(router({ vrid: 52, addresses: ["10.2.0.110/24"] })));
      const { code, said } = await endOf(
        await e1.launch({ config: "/run/edge/other.yaml", runtimeDirectory: "/run/other" }),
      );
      assert.equal(code, 1, said);
      assert.match(said, /^steelyard edge: another steelyard edge runs in this network namespace/m);
      assert.deepEqual(await changesSince(e1, before), []);
      const still = await e1.status();
      assert.deepEqual(
        [still?.wire, still?.agent, still?.routers],
        [first?.wire, first?.agent, first?.routers],
      );
    });
  });

  it("without a capability ends with 1, names it and changes nothing", async (context) => {
    await inBed(context, SMALL, async ({ e1 }) => {
      await e1.configure(config(router({})));
      const before = await tracesOf(e1);
      for (const missing of ["net_admin", "net_raw"]) {
        const prefix = ["setpriv", "--bounding-set", `-${missing}`, "--inh-caps", `-${missing}`, "--"];
        const { code, said } = await endOf(await e1.launch({ prefix }));
        assert.equal(code, 1, said);
        assert.match(said, new RegExp(`CAP_${missing.toUpperCase()} missing: run it as root`));
        assert.doesNotMatch(said, /\n {4}at /);
      }
      assert.deepEqual(await changesSince(e1, before), []);
    });
  });

  it("without nft ends with 1 and names the package, if there are virtual servers; needs none otherwise", async (context) => {
    await inBed(context, SMALL, async ({ e1, holdings }) => {
      const prefix = ["/usr/bin/env", "PATH=/nonexistent"];
      await e1.configure(config(router({}), server()));
      const { code, said } = await endOf(await e1.launch({ prefix }));
      assert.equal(code, 1, said);
      assert.match(said, /the nft program did not run.*Install the package nftables/);
      assert.deepEqual(holdings.tenures(VIP), []);
      await e1.start(config(router({ priority: 150 })), { prefix });
      await holdings.settle(VIP, ["e1"]);
      await e1.configure(config(router({ priority: 150 }), server()));
      const { routers } = await e1.until("refuses servers", (seen) => seen.config.refused !== undefined);
      assert.equal(routers[0]?.state, "active");
    });
  });

  it("on an admin socket whose path is too long, or in no writable place, ends with 1 and says why", async (context) => {
    await inBed(context, SMALL, async ({ e1 }) => {
      await e1.configure(config(router({})));
      const long = await endOf(await e1.launch({ admin: `/run/${"x".repeat(120)}.sock` }));
      assert.deepEqual([long.code, /at most 107 bytes/.test(long.said)], [1, true], long.said);
      const nowhere = await endOf(await e1.launch({ admin: "/run/edge/edge.yaml/edge.sock" }));
      assert.deepEqual([nowhere.code, /\/run\/edge\/edge\.yaml/.test(nowhere.said)], [1, true], nowhere.said);
      const noState = await endOf(await e1.launch({ runtimeDirectory: "/run/edge/edge.yaml/state" }));
      assert.deepEqual(
        [noState.code, /--runtime-dir \/run\/edge/.test(noState.said)],
        [1, true],
        noState.said,
      );
    });
  });
});

describe("an interface", () => {
  const WAY = "10.9.0";
  const spec = {
    interface: "way",
    priority: 150,
    addresses: [`${WAY}.100/24`],
    advertisementInterval: "100ms",
  };
  const create = [
    "ip link add way type veth peer name plug",
    "ip link set plug up",
    `ip addr add ${WAY}.1/24 dev way`,
    "ip link set way up",
  ].join(" && ");

  it("that does not exist is waited for, and used when it appears, goes and appears again", async (context) => {
    await inBed(context, SMALL, async ({ e1, holdings }) => {
      const ADDRESS = `${WAY}.100`;
      await e1.configure(config(router(spec)));
      await e1.launch();
      const { routers } = await e1.until("waits", (seen) => seen.routers[0]?.waiting !== undefined);
      assert.match(String(routers[0]?.waiting), /interface way does not exist/);
      assert.equal(routers[0]?.state === "active" || routers[0]?.state === "backup", false);
      assert.match((await e1.command("status")).stdout, /! front: waiting: interface way does not exist/);

      for (const round of ["appears", "appears again"]) {
        await e1.host.expect(["sh", "-c", create]);
        await holdings.settle(ADDRESS, ["e1"]);
        const up = await e1.until(
          `is active when it ${round}`,
          (seen) => seen.routers[0]?.state === "active",
        );
        assert.equal(up.routers[0]?.waiting, undefined);
        assert.deepEqual(up.routers[0]?.addresses, [{ address: `${ADDRESS}/24`, held: true }]);
        await e1.host.expect(["ip", "link", "del", "way"]);
        await holdings.settle(ADDRESS, []);
        const gone = await e1.until("waits again", (seen) => seen.routers[0]?.waiting !== undefined);
        assert.deepEqual(gone.routers[0]?.addresses, [{ address: `${ADDRESS}/24`, held: false }]);
        assert.notEqual(gone.routers[0]?.state, "active");
      }
    });
  });

  it("that appears without an address is waited for until it has one", async (context) => {
    await inBed(context, SMALL, async ({ e1, holdings }) => {
      await e1.host.expect(["sh", "-c", create.replace(`ip addr add ${WAY}.1/24 dev way && `, "")]);
      await e1.configure(config(router(spec)));
      await e1.launch();
      const { routers } = await e1.until("waits", (seen) => seen.routers[0]?.waiting !== undefined);
      assert.match(String(routers[0]?.waiting), /way has no IPv4 address to speak from/);
      await e1.host.expect(["ip", "addr", "add", `${WAY}.1/24`, "dev", "way"]);
      await holdings.settle(`${WAY}.100`, ["e1"]);
    });
  });
});

describe("what somebody changes by hand", () => {
  it("is put back and told: an address that was removed", async (context) => {
    await inBed(context, SMALL, async ({ e1, holdings }) => {
      const other = "10.8.0.7";
      await e1.start(config(router({ priority: 150, addresses: [`${VIP}/24`, `${other}/28`] })));
      for (const [address, length] of [
        [VIP, 24],
        [other, 28],
      ] as const) {
        await holdings.settle(address, ["e1"]);
        const removed = Date.now();
        await e1.host.expect(["ip", "addr", "del", `${address}/${length}`, "dev", "eth0"]);
        const { severity } = await e1.event(
          ({ event }) => event.type === "address" && event.change === "restored" && event.address === address,
        );
        assert.equal(severity, "warning");
        await holdings.settle(address, ["e1"]);
        assert(holdings.vacancy(address, { from: removed }) < 1_000);
      }
      await e1.host.run(["ip", "addr", "flush", "dev", "eth0", "to", `${VIP}/32`]);
      await holdings.settle(VIP, ["e1"]);
      assert.equal((await e1.router()).state, "active");
      assert.deepEqual(
        (await e1.router()).addresses.map(({ held }) => held),
        [true, true],
      );
    });
  });

  for (const [how, back, withinMs] of [
    ["of which the kernel tells, at once", "net.ipv4.conf.eth0.forwarding=0", 1_500],
    ["with that of all interfaces, at once", "net.ipv4.ip_forward=1 net.ipv4.ip_forward=0", 1_500],
    [
      "of which it does not, by the look every five seconds",
      "net.netfilter.nf_conntrack_tcp_loose=0",
      5_000 + SLACK,
    ],
  ] as const) {
    it(`is set again and told: a setting ${how}`, async (context) => {
      await inBed(context, WITH_NODES, async ({ e1, holdings }) => {
        await e1.start(config(router({ priority: 150 }), server()));
        await holdings.settle(VIP, ["e1"]);
        const setting = back.includes("loose")
          ? "net/netfilter/nf_conntrack_tcp_loose"
          : "net/ipv4/conf/eth0/forwarding";
        const read = async () => (await e1.host.expect(["cat", `/proc/sys/${setting}`])).trim();
        await until("the setting is what it must be", async () => (await read()) === "1");
        await e1.host.expect(["sysctl", "-qw", ...back.split(" ")]);
        await until("it is again", async () => (await read()) === "1", { withinMs });
        const { event, severity } = await e1.event(
          (record) => record.event.type === "sysctl" && record.event.change === "repaired",
        );
        assert.equal(event.type === "sysctl" && event.setting, setting);
        assert.equal(severity, "warning");
      });
    });
  }

  it("is told with the name of who did it, where the kernel knows", async (context) => {
    await inBed(context, WITH_NODES, async ({ e1, holdings }) => {
      await e1.start(config(router({ priority: 150 }), server()));
      await holdings.settle(VIP, ["e1"]);
      await e1.host.expect(["ip", "addr", "del", `${VIP}/24`, "dev", "eth0"]);
      const removed = await e1.event(({ event }) => event.type === "address" && event.change === "restored");
      assert.match(JSON.stringify(removed.event), /process|netlink port \d+/);
      await e1.host.expect(["nft", "flush", "ruleset"]);
      const flushed = await e1.event(
        ({ event }) => event.type === "forwarding-applied" && event.repaired === true,
      );
      assert.match(JSON.stringify(flushed.event), /"by":"nft \(pid \d+\)"/);
    });
  });

  it("is repaired at the next change at the latest: nft flush ruleset", async (context) => {
    await inBed(context, WITH_NODES, async ({ lab, e1, holdings }) => {
      await Promise.all(["n1", "n2", "n3"].map((name) => startServers(lab.host(name))));
      await e1.start(config(router({ priority: 150 }), server()));
      await holdings.settle(VIP, ["e1"]);
      const rules = await e1.host.expect(["nft", "-s", "list", "tables"]);
      await e1.host.expect(["nft", "flush", "ruleset"]);
      await e1.configure(config(router({ priority: 150 }), server(), server({ port: 8080 }, "more")));
      await e1.event(({ event }) => event.type === "config-applied" && event.generation === 2);
      await until(
        "the tables are back",
        async () => (await e1.host.expect(["nft", "-s", "list", "tables"])) === rules,
      );
      const connect = ["timeout", "1", "bash", "-c", `exec 3<>/dev/tcp/${VIP}/8080`];
      await until("the new server answers", async () => (await lab.host("cl").run(connect)).code === 0);
    });
  });
});
