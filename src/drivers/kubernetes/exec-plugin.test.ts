import assert from "node:assert/strict";
import { appendFileSync, chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe } from "node:test";
import { seconds, wallTime } from "#base/time";
import { createAuthenticator } from "./authenticator.ts";
import type { ClusterCredentials, ExecPlugin } from "./credentials.ts";
import { parsePluginOutput, runPlugin } from "./exec-plugin.ts";
import { credentialsFor, ManualTime, PKI } from "./test-server.ts";
import { on } from "./test-watch.ts";

const directory = mkdtempSync(join(tmpdir(), "steelyard-exec-"));
after(() => rmSync(directory, { recursive: true }));

const VERSION = "client.authentication.k8s.io/v1";
const CLUSTER = { server: "https://x", serverName: undefined, verify: true, authorityPem: undefined };

let count = 0;
/** A shell script as a plugin; each start leaves a line in its log. */
const plugin = (script: string, changes: Partial<ExecPlugin> = {}) => {
  count += 1;
  const command = join(directory, `plugin-${count}`);
  const log = `${command}.log`;
  writeFileSync(command, `#!/bin/sh\necho started >> ${log}\n${script}\n`);
  appendFileSync(log, "");
  chmodSync(command, 0o700);
  const value: ExecPlugin = {
    apiVersion: VERSION,
    command,
    args: [],
    env: {},
    installHint: "",
    providesClusterInfo: false,
    ...changes,
  };
  return { value, starts: () => readFileSync(log, "utf8").split("\n").length - 1 };
};

const print = (status: object, apiVersion = VERSION): string =>
  `echo '${JSON.stringify({ kind: "ExecCredential", apiVersion, status })}'`;

const withPlugin = (value: ExecPlugin): ClusterCredentials =>
  credentialsFor(1, { user: { type: "exec", plugin: value } });

describe("an exec plugin", () => {
  on("is told what is wanted, by its arguments and environment", async () => {
    const { value } = plugin(
      `${'printf "%s\\n%s %s\\n" "$KUBERNETES_EXEC_INFO" "$1" "$EXTRA"'} >&2; exit 3`,
      {
        args: ["get-token"],
        env: { EXTRA: "more" },
        providesClusterInfo: true,
      },
    );
    const given = await runPlugin(
      value,
      { ...CLUSTER, verify: false },
      { time: new ManualTime(), secrets: [] },
    );
    assert.ok(!given.ok);
    const [, said = ""] = given.problem.split("ended with status 3: ");
    const [info = "", rest] = said.split("\n");
    assert.deepEqual(JSON.parse(info), {
      apiVersion: VERSION,
      kind: "ExecCredential",
      spec: { interactive: false, cluster: { server: "https://x", "insecure-skip-tls-verify": true } },
    });
    assert.equal(rest, "get-token more");
  });

  on("gives a token until its end, and is started once for many who ask", async () => {
    const time = new ManualTime();
    time.wallStart = wallTime(Date.parse("2026-01-01T00:00:00Z"));
    const { value, starts } = plugin(print({ token: "tok", expirationTimestamp: "2026-01-01T01:00:00Z" }));
    const source = createAuthenticator(withPlugin(value), time);
    const asked = await Promise.all([source.authorization(), source.authorization(), source.tls()]);
    assert.deepEqual(asked[0], { ok: true, value: "Bearer tok" });
    assert.equal(starts(), 1);
    time.wallStart = wallTime(Date.parse("2026-01-01T00:59:49Z"));
    await source.authorization();
    assert.equal(starts(), 1);
    time.wallStart = wallTime(Date.parse("2026-01-01T00:59:50Z"));
    await source.authorization();
    assert.equal(starts(), 2);
    source.renew();
    await source.authorization();
    assert.equal(starts(), 3);
    assert.deepEqual(source.secrets(), ["tok"]);
  });

  on("that prints what has ended already is not started for each request", async () => {
    const time = new ManualTime();
    const { value, starts } = plugin(print({ token: "tok", expirationTimestamp: "2020-01-01T00:00:00Z" }));
    const source = createAuthenticator(withPlugin(value), time);
    await source.authorization();
    await source.authorization();
    assert.equal(starts(), 1);
    time.wallStart = wallTime(time.wallStart + 1_000);
    await source.authorization();
    assert.equal(starts(), 2);
  });

  on("may give a certificate in place of a token", async () => {
    const { value } = plugin(print({ clientCertificateData: "CHAIN", clientKeyData: "KEY" }));
    const source = createAuthenticator(withPlugin(value), new ManualTime());
    assert.deepEqual(await source.authorization(), { ok: true, value: undefined });
    const tls = await source.tls();
    assert.deepEqual(tls.ok && tls.value.certificate, { chain: "CHAIN", key: "KEY" });
    assert.deepEqual(source.secrets(), ["KEY"]);
  });

  on("that fails is started again the next time", async () => {
    const { value, starts } = plugin("exit 1");
    const source = createAuthenticator(withPlugin(value), new ManualTime());
    for (let round = 1; round <= 2; round += 1) {
      const given = await source.authorization();
      assert.ok(!given.ok && given.problem.endsWith("ended with status 1"), JSON.stringify(given));
      assert.equal(starts(), round);
    }
  });

  on("that is not installed is missed with the hint for it", async () => {
    const { value } = plugin("");
    const absent = { ...value, command: "steelyard-no-such-plugin", installHint: "ask ops" };
    const given = await runPlugin(absent, CLUSTER, { time: new ManualTime(), secrets: [] });
    assert.deepEqual(given, {
      ok: false,
      problem: "exec plugin steelyard-no-such-plugin is not installed: ask ops",
    });
  });

  const unstartable: readonly (readonly [string, Partial<ExecPlugin>])[] = [
    ["an argument with a NUL", { args: ["sesame\0"] }],
    ["a variable with a NUL", { env: { KEY: "sesame\0" } }],
    ["an argument that is too long for the kernel", { args: ["sesame".repeat(100_000)] }],
  ];
  for (const [title, changes] of unstartable)
    on(`that cannot be started because of ${title} is told without quoting it, and tried again`, async () => {
      const { value } = plugin(print({ token: "tok" }), changes);
      const source = createAuthenticator(withPlugin(value), new ManualTime());
      for (let round = 0; round < 2; round += 1) {
        const given = await source.authorization();
        assert.ok(!given.ok);
        assert.match(given.problem, /plugin-\d+ cannot be started \((E2BIG|ERR_INVALID_ARG_VALUE)\)/);
        assert.doesNotMatch(given.problem, /sesame/);
      }
    });

  on("that is to be told of an authority waits until that can be read", async () => {
    const authority = { type: "file", path: join(directory, "late.crt") } as const;
    const { value, starts } = plugin(print({ token: "tok" }), { providesClusterInfo: true });
    const source = createAuthenticator({ ...withPlugin(value), authority }, new ManualTime());
    const early = await source.authorization();
    assert.ok(!early.ok && early.problem.endsWith("late.crt does not exist"), JSON.stringify(early));
    writeFileSync(authority.path, PKI.authority);
    assert.deepEqual(await source.authorization(), { ok: true, value: "Bearer tok" });
    assert.equal(starts(), 1);
  });

  on("that complains does not give away what it was told, not even where its words are cut off", async () => {
    const secret = "open-sesame-open-sesame";
    const script = `printf '%0290d %s %s' 0 "$SECRET" "$(printf %s "$SECRET" | base64)" >&2; exit 1`;
    const { value } = plugin(script, { env: { SECRET: secret, MODE: "on" } });
    const source = createAuthenticator(withPlugin(value), new ManualTime());
    const given = await source.authorization();
    assert.ok(!given.ok);
    assert.match(given.problem, /0 \*\*\* \*\*\*$/);
    assert.deepEqual(source.secrets(), [secret]);
  });

  on("that does not end is ended", async () => {
    const time = new ManualTime();
    const { value } = plugin("exec sleep 600");
    const given = runPlugin(value, CLUSTER, { time, secrets: [] });
    time.pass(seconds(60));
    assert.match(JSON.stringify(await given), /does not end/);
  });

  on("that prints too much is stopped", async () => {
    const { value } = plugin("exec yes");
    assert.match(
      JSON.stringify(await runPlugin(value, CLUSTER, { time: new ManualTime(), secrets: [] })),
      /prints too much/,
    );
  });

  on("whose output cannot be used is refused, without what it printed", async () => {
    const { value } = plugin("");
    const rows: readonly (readonly [string, RegExp])[] = [
      ["sesame", /no ExecCredential/],
      [JSON.stringify({ kind: "ExecCredential", status: { token: "sesame" } }), /another version/],
      [JSON.stringify({ kind: "ExecCredential", apiVersion: VERSION, status: {} }), /neither/],
      [
        JSON.stringify({ kind: "ExecCredential", apiVersion: VERSION, status: { clientKeyData: "sesame" } }),
        /without the other/,
      ],
    ];
    for (const [output, message] of rows) {
      const given = parsePluginOutput(value, output);
      assert.ok(!given.ok);
      assert.match(given.problem, message);
      assert.doesNotMatch(given.problem, /sesame/);
    }
  });
});
