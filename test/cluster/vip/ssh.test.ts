/**
 * What is done to control-plane hosts by ssh from elsewhere: `tls fix` on three of them, and `kubeconfig` from one, with Debian's
 * sshd and ssh, real API servers on one etcd, and the real kubeadm.
 */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { LabProcess, RunResult } from "#lab/host";
import { findAssets } from "../assets.ts";
import { eventually } from "../eventually.ts";
import { readLaunch } from "../launch.ts";
import { type Masters, openMasters } from "./bed.ts";
import { API_PORT, lanAddress, MASTERS, type MasterName, servedAddresses } from "./plan.ts";
import { HELD, HOLD, openSsh, PKI, TARGETS, target } from "./ssh.ts";

/** Addresses that no certificate carries at first. */
const [FIRST, SECOND] = ["10.2.0.110", "10.2.0.111"];
const LONG_MS = 180_000;
const CONFIG_MAP = "/api/v1/namespaces/kube-system/configmaps";
/** What the certificates are for by the cluster's own configuration: everything that clients of this lab call. */
const LISTED = ["localhost", ...new Set(MASTERS.flatMap(servedAddresses))];
const CONFIGURATION = `apiServer:
  certSANs: # for people
${LISTED.map((name) => `  - ${JSON.stringify(name)}\n`).join("")}\
apiVersion: kubeadm.k8s.io/v1beta4
clusterName: kubernetes
kind: ClusterConfiguration
kubernetesVersion: v1.36.3
networking:
  serviceSubnet: 10.96.0.0/16
`;

let masters: Masters;

const steelyard = (...args: readonly string[]): readonly string[] => [
  ...[process.execPath, ...readLaunch().flags],
  ...[new URL("../../../dist/main.js", import.meta.url).pathname, ...args],
];

const command = (address: string, ...more: readonly string[]): readonly string[] =>
  steelyard("tls", "fix", `--address=${address}`, `--ssh=${TARGETS}`, "--remote-command=steelyard", ...more);

const fix = (address: string, ...more: readonly string[]): Promise<RunResult> =>
  masters.client.run(command(address, ...more), { timeoutMs: LONG_MS });

/** The names in the certificate that lies on a host. */
const namesOn = async (name: MasterName): Promise<string> => {
  const pem = await masters.master(name).host.expect(["cat", `${PKI}/apiserver.crt`]);
  return new X509Certificate(pem).subjectAltName ?? "";
};

const carrying = async (address: string): Promise<readonly MasterName[]> => {
  const names = await Promise.all(MASTERS.map(namesOn));
  return MASTERS.filter((_, index) => names[index]?.split(", ").includes(`IP Address:${address}`));
};

/** All files of a host that the command may change, by content and time, and what the cluster keeps. */
const everything = async (): Promise<readonly string[]> => {
  const list =
    "find -L /etc/kubernetes -printf '%p %m %T@\\n' | sort; find -L /etc/kubernetes -type f -exec md5sum {} + | sort";
  const files = await Promise.all(masters.all.map(({ host }) => host.expect(["sh", "-ec", list])));
  const kept = await masters.master("m1").apiServer.admin.get(`${CONFIG_MAP}/kubeadm-config`);
  return [...files, JSON.stringify(kept)];
};

const has = async (name: MasterName, path: string): Promise<boolean> =>
  (await masters.master(name).host.run(["test", "-e", path])).code === 0;

/** Begins, and comes back when kubeadm on that host has done its work and is not let go yet. */
const beginAndHold = async (address: string, name: MasterName): Promise<LabProcess> => {
  const { host } = masters.master(name);
  await host.expect(["rm", "-f", HELD]);
  await host.expect(["touch", HOLD]);
  const begun = await masters.client.spawn(command(address));
  await eventually(`kubeadm on ${name}`, LONG_MS, async () => ((await has(name, HELD)) ? true : undefined));
  return begun;
};

const letGo = async (name: MasterName): Promise<void> => {
  await masters.master(name).host.expect(["rm", "-f", HOLD]);
};

describe("control-plane hosts that are reached by ssh", () => {
  before(async () => {
    masters = await openMasters();
    const start = masters.start();
    await openSsh(masters, `${findAssets(["kubeadm"])}/kubeadm`);
    await start;
    await masters.master("m1").apiServer.admin.create(CONFIG_MAP, {
      ...{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "kubeadm-config" } },
      data: { ClusterConfiguration: CONFIGURATION },
    });
    // Stands for `steelyard vip`, of which this is not about.
    await masters.master("m1").host.expect(["ip", "address", "add", `${FIRST}/32`, "dev", "eth0"]);
  });
  after(() => masters?.close());

  it("give a kubeconfig that leads to a node while their certificates lack the address", async () => {
    const { code, stdout, stderr } = await masters.client.run(
      steelyard(
        "kubeconfig",
        `--address=${FIRST}`,
        "--context=home",
        `--ssh=${target("m2")}`,
        "--output=/run/config",
      ),
    );
    assert.equal(code, 3, stdout + stderr);
    assert.match(stdout + stderr, /does not carry this name/);
    assert.match(
      await masters.client.read("/run/config"),
      new RegExp(`server: https://${lanAddress("m2")}:${API_PORT}`),
    );
  });

  it("are each asked what would be done, and are left as they are", async () => {
    const was = await everything();
    const { code, stdout, stderr } = await fix(FIRST, "--dry-run");
    assert.equal(code, 0, stdout + stderr);
    for (const name of MASTERS) assert.match(stdout, new RegExp(`^${target(name)}: would make a new `, "m"));
    assert.deepEqual(await everything(), was);
  });

  it("get the address one after the other, and the next is not begun before the last one's API server is well", async () => {
    const old = await namesOn("m1");
    const { apiServer } = masters.master("m1");
    const pids = masters.all.map((each) => each.apiServer.pid());
    const begun = await beginAndHold(FIRST, "m1");
    await apiServer.freeze();
    await letGo("m1");
    await begun.said(/^root@10\.2\.0\.11: a new /m, LONG_MS);
    // What waits does nothing for as long as one looks.
    await pause(3_000);
    assert.deepEqual(await carrying(FIRST), ["m1"]);
    assert.doesNotMatch(begun.stdout(), /^root@10\.2\.0\.1[12]: done/m);
    await apiServer.thaw();
    const { code } = await begun.exited;
    assert.equal(code, 0, begun.stdout() + begun.stderr());
    assert.deepEqual(await carrying(FIRST), [...MASTERS]);
    const done = [...begun.stdout().matchAll(/^(\S+): (done|a new)/gm)].map(
      ([, who, what]) => `${who} ${what}`,
    );
    assert.deepEqual(
      done,
      MASTERS.flatMap((name) => [`${target(name)} a new`, `${target(name)} done`]),
    );
    // No API server was restarted, and none lost a name.
    assert.deepEqual(
      masters.all.map((each) => each.apiServer.pid()),
      pids,
    );
    for (const name of old.split(", ")) assert.ok((await namesOn("m1")).split(", ").includes(name), name);
    const copies = "ls /etc/kubernetes/steelyard-backup-*";
    assert.match(await masters.master("m1").host.expect(["sh", "-c", copies]), /ClusterConfiguration\.yaml/);
    for (const { host } of masters.all)
      assert.match(await host.expect(["sh", "-c", copies]), /apiserver\.crt\napiserver\.key/);
  });

  it("are not touched the second time", async () => {
    const was = await everything();
    const { code, stdout, stderr } = await fix(FIRST);
    assert.equal(code, 0, stdout + stderr);
    for (const name of MASTERS) assert.match(stdout, new RegExp(`^${target(name)}: .*nothing to do`, "m"));
    assert.deepEqual(await everything(), was);
  });

  it("are called by the address from then on, from elsewhere too", async () => {
    const { code, stdout, stderr } = await masters.client.run(
      steelyard(
        "kubeconfig",
        `--address=${FIRST}`,
        "--context=home",
        `--ssh=${target("m2")}`,
        "--output=/run/config",
      ),
    );
    assert.equal(code, 0, stdout + stderr);
    assert.match(
      await masters.client.read("/run/config"),
      new RegExp(`server: https://${FIRST}:${API_PORT}`),
    );
  });

  it("are all left alone while one of them is not reached, which is said with ssh's own words", async () => {
    const was = await everything();
    await masters.master("m3").linkDown();
    const { code, stdout, stderr } = await fix(SECOND);
    await masters.master("m3").linkUp();
    assert.equal(code, 1, stdout + stderr);
    assert.match(stdout, /^root@10\.2\.0\.13: ssh: connect to host 10\.2\.0\.13 port 22: /m);
    assert.match(
      stderr,
      /^Nothing was changed on any host[\s\S]*^root@10\.2\.0\.13: ssh did not get there$/m,
    );
    assert.deepEqual(await everything(), was);
    const config = steelyard(
      "kubeconfig",
      `--address=${FIRST}`,
      "--ssh=root@10.2.0.250",
      "--output=/run/other",
    );
    const nobody = await masters.client.run(config);
    assert.equal(nobody.code, 2, nobody.stdout + nobody.stderr);
    assert.match(nobody.stderr, /--ssh root@10\.2\.0\.250: status 255: ssh: connect to host/);
    assert.notEqual((await masters.client.run(["test", "-e", "/run/other"])).code, 0);
  });

  it("are done as far as they are reached, the rest is named, and the same command goes on there", async () => {
    const begun = await beginAndHold(SECOND, "m1");
    await masters.master("m2").linkDown();
    await letGo("m1");
    const { code } = await begun.exited;
    await masters.master("m2").linkUp();
    assert.equal(code, 1, begun.stdout() + begun.stderr());
    assert.match(begun.stderr(), /^Stopped at root@10\.2\.0\.12; not touched: root@10\.2\.0\.13\. Mend it/m);
    assert.deepEqual(await carrying(SECOND), ["m1"]);
    const again = await fix(SECOND);
    assert.equal(again.code, 0, again.stdout + again.stderr);
    assert.match(again.stdout, /^root@10\.2\.0\.11: .*nothing to do/m);
    assert.deepEqual(await carrying(SECOND), [...MASTERS]);
  });
});
