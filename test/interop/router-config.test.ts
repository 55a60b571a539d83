/** What `router-config` prints, in the real programs: it is loaded, sessions come up, and the filter lets nothing else through. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { parseAddress } from "#base/address";
import { bgp, peer, pool, profile } from "#core/metallb/test-objects";
import { renderRouter } from "#core/router-config/render";
import { CASES, routerOf, routersIn } from "#core/router-config/test-cases";
import type { Vendor } from "#core/router-config/vendors";
import { type Lab, type LabProcess, openLab, standardTopology } from "#lab/index";
import { until } from "./bfd-bed.ts";
import { startFrrDaemons } from "./frr-daemons.ts";

const ROUTER = "10.2.0.1";
const NODE = "10.2.0.21";
const PASSWORD = "correct-horse";

/** The router `rt` as the resources of a cluster with the one node `n1` describe it. */
const textFor = (vendor: Vendor): string => {
  const address = parseAddress(NODE);
  assert.ok(address !== undefined);
  const read = routersIn(
    [
      pool("web", { addresses: ["10.50.0.0/24", "fd50::/64"] }),
      bgp("hosts"),
      profile("fast", { receiveInterval: 200, transmitInterval: 200, detectMultiplier: 3 }),
      peer("rt", {
        peerAddress: ROUTER,
        password: PASSWORD,
        bfdProfile: "fast",
        holdTime: "9s",
        dualStackAddressFamily: true,
        enableGracefulRestart: true,
      }),
    ],
    { type: "nodes", nodes: [{ name: "n1", labels: {}, addresses: [address] }] },
  );
  assert.ok(read.ok);
  const [router] = read.routers;
  assert.ok(router !== undefined);
  const text = renderRouter(vendor, router);
  assert.ok(!text.includes(PASSWORD));
  return text.replaceAll("<password-of-BGPPeer-rt>", PASSWORD);
};

/** A node that announces what it may, and what it may not. */
const NODE_CONFIGURATION = `
log stderr all;
router id ${NODE};
protocol device { }
protocol direct { ipv6; ipv4; }
protocol bfd { }
protocol static {
  ipv4;
  route 10.50.0.1/32 blackhole;
  route 10.50.0.0/25 blackhole;
  route 10.51.0.1/32 blackhole;
  route 0.0.0.0/0 blackhole;
}
protocol static {
  ipv6;
  route fd50::1/128 blackhole;
  route fd50::/64 blackhole;
  route fd51::1/128 blackhole;
}
protocol bgp tor {
  local as 64500;
  neighbor ${ROUTER} as 64501;
  password "${PASSWORD}";
  hold time 9;
  connect delay time 1;
  error wait time 1, 2;
  bfd { min rx interval 200 ms; min tx interval 200 ms; multiplier 3; };
  graceful restart on;
  ipv4 { import all; export where source = RTS_STATIC; };
  ipv6 { import all; export where source = RTS_STATIC; next hop address fd02::21; };
}
`;

const inLab = async (
  context: TestContext,
  test: (lab: Lab, remember: (name: string, program: LabProcess) => void) => Promise<void>,
): Promise<void> => {
  const programs = new Map<string, LabProcess>();
  const lab = await openLab(standardTopology({ nodes: 1, edges: 0 }));
  try {
    await test(lab, (name, program) => programs.set(`${name} ${programs.size}`, program));
  } catch (error) {
    for (const [name, program] of programs)
      context.diagnostic(`${name}:\n${program.stdout().slice(-4_000)}${program.stderr().slice(-4_000)}`);
    throw error;
  } finally {
    await lab.close();
  }
};

const startBird = async (
  lab: Lab,
  host: string,
  text: string,
): Promise<{
  readonly program: LabProcess;
  readonly say: (...words: readonly string[]) => Promise<string>;
}> => {
  const machine = lab.host(host);
  await machine.write("/run/bird.conf", text);
  const socket = `/run/bird-${host}.ctl`;
  const files = ["-c", "/run/bird.conf", "-s", socket, "-P", `/run/bird-${host}.pid`];
  const program = await machine.spawn(["bird", "-f", ...files]);
  await program.said(/Started/);
  return { program, say: (...words) => machine.expect(["birdc", "-s", socket, ...words]) };
};

const GOOD = ["10.50.0.1/32", "fd50::1/128"];

describe("what is printed for routers", () => {
  it("is loaded by FRR, for UniFi and OPNsense too, and by BIRD, in every case", () => {
    const folder = mkdtempSync(join(tmpdir(), "steelyard-router-config-"));
    try {
      for (const name of CASES.keys()) {
        for (const vendor of ["frr", "unifi", "opnsense", "bird"] as const) {
          const file = join(folder, `${name}.${vendor}`);
          const around = "router id 192.0.2.1;\nprotocol device { }\nprotocol bfd { }\n";
          const text = renderRouter(vendor, routerOf(name));
          writeFileSync(file, vendor === "bird" ? around + text : text);
          const argv = vendor === "bird" ? ["bird", "-p", "-c", file] : ["vtysh", "-C", "-f", file];
          const { status, stdout, stderr } = spawnSync(argv[0] ?? "", argv.slice(1), { encoding: "utf8" });
          assert.equal(status, 0, `${name}, ${vendor}: ${stdout}${stderr}`);
        }
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("makes FRR a router that takes the pools' prefixes, and nothing else, and tells nothing", (context) =>
    inLab(context, async (lab, remember) => {
      const frr = await startFrrDaemons(lab, "rt", remember);
      await frr.load(
        "router bgp 64501\n address-family ipv4 unicast\n  network 10.1.0.0/24\n exit-address-family\n",
      );
      await frr.load(textFor("frr"));
      const node = await startBird(lab, "n1", NODE_CONFIGURATION);
      remember("bird", node.program);
      const taken = async (): Promise<readonly string[]> => {
        const families = await Promise.all(
          ["ipv4", "ipv6"].map((family) =>
            frr.vtysh(`show bgp ${family} unicast neighbors ${NODE} routes json`),
          ),
        );
        return families.flatMap((text) => Object.keys(JSON.parse(text).routes ?? {}));
      };
      await until(taken, (routes) => routes.length >= 2, 20_000);
      assert.deepEqual(await taken(), GOOD);
      await until(
        async () => JSON.parse(await frr.vtysh("show bfd peers json")),
        (peers: readonly { status: string; "receive-interval": number }[]) =>
          peers[0]?.status === "up" && peers[0]["receive-interval"] === 200,
      );
      const protocol = await node.say("show", "protocols", "all", "tor");
      assert.match(protocol, /Hold timer:\s+\S+\/9/);
      assert.equal((await node.say("show", "route", "count", "protocol", "tor")).match(/^0 of/m)?.length, 1);
    }));

  it("makes BIRD a router that takes the pools' prefixes, and nothing else, and tells nothing", (context) =>
    inLab(context, async (lab, remember) => {
      const around = `log stderr all;\nrouter id ${ROUTER};\nprotocol device { }\nprotocol direct { ipv4; ipv6; }\nprotocol bfd { }\n`;
      const router = await startBird(lab, "rt", around + textFor("bird"));
      remember("router", router.program);
      const node = await startBird(lab, "n1", NODE_CONFIGURATION);
      remember("node", node.program);
      const taken = async (): Promise<readonly string[]> => {
        const text = await router.say("show", "route", "protocol", "'steelyard-rt-n1'");
        return [...text.matchAll(/^(\S+\/\d+)\s/gm)].map(([, prefix = ""]) => prefix);
      };
      await until(taken, (routes) => routes.length >= 2, 20_000);
      assert.deepEqual(await taken(), GOOD);
      await until(
        () => router.say("show", "bfd", "sessions"),
        (text) => text.includes(" Up "),
      );
      assert.equal((await node.say("show", "route", "count", "protocol", "tor")).match(/^0 of/m)?.length, 1);
    }));
});
