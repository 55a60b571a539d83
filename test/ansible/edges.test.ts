/**
 * The Ansible collection against machines with systemd: a pair of edges, from nothing to nothing. e1, which holds the address, has
 * the program from an archive, e2 from the Debian package.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { lintCollection, openSite, type Run, type Site } from "./site.ts";

const ROOT = join(import.meta.dirname, "../..");
const VIP = "10.9.0.100";
const EDGES = ["e1", "e2"];

const folder = mkdtempSync(join(tmpdir(), "steelyard-ansible-"));
const archive = join(folder, "steelyard.tgz");
const script = join(folder, "here.sh");
let deb = "";
let site: Site;

const make = (command: string, ...args: readonly string[]): string => {
  const ran = spawnSync(command, args, { cwd: ROOT, encoding: "utf8" });
  assert.equal(ran.status, 0, `${ran.stdout}${ran.stderr}`);
  return ran.stdout.trim();
};

before(async () => {
  deb = make(process.execPath, "scripts/build-deb.ts", "--fast", "--output", folder);
  copyFileSync(join(folder, make("npm", "pack", "--silent", "--pack-destination", folder)), archive);
  writeFileSync(script, "#!/bin/sh\nexit 0\n");
  site = await openSite(EDGES);
});
after(async () => {
  await site?.close();
  rmSync(folder, { recursive: true });
});

const BACKENDS = [{ name: "n1", address: "10.9.0.21" }];

/** Without the file of its script the router would be in fault. */
const CHECK = {
  ...{ apiVersion: "steelyard.dev/v1alpha1", kind: "TrackedCheck", metadata: { name: "here" } },
  spec: { script: { command: ["/etc/steelyard/here.sh"] } },
};
const ROUTER = {
  ...{ vrid: 51, advertisementInterval: "500ms", addresses: [`${VIP}/24`] },
  track: { checks: [{ name: "here" }] },
};

/** The inventory, and what a change adds to it. */
const tell = (change: { readonly home?: object; readonly vars?: object } = {}): void => {
  site.inventory({
    steelyard_edges: {
      hosts: {
        e1: { steelyard_archive: archive, steelyard_node: process.execPath },
        e2: { steelyard_package: deb },
      },
      vars: {
        steelyard_edge_interface: "eth0",
        steelyard_files: [{ name: "here.sh", src: script, mode: "0750" }],
        steelyard_edge_resources: [CHECK],
        steelyard_edge_routers: { home: { ...ROUTER, ...change.home } },
        steelyard_edge_servers: {
          web: { address: VIP, port: 80, backends: BACKENDS, health: { tcp: {} } },
          echo: {
            ...{ address: VIP, port: 9000, protocol: "UDP", backends: BACKENDS },
            health: { tcp: {}, port: 80 },
          },
        },
        ...change.vars,
      },
    },
  });
};

const changes = ({ hosts }: Run): readonly (readonly [string, number])[] =>
  [...hosts].map(([name, { changed }]) => [name, changed] as const);

const NOTHING = EDGES.map((name) => [name, 0] as const);

const succeed = (run: Run): Run => {
  assert.equal(run.status, 0, run.output);
  return run;
};

/** Everything that these roles may have left on a host. */
const leftOn = (name: string): string =>
  site.machine(name).run(
    `find /etc /opt /run /usr/bin /usr/lib /usr/local /usr/share/doc /var/cache /var/lib -xdev -iname '*steelyard*'
       getent passwd steelyard; getent group steelyard; ip -o address | grep -F ${VIP}; nft list tables
       cat /proc/sys/net/ipv4/tcp_retries2; true`,
  );

const shown = (name: string): string =>
  site.machine(name).run("PATH=/usr/local/bin:$PATH; steelyard status | grep ^home");

const configuration = (name: string): string => site.machine(name).run("cat /etc/steelyard/edge.yaml");

const mainPid = (name: string): string => site.machine(name).run("systemctl show -P MainPID steelyard-edge");

describe("the playbook for edges", () => {
  const before = new Map<string, string>();

  it("changes nothing in check mode, where nothing is installed yet", async () => {
    for (const name of EDGES) before.set(name, leftOn(name));
    tell();
    const run = succeed(await site.play("edges", "--check"));
    for (const [name, changed] of changes(run)) assert.ok(changed > 0, `${name} would be changed`);
    for (const name of EDGES) assert.equal(leftOn(name), before.get(name), name);
  });

  it("makes a pair of fresh machines, the first of which holds the address", async () => {
    const run = succeed(await site.play("edges"));
    for (const [name, changed] of changes(run)) assert.ok(changed > 0, name);
    assert.match(shown("e1"), /^home +active +150/);
    assert.match(shown("e2"), /^home +backup +140/);
    assert.equal(site.fetch(`http://${VIP}/`), "n1\n");
  });

  it("finds nothing to change the second time", async () => {
    const run = succeed(await site.play("edges"));
    assert.deepEqual(changes(run), NOTHING);
  });

  it("refuses what is wrong before it touches anything", async () => {
    const was = EDGES.map(configuration);
    tell({ home: { vrid: 300 } });
    const wrong = await site.play("edges");
    assert.notEqual(wrong.status, 0);
    assert.match(wrong.output, /edge\.yaml:\d+:\d+ spec\.vrid: 300 is above 255/);
    tell({ vars: { steelyard_edge_interface: "" } });
    const missing = await site.play("edges");
    assert.notEqual(missing.status, 0);
    assert.match(missing.output, /No interface for home: set steelyard_edge_interface/);
    tell({ vars: { steelyard_edge_servers: ["web"] } });
    const shape = await site.play("edges");
    assert.notEqual(shape.status, 0);
    assert.match(shape.output, /argument 'steelyard_edge_servers' is of type .*list/);
    for (const run of [wrong, missing, shape]) assert.deepEqual(changes(run), NOTHING);
    assert.deepEqual(EDGES.map(configuration), was);
  });

  it("goes from host to host with a change and another program, the one that holds the address last, and loses no packet", async () => {
    const pids = EDGES.map(mainPid);
    // Another archive by its digest, of the same program.
    make("sh", "-c", `gzip -dc ${archive} | gzip -1 >${archive}.new && mv ${archive}.new ${archive}`);
    writeFileSync(script, "#!/bin/sh\n# another\nexit 0\n");
    tell({
      home: { preemptDelay: "30s" },
      vars: { steelyard_sysctls: { "net.ipv4.tcp_retries2": 9 } },
    });
    const probing = await site.probe(VIP, 9000);
    await pause(1_000);
    const run = succeed(await site.play("edges"));
    const { sent, answers } = await probing.end();
    assert.ok(sent > 100);
    assert.equal(sent - answers.length, 0, run.output);
    assert.deepEqual(
      Array.from(
        run.output.matchAll(/Write the configuration\].*\n(?:[^T].*\n|\n)*?changed: \[(e\d)\]/g),
        ([, name]) => name,
      ),
      ["e2", "e1"],
    );
    for (const name of EDGES) {
      assert.match(configuration(name), /preemptDelay: 30s/);
      assert.match(leftOn(name), /^9$/m);
      assert.equal(
        site.machine(name).run("cd /etc/steelyard; stat -c '%a %U %G' here.sh; sed -n 2p here.sh"),
        "750 root steelyard\n# another\n",
      );
    }
    assert.match(shown("e1"), /^home +active/);
    assert.notEqual(mainPid("e1"), pids[0], "the new program runs");
    assert.equal(mainPid("e2"), pids[1], "reloaded only");
  });

  it("removes all of it", async () => {
    const run = succeed(await site.play("edges", "--extra-vars", "steelyard_state=absent"));
    for (const [name, changed] of changes(run)) assert.ok(changed > 0, name);
    for (const name of EDGES) assert.equal(leftOn(name), before.get(name), name);
    assert.equal(site.fetch(`http://${VIP}/`), undefined);
  });
});

describe("the collection", () => {
  it("pleases ansible-lint", () => {
    const { status, output } = lintCollection(site.folder);
    assert.equal(status, 0, output);
    const [, files = "0"] = /on (\d+) files/.exec(output) ?? [];
    assert.ok(Number(files) > 30, output);
  });

  it("has the version of the program", () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
    assert.match(
      readFileSync(join(ROOT, "packaging/ansible/galaxy.yml"), "utf8"),
      new RegExp(`^version: ${version}$`, "m"),
    );
  });
});
