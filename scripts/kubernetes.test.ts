import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";

const script = join(import.meta.dirname, "kubernetes.ts");
const goMod = readFileSync(join(import.meta.dirname, "../tools/kubernetes/go.mod"), "utf8");

/** Says how it was called, takes its time, and makes every program that it was asked for. */
const GO = `#!/bin/sh
echo "$@" >>"$0.calls"
sleep 0.3
[ -e "$0.fails" ] && { echo "go: no such module" >&2; exit 1; }
while [ "$1" != -o ]; do shift; done
shift; folder=$1; shift
for package; do name=\${package%/v3}; name=\${name##*/}; printf '#!/bin/sh\\n' >"$folder/$name"; chmod +x "$folder/$name"; done
`;

type Scene = {
  /** A folder in which nothing is yet, besides PATH's `path`. */
  readonly home: string;
  readonly env: Readonly<Record<string, string>>;
  /** How often `go` was called, and with what. */
  calls(): readonly string[];
  /** Whatever is in the cache for the version. */
  cached(): readonly string[];
};

const openScene = (context: TestContext, programs: Readonly<Record<string, string>>): Scene => {
  const home = mkdtempSync(join(tmpdir(), "steelyard-kubernetes-"));
  context.after(() => rmSync(home, { recursive: true }));
  const path = join(home, "path");
  mkdirSync(path);
  for (const tool of ["sh", "flock", "sleep", "chmod", "echo"]) {
    const found = ["/bin", "/usr/bin"].map((folder) => join(folder, tool)).find(existsSync);
    if (found !== undefined) symlinkSync(found, join(path, tool));
  }
  for (const [name, text] of Object.entries(programs)) writeFileSync(join(path, name), text, { mode: 0o755 });
  const cache = join(home, "steelyard/kubernetes");
  return {
    home,
    env: { PATH: path, XDG_CACHE_HOME: home },
    calls: () => {
      const file = join(path, "go.calls");
      return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
    },
    cached: () => readdirSync(join(cache, readdirSync(cache)[0] ?? "")).filter((name) => name !== ".lock"),
  };
};

type Outcome = { readonly status: number | null; readonly output: string; readonly errors: string };

const run = (
  { env }: Scene,
  args: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Outcome => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], {
    env: { ...env, ...more },
    encoding: "utf8",
  });
  return { status, output: stdout, errors: stderr };
};

const PROGRAM = "#!/bin/sh\n";

describe("the programs of Kubernetes", () => {
  it("are built once, appear complete, and are found in one folder", (context) => {
    const scene = openScene(context, { go: GO });
    const first = run(scene, []);
    assert.equal(first.status, 0, first.errors);
    assert.match(first.errors, /building etcd and kube-apiserver of Kubernetes v1\.\d+\.\d+/);
    assert.deepEqual(
      readdirSync(first.output.trim())
        .filter((name) => name !== ".lock")
        .sort(),
      ["etcd", "kube-apiserver"],
    );
    assert.deepEqual(run(scene, []), { status: 0, output: first.output, errors: "" });
    assert.equal(scene.calls().length, 1);
  });

  it("know their version", (context) => {
    const scene = openScene(context, { go: GO });
    run(scene, []);
    const [, version = "", minor] = /k8s\.io\/kubernetes (v1\.(\d+)\.\d+)/.exec(goMod) ?? [];
    const [call = ""] = scene.calls();
    assert.ok(call.includes(`-X k8s.io/component-base/version.gitVersion=${version} `), call);
    assert.ok(call.includes(`-X k8s.io/component-base/version.gitMinor=${minor} `), call);
  });

  it("are built by one of two that need them at the same time", async (context) => {
    const scene = openScene(context, { go: GO });
    const both = [1, 2].map(
      () =>
        new Promise((resolve) =>
          spawn(process.execPath, [script], { env: scene.env, stdio: "ignore" }).once("exit", resolve),
        ),
    );
    assert.deepEqual(await Promise.all(both), [0, 0]);
    assert.equal(scene.calls().length, 1);
  });

  it("leave nothing behind when they cannot be built, and are built another time", (context) => {
    const scene = openScene(context, { go: GO });
    writeFileSync(join(scene.home, "path/go.fails"), "");
    const failed = run(scene, []);
    assert.equal(failed.status, 1);
    assert.match(failed.errors, /go: no such module[\s\S]*did not build etcd and kube-apiserver/);
    assert.deepEqual(scene.cached(), []);
    rmSync(join(scene.home, "path/go.fails"));
    assert.equal(run(scene, []).status, 0);
  });

  it("are taken from KUBEBUILDER_ASSETS when all are there, without Go", (context) => {
    const scene = openScene(context, {});
    const assets = join(scene.home, "assets");
    mkdirSync(assets);
    writeFileSync(join(assets, "etcd"), PROGRAM, { mode: 0o755 });
    const env = { KUBEBUILDER_ASSETS: assets };
    assert.match(run(scene, [], env).errors, /passed over: \S+ holds no kube-apiserver/);
    writeFileSync(join(assets, "kube-apiserver"), PROGRAM, { mode: 0o755 });
    assert.deepEqual(run(scene, [], env), { status: 0, output: `${assets}\n`, errors: "" });
  });

  it("are asked for by names that exist", (context) => {
    const { status, errors } = run(openScene(context, {}), ["kube-everything"]);
    assert.equal(status, 1);
    assert.match(errors, /kube-everything: unknown; there is etcd, kube-apiserver, kube-proxy, kubectl/);
  });
});

describe("a command that needs Kubernetes", () => {
  const command = ["--", process.execPath, "-p", "process.env.KUBEBUILDER_ASSETS"];

  it("runs with the folder in KUBEBUILDER_ASSETS, and its status is passed on", (context) => {
    const scene = openScene(context, { go: GO });
    const folder = run(scene, []).output;
    assert.equal(run(scene, command).output, folder);
    assert.equal(run(scene, ["--", process.execPath, "-e", "process.exit(7)"]).status, 7);
  });

  it("is not run without Go, which is said with a remedy, and is a failure in CI only", (context) => {
    const scene = openScene(context, {});
    const { status, output, errors } = run(scene, command);
    assert.deepEqual([status, output], [0, ""]);
    assert.match(errors, /no Go to build them with[\s\S]*1\.26[\s\S]*KUBEBUILDER_ASSETS[\s\S]*NOT RUN/);
    assert.equal(run(scene, command, { CI: "true" }).status, 1);
    assert.equal(run(scene, []).status, 1);
  });
});

describe("the Go module of Kubernetes", () => {
  it("replaces every staging module by that of the same release", () => {
    const [, minor, patch] = /k8s\.io\/kubernetes v1\.(\d+)\.(\d+)/.exec(goMod) ?? [];
    const replaced = [...goMod.matchAll(/^\t(\S+) => (\S+) (\S+)$/gm)];
    assert.ok(replaced.length > 25, `${replaced.length}`);
    for (const [, from, to, version] of replaced)
      assert.deepEqual([to, version], [from, `v0.${minor}.${patch}`]);
  });
});
