import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, describe, it } from "node:test";

const SCRIPT = join(import.meta.dirname, "kubernetes.ts");
const KUBERNETES = ["etcd", "kube-apiserver", "kube-proxy", "kubectl", "kubeadm"];
const METALLB = ["metallb-controller", "metallb-speaker"];

describe("finding Kubernetes", () => {
  const root = mkdtempSync(join(tmpdir(), "steelyard-kubernetes-"));
  const [given, cache] = [join(root, "given"), join(root, "cache")];
  after(() => rmSync(root, { recursive: true }));
  beforeEach(() => {
    for (const folder of [given, cache]) {
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder);
    }
  });

  const put = (folder: string, names: readonly string[]): void => {
    for (const name of names) {
      writeFileSync(join(folder, name), "");
      chmodSync(join(folder, name), 0o755);
    }
  };
  /** On a machine without any Go. */
  const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [SCRIPT, ...args], {
      env: { PATH: "", XDG_CACHE_HOME: cache, KUBEBUILDER_ASSETS: given, ...env },
      encoding: "utf8",
    });
    return { status, stdout: stdout.trim(), stderr };
  };
  /** The folder of what was built of a module before; it is named after the version. */
  const built = (module: "kubernetes" | "metallb"): string => {
    run([]);
    const folder = join(cache, "steelyard", module);
    return join(folder, readdirSync(folder)[0] ?? assert.fail("no folder of a version"));
  };

  it("takes a folder that holds everything as it is", () => {
    put(given, [...KUBERNETES, ...METALLB]);
    assert.deepEqual(run([]), { status: 0, stdout: given, stderr: "" });
  });

  it("takes from it what it holds, and the rest of what was built", () => {
    put(given, ["etcd", "kube-apiserver"]);
    const [folder, metallb] = [built("kubernetes"), built("metallb")];
    put(folder, KUBERNETES);
    put(metallb, METALLB);
    for (const _ of ["once", "and again, where it is there already"]) {
      const { status, stdout, stderr } = run([]);
      assert.equal(status, 0, stderr);
      assert.match(
        stderr,
        /holds no kube-proxy, no kubectl, no kubeadm, no metallb-controller, no metallb-speaker/,
      );
      assert.deepEqual(
        readdirSync(stdout).map((name) => readlinkSync(join(stdout, name))),
        [
          ...[join(given, "etcd"), join(given, "kube-apiserver")],
          ...[join(folder, "kube-proxy"), join(folder, "kubeadm"), join(folder, "kubectl")],
          ...METALLB.map((name) => join(metallb, name)),
        ],
      );
    }
  });

  it("takes what was built when there is nothing else", () => {
    const folder = built("kubernetes");
    put(folder, KUBERNETES);
    const outcome = run(KUBERNETES, { KUBEBUILDER_ASSETS: "" });
    assert.deepEqual(outcome, { status: 0, stdout: folder, stderr: "" });
  });

  it("says what helps where nothing can be built", () => {
    put(given, ["etcd", "kube-apiserver"]);
    const { status, stderr } = run(KUBERNETES);
    assert.equal(status, 1);
    assert.match(stderr, /no kube-proxy, no kubectl, no kubeadm here, and no Go/);
    assert.match(stderr, /KUBEBUILDER_ASSETS=FOLDER with kube-proxy and kubectl and kubeadm in it/);
  });

  it("lets a command go on a laptop that cannot run it, and fails for it in CI", () => {
    const command = ["--", process.execPath, "-e", "console.log(process.env.KUBEBUILDER_ASSETS)"];
    assert.match(run(command).stderr, /NOT RUN/);
    assert.deepEqual([run(command).status, run(command, { CI: "true" }).status], [0, 1]);
    put(given, [...KUBERNETES, ...METALLB]);
    assert.equal(run(command).stdout, given);
  });

  it("refuses programs that it does not know", () => {
    const { status, stderr } = run(["kubelet"]);
    assert.equal(status, 1);
    assert.match(stderr, /kubelet: unknown; there is etcd, kube-apiserver, kube-proxy, kubectl/);
  });
});
