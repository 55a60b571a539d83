import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parse } from "yaml";
import { type Merge, mergeKubeconfig, rememberedServers } from "./merge-kubeconfig.ts";
import { PKI } from "./test-server.ts";

const data = (text: string): string => Buffer.from(text).toString("base64");

const merge = (changes: Partial<Merge> = {}): Merge => ({
  context: "home",
  namespace: "default",
  cluster: { "certificate-authority-data": data(PKI.authority), server: "https://192.0.2.253:6443" },
  user: { token: "new-token" },
  makeCurrent: false,
  replace: false,
  servers: undefined,
  ...changes,
});

const merged = (text: string, changes: Partial<Merge> = {}): string => {
  const result = mergeKubeconfig(text, merge(changes));
  assert.ok(result.ok, result.ok ? "" : result.problem);
  return result.value;
};

const problem = (text: string, changes: Partial<Merge> = {}): string => {
  const result = mergeKubeconfig(text, merge(changes));
  assert.ok(!result.ok);
  return result.problem;
};

/** As kubectl writes it, with what people add by hand. */
const WORK = `apiVersion: v1
clusters:
# the office
- cluster:
    certificate-authority-data: ${data("another authority")}
    server: https://198.51.100.1:6443
  name: default
- cluster:
    proxy-url: http://proxy.example.org:3128
    server: "https://k8s.example.org" # in quotes
  name: office
contexts:
- context:
    cluster: default
    namespace: shop
    user: default
  name: work
- context: {cluster: office, user: office}
  name: 'office'
current-context: work
kind: Config
preferences: {}
users:
- name: default
  user:
    client-certificate-data: ${"QUJD".repeat(200)}
    client-key-data: ${"QUJE".repeat(200)}
- name: office
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      args: [get-token, --login, azurecli]
      command: kubelogin
      env: null
      interactiveMode: IfAvailable
      provideClusterInfo: false
`;

describe("a context that is merged", () => {
  it("makes a whole kubeconfig of an empty file", () => {
    const value = parse(merged("")) as Record<string, unknown>;
    assert.deepEqual(value, {
      apiVersion: "v1",
      kind: "Config",
      preferences: {},
      clusters: [{ cluster: merge().cluster, name: "home" }],
      contexts: [{ context: { cluster: "home", user: "home" }, name: "home" }],
      users: [{ user: { token: "new-token" }, name: "home" }],
      "current-context": "home",
    });
  });

  it("leaves every line of the others as it was, comments and quotes too", () => {
    const lines = merged(WORK).split("\n");
    const rest = WORK.split("\n").filter((line) => !lines.includes(line));
    assert.deepEqual(rest, []);
    let from = 0;
    for (const line of WORK.split("\n")) {
      const at = lines.indexOf(line, from);
      assert.ok(at >= from, `in its order: ${line}`);
      from = at + 1;
    }
    assert.equal(lines.length - WORK.split("\n").length, 11, "and adds eleven lines");
  });

  it("is not the current one unless asked for", () => {
    assert.equal(parse(merged(WORK))["current-context"], "work");
    assert.equal(parse(merged(WORK, { makeCurrent: true }))["current-context"], "home");
  });

  it("changes nothing the second time, to the byte", () => {
    const once = merged(WORK, { servers: ["192.0.2.1:6443"] });
    assert.equal(merged(once, { servers: ["192.0.2.1:6443"] }), once);
    assert.equal(merged(once), once, "what is remembered stays where nothing is known");
  });

  it("changes one line when the server does", () => {
    const once = merged(WORK);
    const other = { ...merge().cluster, server: "https://192.0.2.1:6443" };
    const twice = merged(once, { cluster: other });
    const [before, after] = [once.split("\n"), twice.split("\n")];
    assert.deepEqual(
      after.filter((line) => !before.includes(line)),
      ["    server: https://192.0.2.1:6443"],
    );
    assert.equal(after.length, before.length);
  });

  it("takes no name that is in use, and none that another context leads to", () => {
    const value = parse(merged(WORK, { context: "default" })) as {
      contexts: { name: string; context: unknown }[];
    };
    assert.deepEqual(value.contexts.at(-1), {
      context: { cluster: "default-2", user: "default-2" },
      name: "default",
    });
  });

  it("does not take a context over that leads to another cluster, unless told to", () => {
    assert.match(problem(WORK, { context: "work" }), /leads to another cluster.*--replace/);
    const value = parse(merged(WORK, { context: "work", replace: true }));
    assert.equal(value.clusters[0].cluster.server, "https://192.0.2.253:6443");
    const unsigned = { server: "https://192.0.2.1:6443" };
    assert.match(problem(WORK, { context: "office", cluster: unsigned }), /leads to another cluster/);
    assert.equal(value.contexts[0].context.namespace, "shop", "and keeps its namespace");
    assert.deepEqual(value.users[0].user, { token: "new-token" });
  });

  it("drops from its own cluster what would keep the certificate from being checked", () => {
    const insecure = "insecure-skip-tls-verify: true";
    const text = merged("").replace(
      /^( *)server: .*/m,
      (line, space: string) => `${line}\n${space}${insecure}`,
    );
    assert.ok(text.includes(insecure));
    assert.ok(!merged(text).includes("insecure"));
  });

  it("remembers servers beside the extensions of others", () => {
    const servers = ["192.0.2.1:6443", "192.0.2.2:6443"];
    const text = merged("").replace(
      /^( *)server: .*/m,
      (line, space: string) => `${line}\n${space}extensions: [{name: minikube, extension: {a: 1}}]`,
    );
    const value = merged(text, { servers });
    assert.deepEqual(rememberedServers(value, "home"), servers);
    assert.ok(value.includes("minikube"));
    assert.deepEqual(rememberedServers(WORK, "work"), []);
    assert.deepEqual(rememberedServers("{", "work"), []);
  });

  it("works in a file of JSON", () => {
    const text = JSON.stringify(parse(WORK));
    const value = parse(merged(text)) as { contexts: unknown[] };
    assert.equal(value.contexts.length, 3);
  });

  it("is refused in what is no kubeconfig, without a word of the text", () => {
    for (const text of ["- a\n", "secret", "a: [", "a: *b\n"]) {
      assert.ok(!problem(text).includes("secret"));
    }
    assert.match(problem("a: b\nb: {\n"), /^line \d is not YAML/);
  });

  it("is refused where it would change another context through an anchor", () => {
    const text = `apiVersion: v1
kind: Config
clusters:
- name: home
  cluster: &shared
    certificate-authority-data: ${data(PKI.authority)}
    server: https://192.0.2.1:6443
- name: twin
  cluster: *shared
contexts:
- name: home
  context: {cluster: home, user: home}
- name: twin
  context: {cluster: twin, user: home}
users: []
`;
    assert.match(problem(text), /other entries/);
  });
});
