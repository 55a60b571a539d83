/** The real kubectl: what it makes of the manifests that we print and ship, and of the kubeconfig that we write. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, describe, it } from "node:test";
import { findAssets } from "./assets.ts";
import { type ControlPlane, sharedControlPlane } from "./bed.ts";
import { readManifest } from "./manifest.ts";

const ROOT = join(import.meta.dirname, "../..");
const LIMIT = 60_000;

type Ran = { readonly status: number | null; readonly stdout: string; readonly stderr: string };

const folder = mkdtempSync(join(tmpdir(), "steelyard-kubectl-"));
after(() => rmSync(folder, { recursive: true }));

/** Never blocks: what the API server keeps goes through this process on its way to etcd. */
const run = (
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  input = "",
): Promise<Ran> =>
  new Promise((resolve) => {
    // Nothing of whoever runs the tests: neither a kubeconfig nor what kubectl remembers.
    const options = { timeout: LIMIT, cwd: ROOT, env: { PATH: process.env.PATH, HOME: folder, ...env } };
    const child = execFile(program, args, options, (error, stdout, stderr) =>
      resolve({ status: error === null ? 0 : child.exitCode, stdout, stderr }),
    );
    child.stdin?.end(input);
  });

const succeed = async (running: Promise<Ran>): Promise<string> => {
  const { status, stdout, stderr } = await running;
  assert.equal(status, 0, stdout + stderr);
  return stdout;
};

const steelyard = (...args: readonly string[]): Promise<string> =>
  succeed(run(process.execPath, [join(ROOT, "dist/main.js"), ...args]));

const ENDPOINT = [
  ...["--address", "192.0.2.10/24", "--interface", "eth0", "--ca", "/etc/kubernetes/pki/ca.crt"],
  ...["--peers", "192.0.2.1,192.0.2.2,192.0.2.3", "--image", "registry.example/steelyard:0.1.0"],
];

/** An administrator, as a distribution's own file has it. */
const adminFile = async (plane: ControlPlane): Promise<string> =>
  (await plane.access({ type: "user", name: "operator", groups: ["system:masters"] }, [])).kubeconfig;

const kubectlFor = async (plane: ControlPlane) => {
  const kubeconfig = await adminFile(plane);
  const program = join(findAssets(["kubectl"]), "kubectl");
  return (args: readonly string[], input = ""): Promise<Ran> =>
    run(program, ["--kubeconfig", kubeconfig, ...args], {}, input);
};

describe("kubectl", () => {
  const inCluster = sharedControlPlane();

  it(
    "would apply every manifest of steelyard vip as it is printed, and refuses one with a field that there is not",
    inCluster(async (plane) => {
      const kubectl = await kubectlFor(plane);
      const account = { metadata: { name: "default" } };
      await plane.admin.request("POST", "/api/v1/namespaces/kube-system/serviceaccounts", { body: account });
      const dryRun = ["apply", "--dry-run=server", "--validate=strict", "-f"];
      for (const [artefact, said] of [
        ["pod", "pod/steelyard-vip created (server dry run)\n"],
        ["daemonset", "daemonset.apps/steelyard-vip created (server dry run)\n"],
        ["k3s", "daemonset.apps/steelyard-vip created (server dry run)\n"],
      ] as const) {
        const printed = await steelyard("manifest", artefact, ...ENDPOINT);
        // From a pipe, as the page says, and as a file.
        assert.equal(await succeed(kubectl([...dryRun, "-"], printed)), said);
        const file = join(folder, `${artefact}.yaml`);
        writeFileSync(file, printed);
        assert.equal(await succeed(kubectl([...dryRun, file])), said);
        const wrong = await kubectl([...dryRun, "-"], printed.replace("hostNetwork:", "hostNetwrok:"));
        assert.notEqual(wrong.status, 0);
        assert.match(wrong.stderr, /unknown field "spec\.(template\.spec\.)?hostNetwrok"/);
      }
      assert.equal(await succeed(kubectl(["-n", "kube-system", "get", "pods,daemonsets", "-o", "name"])), "");
    }),
  );

  it(
    "applies, changes nothing the second time, and deletes as the page says",
    inCluster(async (plane) => {
      const kubectl = await kubectlFor(plane);
      const printed = await steelyard("manifest", "daemonset", ...ENDPOINT);
      assert.equal(
        await succeed(kubectl(["apply", "-f", "-"], printed)),
        "daemonset.apps/steelyard-vip created\n",
      );
      assert.equal(
        await succeed(kubectl(["apply", "-f", "-"], printed)),
        "daemonset.apps/steelyard-vip unchanged\n",
      );
      const gone = kubectl(["-n", "kube-system", "delete", "daemonset", "steelyard-vip", "--wait=false"]);
      assert.match(await succeed(gone), /daemonset\.apps "steelyard-vip" deleted/);
    }),
  );

  it(
    "installs controller and speaker as the page says, and would change nothing of them afterwards",
    inCluster(async (plane) => {
      const kubectl = await kubectlFor(plane);
      const read = (name: string): string => readFileSync(join(ROOT, "packaging/manifests", name), "utf8");
      const workloads = `${read("controller.yaml")}\n${read("speaker.yaml")}`;
      await succeed(kubectl(["create", "--validate=strict", "-f", "packaging/crds"]));
      await succeed(kubectl(["apply", "-f", "packaging/manifests/namespace.yaml"]));
      // The page has it from a pipe, which a child of this process has not.
      const key = join(folder, "key");
      writeFileSync(key, "0".repeat(64));
      const secret = ["create", "secret", "generic", "steelyard-speaker", `--from-file=key=${key}`];
      await succeed(kubectl(["-n", "steelyard-system", ...secret]));
      await succeed(kubectl(["apply", "--validate=strict", "-f", "-"], workloads));
      const again = await succeed(
        kubectl(["apply", "--dry-run=server", "--validate=strict", "-f", "-"], workloads),
      );
      const lines = again.trim().split("\n");
      assert.equal(lines.length, readManifest(workloads).length);
      // kubectl replaces the selector of a budget whole, and calls that a change whatever is in it.
      for (const line of lines)
        assert.match(
          line,
          /^poddisruptionbudget\S+ configured \(server dry run\)$| unchanged \(server dry run\)$/,
        );
    }),
  );

  it(
    "takes the kubeconfig that we write, beside the contexts that were there",
    inCluster(async (plane) => {
      const program = join(findAssets(["kubectl"]), "kubectl");
      const { hostname, port } = new URL(plane.url);
      const from = await adminFile(plane);
      const output = join(folder, ".kube/config");
      mkdirSync(join(folder, ".kube"), { recursive: true });
      const config = (...args: readonly string[]): Promise<string> =>
        succeed(run(program, ["--kubeconfig", output, "config", ...args]));
      // A file that kubectl itself has made.
      await config("set-cluster", "work", "--server=https://192.0.2.77:6443");
      await config("set-credentials", "me", "--token=secret");
      await config("set-context", "work", "--cluster=work", "--user=me", "--namespace=prod");
      await config("use-context", "work");
      const write = (context: string): Promise<string> =>
        steelyard(
          ...["kubeconfig", "--address", hostname, "--port", port, "--from", from],
          ...["--context", context, "--output", output],
        );
      await write("home");
      await write("second");
      assert.equal(await config("get-contexts", "-o", "name"), "home\nsecond\nwork\n");
      assert.equal(await config("current-context"), "work\n");
      assert.match(
        await config("view", "--minify"),
        /server: https:\/\/192\.0\.2\.77:6443\n[\s\S]*namespace: prod\n/,
      );
      assert.equal(statSync(output).mode & 0o777, 0o600);
      // Where kubectl looks by itself, and with another file merged in by the environment.
      for (const context of ["home", "second"])
        assert.equal(await succeed(run(program, ["--context", context, "get", "--raw", "/readyz"])), "ok");
      const merged = { KUBECONFIG: [from, output].join(delimiter) };
      assert.equal(
        await succeed(run(program, ["--context", "home", "get", "--raw", "/readyz"], merged)),
        "ok",
      );
      assert.match(await succeed(run(program, ["--context", "home", "auth", "whoami"])), /operator/);
      // Brought up to date, it is the same file to kubectl.
      const before = await config("view", "--raw");
      await write("home");
      assert.equal(await config("view", "--raw"), before);
    }),
  );
});
