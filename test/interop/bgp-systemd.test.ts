/**
 * A restart and a reboot of a machine with real systemd, as BIRD on the router sees them: the one keeps the route, the other withdraws it
 * while the machine's network is still there. The edge runs as the unit of the package, the speaker as the one of docs/bgp.md.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { instant, seconds } from "#base/time";
import { readBootId } from "#drivers/host/linux";
import { bgpStateText } from "#roles/speaker/wire/bgp/state";
import { type StartedMachine, startMachine } from "#test/kernel/systemd-bed";
import { until } from "./bfd-bed.ts";
import { ASN, peerAt, routeTo } from "./bgp-bed.ts";

const PREFIX = "10.50.0.1";
const MACHINE = "10.9.0.1";
const ROUTER = "10.9.0.2";

const directory = mkdtempSync(join(tmpdir(), "steelyard-reboot-"));
after(() => rmSync(directory, { recursive: true }));

let archive = "";
before(() => {
  const script = join(import.meta.dirname, "../../scripts/build-deb.ts");
  const built = spawnSync(process.execPath, [script, "--fast", "--output", directory], { encoding: "utf8" });
  assert.equal(built.status, 0, `${built.stdout}${built.stderr}`);
  archive = built.stdout.trim();
});

const BIRD = `
log stderr all;
router id ${ROUTER};
protocol device { }
protocol kernel { ipv4 { export where source = RTS_BGP; }; }
protocol bgp machine {
  local ${ROUTER} as ${ASN.theirs};
  neighbor ${MACHINE} as ${ASN.ours};
  hold time 90; connect delay time 1; connect retry time 2; error wait time 1, 2;
  graceful restart on; long lived graceful restart off;
  ipv4 { import all; export none; };
}
`;

type Router = {
  /** What has become of the route in its kernel, line by line. */
  readonly changes: () => readonly string[];
  readonly log: () => string;
};

const run = (program: string, args: readonly string[]): string => {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: "utf8" });
  assert.equal(status, 0, `${program} ${args.join(" ")}\n${stdout}${stderr}`);
  return stdout;
};

/** Keeps its own network when the machine's end of the cable is gone: the address is a bridge's. */
const startRouter = async ({ pid }: StartedMachine, programs: ChildProcess[]): Promise<Router> => {
  writeFileSync(join(directory, "bird.conf"), BIRD);
  let said = "";
  let changed = "";
  const start = (args: readonly string[], hear: (text: string) => void): ChildProcess => {
    const child = spawn("nsenter", args, { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [child.stdout, child.stderr]) stream?.setEncoding("utf8").on("data", hear);
    programs.push(child);
    return child;
  };
  const holder = spawn("unshare", ["--net", "sleep", "infinity"], { stdio: "ignore" });
  programs.push(holder);
  await until(
    async () => readFileSync(`/proc/${holder.pid}/comm`, "utf8").trim(),
    (name) => name === "sleep",
  );
  const there = ["--net", "--target", `${holder.pid}`];
  run("nsenter", [
    ...["--net", "--target", `${pid}`, "ip", "link", "add", "way", "type", "veth"],
    ...["peer", "name", "port", "netns", `${holder.pid}`],
  ]);
  run("nsenter", [
    ...[...there, "sh", "-ec"],
    `ip link set lo up; ip link add lan type bridge; ip link add stay type veth peer name hold; ip link set hold up; ip link set stay master lan up
      ip link set port master lan up; ip addr add ${ROUTER}/24 dev lan; ip link set lan up`,
  ]);
  const socket = join(directory, "bird.ctl");
  const bird = ["bird", "-f", "-c", join(directory, "bird.conf"), "-s", socket];
  start([...there, ...bird], (text) => {
    said += text;
  });
  start([...there, "ip", "-4", "monitor", "route"], (text) => {
    changed += text;
  });
  return {
    log: () => said,
    changes: () => changed.split("\n").filter((line) => line.includes(PREFIX)),
  };
};

/** What brings interfaces down at the end of a machine, as Debian's networking.service does. */
const NETWORK = `
[Unit]
DefaultDependencies=no
Wants=network.target
Before=network.target shutdown.target
Conflicts=shutdown.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'ip addr add ${MACHINE}/24 dev way && ip link set way up'
ExecStop=/bin/sh -c 'ip link set way down'
`;

type Service = { readonly unit: string; readonly prepare: (machine: StartedMachine) => void };

const SPEAKER: Service = {
  unit: "steelyard-speaker",
  prepare: ({ run: inside, copy }) => {
    const page = readFileSync(join(import.meta.dirname, "../../docs/bgp.md"), "utf8");
    const [, unit = ""] =
      /```ini\n(# \/etc\/systemd\/system\/steelyard-speaker\.service\n[\s\S]*?)```/.exec(page) ?? [];
    const peer = peerAt(ROUTER, {
      ...{ gracefulRestart: { restartTime: seconds(120) }, holdTime: seconds(90) },
      ...{ keepaliveTime: seconds(30), families: ["IPv4"] },
    });
    // The API server is away: it goes on from what an earlier run knew.
    const life = { at: instant(0), bootId: readBootId() };
    const state = bgpStateText("machine", { peers: [peer], routes: [routeTo(`${PREFIX}/32`)] }, life);
    for (const [name, text] of [
      ["unit", unit.replace("%H", "machine")],
      ["bgp.json", state],
      ["kubeconfig", KUBECONFIG],
    ] as const) {
      writeFileSync(join(directory, name), text);
      copy(join(directory, name), name);
    }
    inside(`mkdir -p /run/steelyard-speaker && cp /root/bgp.json /run/steelyard-speaker/
      cp /root/kubeconfig /etc/steelyard/speaker.kubeconfig
      cp /root/unit /etc/systemd/system/steelyard-speaker.service`);
  },
};

const KUBECONFIG = JSON.stringify({
  ...{ apiVersion: "v1", kind: "Config", "current-context": "away" },
  clusters: [{ name: "away", cluster: { server: "http://127.0.0.1:1" } }],
  users: [{ name: "away", user: { token: "none" } }],
  contexts: [{ name: "away", context: { cluster: "away", user: "away" } }],
});

const metallb = (kind: string, name: string, spec: object, version = "v1beta1"): string =>
  JSON.stringify({ apiVersion: `metallb.io/${version}`, kind, metadata: { name }, spec });

const EDGE: Service = {
  unit: "steelyard-edge",
  prepare: ({ copy, run: inside }) => {
    const server = {
      ...{ apiVersion: "steelyard.dev/v1alpha1", kind: "VirtualServer", metadata: { name: "web" } },
      spec: { address: PREFIX, port: 80, mode: "dsr", backends: [{ name: "n1", address: ROUTER }] },
    };
    const peer = {
      ...{ myASN: ASN.ours, peerASN: ASN.theirs, peerAddress: ROUTER, enableGracefulRestart: true },
    };
    const documents = [
      metallb("BGPPeer", "router", peer, "v1beta2"),
      metallb("IPAddressPool", "all", { addresses: [`${PREFIX}/32`] }),
      metallb("BGPAdvertisement", "all", {}),
      JSON.stringify(server),
    ];
    writeFileSync(join(directory, "edge.yaml"), documents.join("\n---\n"));
    copy(join(directory, "edge.yaml"), "edge.yaml");
    inside("cp /root/edge.yaml /etc/steelyard/edge.yaml");
  },
};

const hasEnded = (pid: number): boolean =>
  !existsSync(`/proc/${pid}`) || /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));

const inService = async (
  { unit, prepare }: Service,
  context: TestContext,
  test: (machine: StartedMachine, router: Router) => Promise<void>,
): Promise<void> => {
  const machine = await startMachine();
  const programs: ChildProcess[] = [];
  let log = (): string => "";
  try {
    const router = await startRouter(machine, programs);
    log = router.log;
    writeFileSync(join(directory, "network"), NETWORK);
    machine.copy(join(directory, "network"), "network");
    machine.copy(archive, "steelyard.deb");
    machine.run(
      "cp /root/network /etc/systemd/system/network-of-old.service; dpkg --install /root/steelyard.deb",
    );
    prepare(machine);
    machine.run(`systemctl daemon-reload; systemctl start network-of-old ${unit}`);
    await until(
      async () => router.changes(),
      (lines) => lines.some((line) => line.includes(MACHINE)),
      40_000,
    );
    await test(machine, router);
  } catch (error) {
    context.diagnostic(log());
    throw error;
  } finally {
    for (const program of programs) program.kill("SIGKILL");
    await machine.stop();
  }
};

for (const service of [EDGE, SPEAKER]) {
  describe(`a machine with ${service.unit} and graceful restart`, () => {
    it("keeps its routes over systemctl restart, and withdraws them when it is switched off, before its network ends", (context) =>
      inService(service, context, async (machine, { changes }) => {
        const before = changes().length;
        machine.run(`systemctl restart ${service.unit}`);
        await pause(15_000);
        assert.deepEqual(changes().slice(before), []);
        machine.run("systemctl --no-block start poweroff.target");
        await until(async () => hasEnded(machine.pid), Boolean, 60_000);
        await until(
          async () => changes().slice(before),
          (lines) => lines.some((line) => line.startsWith("Deleted")),
          2_000,
        );
      }));
  });
}
