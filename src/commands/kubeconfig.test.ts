import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { type RunProgram, runProgram } from "#drivers/host/program";
import { readKubeconfig } from "#drivers/kubernetes/kubeconfig";
import { type KubeconfigOptions, kubeconfig } from "./kubeconfig.ts";
import { adminKubeconfig, openAuthority, startApiServer, startImpostor, TOKEN } from "./test-api-servers.ts";

/** Loopback addresses that stand for the virtual one and for nodes. */
const [VIRTUAL, ONE, TWO] = ["127.0.0.53", "127.0.0.1", "127.0.0.2"] as const;

const bed = async (test: TestContext) => {
  const folder = mkdtempSync(join(tmpdir(), "steelyard-kubeconfig-"));
  test.after(() => rmSync(folder, { recursive: true }));
  const authority = openAuthority();
  const one = await startApiServer(test, { authority, names: [ONE], host: ONE });
  const two = await startApiServer(test, { authority, names: [TWO], host: TWO });
  const admin = join(folder, "admin.conf");
  writeFileSync(admin, adminKubeconfig({ server: `https://${one.at}`, authority }));
  const output = join(folder, "config");
  /** Whatever is behind the virtual address. */
  const virtual = (names: readonly string[], more: { age?: number; authority?: typeof authority } = {}) =>
    startApiServer(test, { authority, names, host: VIRTUAL, ...more });
  const lines: string[] = [];
  const run = async (port: number, changes: Partial<KubeconfigOptions> = {}) => {
    lines.length = 0;
    const status = await kubeconfig({
      ...{ address: [VIRTUAL], server: [one.at, two.at], from: admin, ssh: undefined, sudo: false },
      ...{ sourceContext: undefined, context: "home", output, port: String(port), makeCurrent: false },
      ...{ replace: false, toOutput: false, watch: false, interval: "1", timeout: "20", adminFiles: [] },
      print: (line) => lines.push(line),
      complain: (line) => lines.push(line),
      ...changes,
    });
    assert.ok(!lines.join().includes(TOKEN), "no secret is told");
    return { status, text: lines.join("\n") };
  };
  const server = (context = "home"): string => {
    const read = readKubeconfig(output, { context });
    return read.ok ? read.value.server : read.problem;
  };
  return { folder, authority, admin, output, one, two, virtual, run, server, lines };
};

const modeOf = (path: string): string => (statSync(path).mode & 0o7777).toString(8);

describe("`kubeconfig`", () => {
  it("names the virtual address when it is reachable, carries the name and answers", async (test) => {
    const { virtual, run, server, output, one } = await bed(test);
    const { port, at, asked } = await virtual([VIRTUAL]);
    const { status, text } = await run(port);
    assert.equal(status, 0, text);
    assert.equal(server(), `https://${at}`);
    assert.equal(modeOf(output), "600");
    assert.deepEqual([asked, one.asked], [["GET /readyz"], []]);
    assert.match(text, new RegExp(`^${at} \\(virtual address\\): reachable.*\n.*leads to ${at}$`));
  });

  it("names the first node that works, and says what the virtual address lacks", async (test) => {
    const { virtual, run, server, one, two, authority, output } = await bed(test);
    const lacking = await virtual([ONE]);
    const first = await run(lacking.port);
    assert.equal(first.status, 3, first.text);
    assert.equal(server(), `https://${one.at}`);
    assert.match(first.text, /does not carry this name: `steelyard tls fix`/);
    one.ready = 503;
    assert.equal((await run(lacking.port)).status, 3);
    assert.equal(server(), `https://${two.at}`);
    const before = readFileSync(output);
    two.close();
    const nobody = await run(lacking.port);
    assert.equal(nobody.status, 1, nobody.text);
    assert.match(nobody.text, /not ready \(status 503\)[\s\S]*nothing listens|no answer/);
    assert.deepEqual(readFileSync(output), before, "the file stays as it is");
    assert.ok(authority);
  });

  it("believes neither an expired certificate, nor another authority, nor something that is no API server", async (test) => {
    const { virtual, run, server, one, folder } = await bed(test);
    const expired = await virtual([VIRTUAL], { age: 400 });
    const foreign = await virtual([VIRTUAL], { authority: openAuthority() });
    const talker = await startImpostor(test, "220 mail.example.org\r\n");
    const token = join(folder, "other.conf");
    for (const [port, words] of [
      [expired.port, /the cluster's authority vouches for \(.*EXPIRED/i],
      [foreign.port, /the cluster's authority vouches for/],
    ] as const) {
      const { status, text } = await run(port);
      assert.equal(status, 3, text);
      assert.match(text, words);
      assert.equal(server(), `https://${one.at}`);
    }
    for (const { asked } of [expired, foreign]) assert.deepEqual(asked, [], "no credentials went there");
    const { status, text } = await run(0, { address: [ONE], port: talker.split(":")[1] ?? "" });
    assert.deepEqual([status, /no TLS/.test(text)], [3, true], text);
    assert.ok(!existsSync(token));
  });

  it("says when the credentials are refused", async (test) => {
    const { virtual, run, authority, folder, one } = await bed(test);
    const { port } = await virtual([VIRTUAL]);
    const from = join(folder, "old.conf");
    writeFileSync(from, adminKubeconfig({ server: `https://${one.at}`, authority, token: "expired-000000" }));
    const { status, text } = await run(port, { from });
    assert.equal(status, 1);
    assert.match(text, /does not accept these credentials/);
    assert.ok(!text.includes("expired-000000"));
  });

  it("merges into a file with other contexts, behind a link, and narrows its mode", async (test) => {
    const { virtual, run, server, folder, output } = await bed(test);
    const { port } = await virtual([VIRTUAL]);
    const real = join(folder, "real");
    const work = adminKubeconfig({
      server: "https://192.0.2.7:6443",
      authority: openAuthority(),
      token: "work-000000",
    });
    writeFileSync(real, `# mine\n${work}`);
    chmodSync(real, 0o644);
    symlinkSync("real", output);
    const { status, text } = await run(port);
    assert.equal(status, 0, text);
    assert.match(text, /had mode 0644 and has 0600 now/);
    assert.ok(lstatSync(output).isSymbolicLink());
    assert.equal(server("default"), "https://192.0.2.7:6443");
    const after = readFileSync(real, "utf8");
    for (const line of work.split("\n")) assert.ok(after.includes(line), line);
    const again = await run(port);
    assert.match(again.text, /as it did/);
    assert.equal(readFileSync(real, "utf8"), after);
  });

  it("does not take over a context of another cluster", async (test) => {
    const { virtual, run, output } = await bed(test);
    const { port } = await virtual([VIRTUAL]);
    writeFileSync(output, adminKubeconfig({ server: "https://192.0.2.7:6443", authority: openAuthority() }));
    const before = readFileSync(output);
    const { status, text } = await run(port, { context: undefined });
    assert.equal(status, 2, text);
    assert.match(text, /context default leads to another cluster/);
    assert.deepEqual(readFileSync(output), before);
    assert.equal((await run(port, { context: undefined, replace: true })).status, 0);
  });

  it("reads it from another host, whose loopback address means that host, with no option that ssh could misread", async (test) => {
    const { virtual, run, server, authority, one } = await bed(test);
    const { port } = await virtual([ONE]);
    const calls: (readonly string[])[] = [];
    const remote = adminKubeconfig({ server: `https://127.0.0.1:${one.port}`, authority });
    const answer =
      (stdout: string, status = 0, stderr = ""): RunProgram =>
      async (command, args) => {
        calls.push([command, ...args]);
        return { type: "ended", status, stdout, stderr };
      };
    const ssh = { ssh: `root@${ONE}`, from: undefined, server: [], adminFiles: ["/etc/it's/k3s.yaml"] };
    const { status, text } = await run(port, { ...ssh, sudo: true, run: answer(remote) });
    assert.equal(status, 3, text);
    assert.equal(server(), `https://${one.at}`);
    assert.deepEqual(calls[0]?.slice(0, 7), [
      "ssh",
      "-o",
      "BatchMode=yes",
      "-o",
      "ConnectTimeout=10",
      "--",
      `root@${ONE}`,
    ]);
    assert.match(calls[0]?.[7] ?? "", /^sudo -n sh -c /);
    const refused = await run(port, {
      ...ssh,
      context: undefined,
      run: answer("", 255, "Permission denied (publickey).\n"),
    });
    assert.deepEqual(
      [refused.status, /status 255: Permission denied/.test(refused.text)],
      [2, true],
      refused.text,
    );
    assert.equal((await run(port, { ...ssh, ssh: "-oProxyCommand=x", context: undefined })).status, 2);
    const exec = remote.replace(
      /token: .*/,
      "exec: {apiVersion: client.authentication.k8s.io/v1, command: /bin/touch, interactiveMode: Never}",
    );
    const hostile = await run(port, { ...ssh, context: undefined, run: answer(exec) });
    assert.deepEqual([hostile.status, /programs run here/.test(hostile.text)], [2, true], hostile.text);
  });

  it("finds the file there by a real shell, whatever the file is called", async (test) => {
    const { virtual, run, server, admin, folder, one } = await bed(test);
    const { port } = await virtual([ONE]);
    const odd = join(folder, "it's $(here).conf");
    writeFileSync(odd, readFileSync(admin));
    const shell: RunProgram = (_command, args, options) =>
      runProgram("sh", ["-c", args.at(-1) ?? ""], options);
    const ssh = { ssh: `root@${ONE}`, from: undefined, server: [], run: shell };
    const { status, text } = await run(port, { ...ssh, adminFiles: [join(folder, "none"), odd] });
    assert.deepEqual([status, server()], [3, `https://${one.at}`], text);
    const none = await run(port, { ...ssh, context: undefined, adminFiles: [join(folder, "none")] });
    assert.deepEqual([none.status, /there is none of/.test(none.text)], [2, true], none.text);
  });

  it("goes by its own file where the source is gone, and by the servers that it remembered there", async (test) => {
    const { virtual, run, server, admin, two } = await bed(test);
    const behind = await virtual([VIRTUAL]);
    assert.equal((await run(behind.port)).status, 0);
    rmSync(admin);
    behind.close();
    const { status, text } = await run(behind.port, { server: [two.at] });
    assert.equal(status, 3, text);
    assert.match(text, /admin.conf does not exist; goes by .*config itself/);
    assert.equal(server(), `https://${two.at}`);
  });

  it("learns the servers from the cluster, and falls back to them without being told of any", async (test) => {
    const { run, server, authority, output, two } = await bed(test);
    const slice = {
      metadata: { name: "kubernetes", labels: { "kubernetes.io/service-name": "kubernetes" } },
      ...{ endpoints: [{ addresses: [TWO] }], ports: [{ port: two.port }] },
    };
    const objects = { "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices": { items: [slice] } };
    const behind = await startApiServer(test, { authority, names: [VIRTUAL], host: VIRTUAL, objects });
    const from = `${output}.admin`;
    writeFileSync(from, adminKubeconfig({ server: `https://${behind.at}`, authority }));
    assert.equal((await run(behind.port, { server: [], from })).status, 0);
    behind.close();
    const { status, text } = await run(behind.port, { server: [], from });
    assert.equal(status, 3, text);
    assert.equal(server(), `https://${two.at}`);
  });

  it("prints it instead of writing it", async (test) => {
    const { virtual, output, admin } = await bed(test);
    const { port } = await virtual([VIRTUAL]);
    const { spawn } = await import("node:child_process");
    const main = join(import.meta.dirname, "../main.ts");
    const args = [
      main,
      "kubeconfig",
      "--address",
      VIRTUAL,
      "--port",
      String(port),
      "--from",
      "-",
      "--print",
      "--timeout",
      "60",
    ];
    const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "pipe"] });
    child.stdin.end(readFileSync(admin));
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (chunk) => {
      stdout += chunk;
    });
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
    });
    const status = await new Promise((resolve) => child.on("close", resolve));
    assert.equal(status, 0, stderr);
    assert.match(stdout, new RegExp(`server: https://${VIRTUAL}:${port}`));
    assert.match(stderr, /virtual address.*reachable/);
    assert.ok(!stderr.includes(TOKEN) && stdout.includes(TOKEN));
    assert.ok(!existsSync(output));
  });

  it("keeps the file right: away from a virtual address that is gone, and back when it is well", async (test) => {
    const { virtual, run, server, one, lines } = await bed(test);
    const behind = await virtual([VIRTUAL]);
    const controller = new AbortController();
    const running = run(behind.port, { watch: true, signal: controller.signal });
    const until = async (url: string): Promise<void> => {
      for (let tries = 0; server() !== url; tries += 1) {
        assert.ok(tries < 600, `${server()} is not ${url}\n${lines.join("\n")}`);
        await pause(50);
      }
    };
    await until(`https://${behind.at}`);
    behind.present([ONE]);
    await until(`https://${one.at}`);
    behind.present([VIRTUAL]);
    await until(`https://${behind.at}`);
    behind.ready = 500;
    await until(`https://${one.at}`);
    controller.abort();
    assert.equal((await running).status, 0);
  });

  it("writes to nothing but a regular file", async (test) => {
    const { virtual, run, folder } = await bed(test);
    const { port } = await virtual([VIRTUAL]);
    const { status, text } = await run(port, { output: folder });
    assert.deepEqual([status, /no regular file/.test(text)], [2, true], text);
  });

  it("refuses what does not go together, all at once", async (test) => {
    const { run } = await bed(test);
    const { status, text } = await run(0, {
      ...{
        address: ["a b"],
        server: ["x y"],
        interval: "0",
        timeout: "-1",
        watch: true,
        from: "-",
        sudo: true,
      },
    });
    assert.equal(status, 2);
    assert.equal(text.split("\n").length, 7, text);
  });
});
