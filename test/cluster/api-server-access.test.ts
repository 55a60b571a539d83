/** `tls check`, `tls fix` and `kubeconfig` against a real kube-apiserver, behind an address that its certificate first lacks. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { kubeconfig } from "#commands/kubeconfig";
import { tlsCheck } from "#commands/tls-check";
import { tlsFix } from "#commands/tls-fix";
import { type RunProgram, runProgram } from "#drivers/host/program";
import { openCluster } from "#drivers/kubernetes/cluster";
import { readKubeconfig } from "#drivers/kubernetes/kubeconfig";
import { NAMESPACES } from "#runtime/cluster/resources";
import { findAssets } from "./assets.ts";
import { type ControlPlane, sharedControlPlane } from "./bed.ts";

/** Stands for the address that moves between hosts. */
const VIRTUAL = "127.0.0.53";

const folderFor = (context: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), "steelyard-access-"));
  context.after(() => rmSync(folder, { recursive: true }));
  return folder;
};

const portOf = (plane: ControlPlane): number => Number(new URL(plane.url).port);

/** The virtual address: whoever connects there is led to the API server. */
const openVirtual = async (context: TestContext, port: number): Promise<{ close(): void }> => {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(port, "127.0.0.1");
    for (const [from, to] of [[client, upstream] as const, [upstream, client] as const]) {
      sockets.add(from);
      from.on("error", () => to.destroy());
      from.pipe(to);
    }
  }).listen(port, VIRTUAL);
  await once(server, "listening");
  const close = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  context.after(close);
  return { close };
};

/** An administrator, as a distribution's own file has it. */
const adminFile = async (plane: ControlPlane): Promise<string> =>
  (await plane.access({ type: "user", name: "operator", groups: ["system:masters"] }, [])).kubeconfig;

const check = async (plane: ControlPlane, address: string) => {
  const lines: string[] = [];
  const status = await tlsCheck({
    ...{ address: [address], server: [`127.0.0.1:${portOf(plane)}`], kubeconfig: undefined },
    ...{ ca: plane.authority.caFile, soon: "1", timeout: "60", output: "json" },
    print: (line) => lines.push(line),
  });
  return { status, text: lines.join("\n") };
};

const write = async (plane: ControlPlane, output: string) => {
  const lines: string[] = [];
  const status = await kubeconfig({
    ...{
      address: [VIRTUAL],
      server: [`127.0.0.1:${portOf(plane)}`],
      from: await adminFile(plane),
      ssh: undefined,
    },
    ...{ sudo: false, sourceContext: undefined, context: "lab", output, port: String(portOf(plane)) },
    ...{ makeCurrent: false, replace: false, toOutput: false, watch: false, interval: "1", timeout: "60" },
    print: (line) => lines.push(line),
    complain: (line) => lines.push(line),
  });
  return { status, text: lines.join("\n") };
};

/** What a client that is given the file hears from the API server. */
const request = async (output: string): Promise<string> => {
  const credentials = readKubeconfig(output, { context: "lab" });
  assert.ok(credentials.ok, credentials.ok ? "" : credentials.problem);
  const cluster = openCluster(credentials.value);
  try {
    const answer = await cluster.read({ resource: NAMESPACES, name: "kube-system" });
    assert.ok(answer.ok, JSON.stringify(answer));
    return credentials.value.server;
  } finally {
    cluster.close();
  }
};

const CONFIG_MAP = "kube-system/configmaps/kubeadm-config";
const CONFIGURATION = `apiServer:
  certSANs:
  - 127.0.0.1 # for this test
  - localhost
apiVersion: kubeadm.k8s.io/v1beta4
clusterName: kubernetes
kind: ClusterConfiguration
kubernetesVersion: v1.36.3
networking:
  serviceSubnet: 10.96.0.0/16
`;

/** The files of a node that kubeadm has set up, around the API server that runs. */
const openNode = async (context: TestContext, plane: ControlPlane): Promise<string> => {
  const root = folderFor(context);
  const pki = join(root, "etc/kubernetes/pki");
  mkdirSync(pki, { recursive: true });
  mkdirSync(join(root, "etc/kubernetes/manifests"));
  for (const [name, file] of [
    ["ca.crt", "ca.crt"],
    ["ca.key", "ca.key"],
    ["apiserver.crt", "kube-apiserver.crt"],
    ["apiserver.key", "kube-apiserver.key"],
  ] as const) {
    symlinkSync(join(plane.folder, file), join(pki, name));
  }
  const manifest = "    - --advertise-address=192.0.2.1\n    - --secure-port=6443\n";
  writeFileSync(join(root, "etc/kubernetes/manifests/kube-apiserver.yaml"), manifest);
  writeFileSync(join(root, "etc/kubernetes/admin.conf"), readFileSync(await adminFile(plane)), {
    mode: 0o600,
  });
  return root;
};

describe("access to a real API server", { concurrency: false }, () => {
  const inCluster = sharedControlPlane();

  it("is told to lack the address by its certificate, and the kubeconfig falls back to the node", (context) =>
    inCluster(async (plane) => {
      assert.equal((await check(plane, "127.0.0.1")).status, 0);
      const lacking = await check(plane, VIRTUAL);
      assert.equal(lacking.status, 1, lacking.text);
      assert.match(lacking.text, /"lacks-name"[\s\S]*"names":\[[^\]]*"localhost"/);
      await openVirtual(context, portOf(plane));
      const output = join(folderFor(context), "config");
      const { status, text } = await write(plane, output);
      assert.equal(status, 3, text);
      assert.match(text, /does not carry this name/);
      assert.equal(statSync(output).mode & 0o777, 0o600);
      assert.equal(await request(output), `https://127.0.0.1:${portOf(plane)}`);
    })(context));

  it("is mended by the real kubeadm while it runs, without a restart, and only once", (context) =>
    inCluster(async (plane) => {
      const assets = findAssets(["kubeadm"]);
      const root = await openNode(context, plane);
      await plane.admin.create("/api/v1/namespaces/kube-system/configmaps", {
        ...{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "kubeadm-config" } },
        data: { ClusterConfiguration: CONFIGURATION },
      });
      const calls: string[] = [];
      const run: RunProgram = (command, args, options) => {
        calls.push([command, ...args.slice(0, 4)].join(" "));
        return runProgram(command === "kubeadm" ? join(assets, command) : command, args, options);
      };
      const fix = async () => {
        const lines: string[] = [];
        const status = await tlsFix({
          ...{
            address: [VIRTUAL],
            distribution: "kubeadm",
            ssh: [],
            remoteCommand: "",
            kubeadmConfig: undefined,
          },
          ...{ apiServer: `127.0.0.1:${portOf(plane)}`, dryRun: false, wait: "120", root, run },
          print: (line) => lines.push(line),
          complain: (line) => lines.push(line),
        });
        return { status, text: lines.join("\n") };
      };
      const pid = plane.apiServer.pid();
      const { status, text } = await fix();
      assert.equal(status, 0, text);
      assert.deepEqual(calls, ["kubeadm init phase certs apiserver"]);
      assert.equal(plane.apiServer.pid(), pid);
      const { data } = await plane.admin.get<{ data: { ClusterConfiguration: string } }>(
        `/api/v1/namespaces/${CONFIG_MAP}`,
      );
      assert.equal(
        data.ClusterConfiguration,
        CONFIGURATION.replace("  - localhost\n", `  - localhost\n  - ${VIRTUAL}\n`),
      );
      const again = await fix();
      assert.deepEqual([again.status, calls.length], [0, 1], again.text);
      assert.match(again.text, /nothing to do/);
      assert.equal((await check(plane, VIRTUAL)).status, 0);
    })(context));

  it("is by the virtual address from then on, and by the node while that is gone", (context) =>
    inCluster(async (plane) => {
      const virtual = await openVirtual(context, portOf(plane));
      const output = join(folderFor(context), "config");
      const { status, text } = await write(plane, output);
      assert.equal(status, 0, text);
      assert.equal(await request(output), `https://${VIRTUAL}:${portOf(plane)}`);
      virtual.close();
      const gone = await write(plane, output);
      assert.equal(gone.status, 3, gone.text);
      assert.equal(await request(output), `https://127.0.0.1:${portOf(plane)}`);
    })(context));
});
