/**
 * The Debian package: built, installed into a folder of its own, run from there, upgraded, removed; and the same with real
 * systemd on a machine of its own. About half a minute.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { renderUnit } from "#core/install/unit";
import { inBed, SMALL } from "./edge-bed.ts";
import { config, router, server, VIP } from "./edge-config.ts";
import { type Machine, onMachine } from "./systemd-bed.ts";

const directory = mkdtempSync(join(tmpdir(), "steelyard-package-"));
after(() => rmSync(directory, { recursive: true }));
const system = join(directory, "system");
const at = (path: string): string => join(system, path);

const run = (program: string, args: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: "utf8" });
  return { status, stdout, said: `${stdout}${stderr}` };
};

/** dpkg on the folder: maintainer scripts run outside and are told where it is (DPKG_ROOT). */
const dpkg = (...args: readonly string[]): void => {
  const force = ["--force-script-chrootless", "--force-depends", "--force-confold"];
  const { status, said } = run("dpkg", [`--root=${system}`, ...force, ...args]);
  assert.equal(status, 0, said);
};

let archive = "";
before(() => {
  const script = join(import.meta.dirname, "../../scripts/build-deb.ts");
  const built = run(process.execPath, [script, "--fast", "--output", directory]);
  assert.equal(built.status, 0, built.said);
  archive = built.stdout.trim();
  for (const folder of ["info", "updates"]) mkdirSync(at(`var/lib/dpkg/${folder}`), { recursive: true });
  for (const file of ["status", "available"]) writeFileSync(at(`var/lib/dpkg/${file}`), "");
  dpkg("--install", archive);
});

const CONFIG = "etc/steelyard/edge.yaml";
const PROGRAM = "usr/lib/steelyard/bin/steelyard";

describe("the Debian package", () => {
  it("says what it is, and belongs to root", () => {
    const { stdout } = run("dpkg-deb", ["--info", archive]);
    assert.match(stdout, /^ Package: steelyard$/m);
    assert.match(stdout, /^ Recommends: nftables/m);
    const contents = run("dpkg-deb", ["--contents", archive]).stdout.trim().split("\n");
    assert.ok(contents.length > 50);
    for (const line of contents) assert.match(line, /^(l\S{9}|[-d]rw[-x]r-[-x]r-[-x]) root\/root /, line);
    assert.ok(
      contents.some((line) => line.endsWith("./usr/bin/steelyard -> ../lib/steelyard/bin/steelyard")),
    );
    assert.ok(!contents.some((line) => /\.map$|\.ts$/.test(line)));
  });

  it("brings the unit, its user, and a configuration that is not valid before somebody edits it", () => {
    const unit = readFileSync(at("usr/lib/systemd/system/steelyard-edge.service"), "utf8");
    const options = { program: "/usr/bin/steelyard", author: "the package steelyard" };
    assert.equal(unit, renderUnit(options));
    assert.match(readFileSync(at("etc/passwd"), "utf8"), /^steelyard:x:\d+:\d+:steelyard edge:/m);
    assert.equal(
      existsSync(at("etc/systemd/system/multi-user.target.wants")),
      false,
      "not enabled by itself",
    );
    const check = run(at(PROGRAM), ["check", at("etc/steelyard")]);
    assert.deepEqual([check.status, /holds no resource/.test(check.said)], [2, true]);
  });

  it("names every command in its man page", () => {
    const page = spawnSync("gzip", ["-dc", at("usr/share/man/man8/steelyard.8.gz")], {
      encoding: "utf8",
    }).stdout;
    const help = run(at(PROGRAM), ["--help"]).stdout;
    const commands = [...help.matchAll(/^ {2}([a-z]+) /gm)].map(([, name = ""]) => name);
    assert.ok(commands.length >= 8, help);
    for (const command of commands)
      if (command !== "help") assert.match(page, new RegExp(`\\b${command}\\b`));
  });

  it("runs with the Node.js that it brings, and holds an address", async (context) => {
    await inBed(context, SMALL, async ({ e1, holdings }) => {
      const prefix = ["/usr/bin/env", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"];
      await e1.configure(config(router({ priority: 150 })));
      const edge = await e1.host.spawn([...prefix, at(PROGRAM), "edge", "--config", "/run/edge/edge.yaml"]);
      await holdings.settle(VIP, ["e1"]);
      const node = await e1.host.expect(["readlink", `/proc/${edge.pid}/exe`]);
      assert.equal(node.trim(), at("usr/lib/steelyard/runtime/node"));
      const status = await e1.host.expect([...prefix, at(PROGRAM), "status"]);
      assert.match(status, /front +active/);
      assert.deepEqual(await edge.stop(), { code: 0, signal: null });
    });
  });

  it("keeps a configuration that was edited when it is installed again and when it is removed", () => {
    appendFileSync(at(CONFIG), "# mine\n");
    dpkg("--install", archive);
    assert.match(readFileSync(at(CONFIG), "utf8"), /# mine\n$/);
    dpkg("--remove", "steelyard");
    assert.equal(existsSync(at("usr/lib/steelyard")), false);
    assert.match(readFileSync(at(CONFIG), "utf8"), /# mine\n$/);
  });

  it("leaves nothing when it is purged but the user", () => {
    dpkg("--purge", "steelyard");
    const left = readdirSync(system, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name).slice(system.length + 1))
      .filter((path) => !path.startsWith("var/lib/dpkg/"));
    assert.deepEqual(left.sort(), ["etc/.pwd.lock", "etc/group", "etc/gshadow", "etc/passwd", "etc/shadow"]);
  });
});

/** An interface, and an edge on it that is alone. */
const SETUP = `
ip link add way type veth peer name plug
ip link set plug up && ip addr add 10.9.0.1/24 dev way && ip link set way up
dpkg --install /root/steelyard.deb
cat >/etc/steelyard/edge.yaml <<END
${config(router({ interface: "way", addresses: ["10.9.0.100/24"] }))}END`;

/** The address of API servers that are asked by TCP alone. */
const VIP_ENDPOINT = `
apiVersion: steelyard.dev/v1alpha1
kind: ControlPlaneEndpoint
metadata: { name: api }
spec:
  addresses: [10.9.0.100/24]
  interface: way
  apiServer: { check: tcp, interval: 200ms }
`;

/** What docs/engines.md tells an operator to give `systemctl edit` for XDP. */
const dropIn = (): string => {
  const page = readFileSync(join(import.meta.dirname, "../../docs/engines.md"), "utf8");
  const [, text = ""] = /```ini\n([\s\S]*?)```/.exec(page) ?? [];
  assert.match(text, /--engine xdp/);
  return text;
};

/** An edge whose server XDP can carry, to a neighbour that is there for good. */
const DIRECT = `
ip neigh add 10.9.0.21 lladdr 02:00:00:00:00:21 dev way nud permanent
cat >/etc/steelyard/edge.yaml <<END
${config(
  router({ interface: "way", addresses: ["10.9.0.100/24"] }),
  server({
    ...{ address: "10.9.0.100", mode: "dsr", health: undefined },
    backends: [{ name: "n1", address: "10.9.0.21" }],
  }),
)}END`;

/** The service as systemd and it say that it is. */
const lookAt = ({ run }: Machine) => ({
  pid: run("systemctl show --property MainPID --value steelyard-edge").trim(),
  status: run("systemctl show --property StatusText --value steelyard-edge").trim(),
  router: run("steelyard status | grep ^front"),
});

describe("the service, with real systemd,", () => {
  it("has what XDP needs by the drop-in of the documentation alone, and without it says what is missing", async () => {
    await onMachine(async ({ run, copy }) => {
      copy(archive, "steelyard.deb");
      run(SETUP);
      run(DIRECT);
      const isSaid = (words: string): void => {
        run(`for i in $(seq 100); do steelyard status --json | grep -q '${words}' && exit; sleep 0.1; done
          steelyard status; steelyard events; exit 1`);
      };
      const drop = dropIn();
      // The engine without the rights to it.
      const chosen = drop.split("\n").filter((line) => /^(\[Service\]|ExecStart=.*)$/.test(line));
      const edit = (text: string): void => {
        run(`mkdir -p /etc/systemd/system/steelyard-edge.service.d
          cat >/etc/systemd/system/steelyard-edge.service.d/override.conf <<'END'
${text}
END
          systemctl daemon-reload`);
      };
      edit(chosen.join("\n"));
      run("systemctl start steelyard-edge");
      isSaid("xdp: the kernel does not let this process use BPF.*CAP_BPF, CAP_PERFMON");
      assert.doesNotMatch(run("ip link show way"), /xdp/);
      edit(drop);
      run("systemctl restart steelyard-edge");
      isSaid('"engine": *"xdp"');
      assert.match(run("ip link show way"), /xdp/);
      const status = run("cat /proc/$(systemctl show -P MainPID steelyard-edge)/status");
      // CAP_NET_ADMIN, CAP_NET_RAW, CAP_PERFMON, CAP_BPF, and nobody's user.
      for (const set of ["Prm", "Eff", "Bnd"]) {
        assert.match(status, new RegExp(`^Cap${set}:\\t000000c000003000$`, "m"));
      }
      assert.doesNotMatch(status, /^Uid:\t0/m);
      run("systemctl stop steelyard-edge");
      assert.doesNotMatch(run("ip link show way"), /xdp/);
    });
  });

  it("starts, and stays where it is in a restart, a crash, a hang and an upgrade; a stop removes everything", async () => {
    await onMachine(async (machine) => {
      const { run, copy } = machine;
      copy(archive, "steelyard.deb");
      run(SETUP);
      assert.equal(run("systemctl is-active steelyard-edge", 3), "inactive\n");
      // Ready when the command comes back; active an instant later.
      run("systemctl enable --now steelyard-edge");
      run("until steelyard status | grep -q '^front *active'; do sleep 0.1; done");
      run(
        "until [ -n \"$(systemctl show -P StatusText steelyard-edge | grep '1 of 1')\" ]; do sleep 0.1; done",
      );
      const first = lookAt(machine);
      run("ip monitor address >/root/changes 2>&1 & sleep 0.5");

      /** Another process, which went on where the one before was. */
      const goesOn = (what: string, before: string): string => {
        run(
          `until systemctl show -P MainPID steelyard-edge | grep -vxq -e 0 -e ${before}; do sleep 0.1; done`,
        );
        run("until steelyard status | grep -q '^front *active'; do sleep 0.1; done");
        const { pid, router: shown } = lookAt(machine);
        assert.notEqual(pid, before, what);
        assert.equal(run("cat /root/changes"), "", what);
        // By then nobody can tell any more whether a peer has taken over; here there is none.
        if (what !== "a hang" && what !== "a crash") assert.match(shown, /resumed/, what);
        return pid;
      };
      run("systemctl restart steelyard-edge");
      const restarted = goesOn("a restart", first.pid);
      run("systemctl reload steelyard-edge");
      assert.equal(lookAt(machine).pid, restarted, "a reload");
      run(`kill -KILL ${restarted}`);
      const back = goesOn("a crash", restarted);
      run("dpkg --install /root/steelyard.deb");
      const upgraded = goesOn("an upgrade", back);
      run("echo 'kind: none' >/etc/steelyard/more.yaml");
      assert.match(run("dpkg --install /root/steelyard.deb"), /the version that runs goes on/);
      assert.equal(lookAt(machine).pid, upgraded, "a refused upgrade");
      run("rm /etc/steelyard/more.yaml");
      // Nobody sends signs of life any more; systemd kills it after ten seconds.
      run(`kill -STOP ${upgraded}`);
      goesOn("a hang", upgraded);

      run("systemctl stop steelyard-edge");
      assert.match(run("cat /root/changes"), /^Deleted .*10\.9\.0\.100/);
      assert.equal(run("ls /run/steelyard"), "");
      run("dpkg --purge steelyard");
      assert.equal(
        run("find /etc /var/lib /usr/lib -name '*steelyard*'")
          .replace(/^.*dpkg.*$/gm, "")
          .trim(),
        "",
      );
    });
  });

  it("holds the API servers' address by a unit that is ready before k3s starts, and needs no k3s for that", async () => {
    await onMachine(async ({ run, copy }) => {
      copy(archive, "steelyard.deb");
      run(SETUP);
      run("steelyard install --role vip");
      run(`cat >/etc/steelyard/vip.yaml <<END
${VIP_ENDPOINT}END
cat >/etc/systemd/system/k3s.service <<'END'
[Service]
ExecStartPre=/bin/sh -c 'systemctl is-active steelyard-vip >/root/order'
ExecStart=/usr/lib/steelyard/runtime/node -e 'require("node:net").createServer((socket) => socket.on("error", () => {}).end()).listen(6443)'
END
systemctl daemon-reload`);
      // Both at once, as at the start of a machine.
      run("systemctl start k3s steelyard-vip");
      assert.equal(run("cat /root/order"), "active\n");
      const held = "ip address show dev way | grep -q 10.9.0.100";
      run(`until ${held}; do sleep 0.1; done`);
      run(`systemctl stop k3s; while ${held}; do sleep 0.1; done`);
      const status = run("cat /proc/$(systemctl show -P MainPID steelyard-vip)/status");
      assert.match(status, /^CapBnd:\t0000000000003000$/m);
      run("systemctl stop steelyard-vip && steelyard uninstall --role vip --purge");
      assert.equal(run("find /etc /var/lib -name '*vip*' -path '*steelyard*'"), "");
    });
  });

  it("stays where it is as that unit too when the package is upgraded, and a removal takes it away", async () => {
    await onMachine(async ({ run, copy }) => {
      copy(archive, "steelyard.deb");
      run(SETUP);
      run("steelyard install --role vip");
      run(`cat >/etc/steelyard/vip.yaml <<END
${VIP_ENDPOINT}END
systemd-run --quiet /usr/lib/steelyard/runtime/node -e 'require("node:net").createServer((socket) => socket.on("error", () => {}).end()).listen(6443)'
systemctl daemon-reload && systemctl enable --now steelyard-vip
until ip address show dev way | grep -q 10.9.0.100; do sleep 0.1; done
ip monitor address >/root/changes 2>&1 & sleep 0.5`);
      const pid = (): string => run("systemctl show -P MainPID steelyard-vip").trim();
      const first = pid();
      run("dpkg --install /root/steelyard.deb");
      const upgraded = pid();
      assert.notEqual(upgraded, first);
      assert.equal(run(`readlink /proc/${upgraded}/exe`), "/usr/lib/steelyard/runtime/node\n", "the new one");
      run("until steelyard status | grep -q active; do sleep 0.1; done");
      run("cp /etc/steelyard/vip.yaml /root/ && echo 'kind: none' >/etc/steelyard/vip.yaml");
      assert.match(run("dpkg --install /root/steelyard.deb"), /the version that runs goes on.*vip\.yaml/);
      assert.equal(pid(), upgraded, "a refused upgrade");
      run("cp /root/vip.yaml /etc/steelyard/");
      assert.equal(run("cat /root/changes"), "");

      assert.match(run("dpkg --remove steelyard"), /systemctl enable --now steelyard-vip/);
      assert.match(run("cat /root/changes"), /^Deleted .*10\.9\.0\.100/);
      assert.equal(run("systemctl is-active steelyard-vip", 3), "inactive\n");
      assert.equal(run("systemctl is-enabled steelyard-vip", 1), "disabled\n");
      assert.match(run("ls /etc/steelyard"), /vip\.yaml/, "kept");
      run("dpkg --purge steelyard");
      assert.equal(run("find /etc /var/lib -name '*steelyard*' ! -path '*/dpkg/*'"), "");
    });
  });
});
