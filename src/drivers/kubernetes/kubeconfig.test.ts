import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import fc from "fast-check";
import { type ClusterCredentials, credentialWarnings } from "./credentials.ts";
import { findCredentials, readInCluster } from "./in-cluster.ts";
import { readKubeconfig } from "./kubeconfig.ts";

const directory = mkdtempSync(join(tmpdir(), "steelyard-kubeconfig-"));
after(() => rmSync(directory, { recursive: true }));

let count = 0;
const write = (value: unknown, name?: string): string => {
  count += 1;
  const path = join(directory, name ?? `config-${count}`);
  writeFileSync(path, typeof value === "string" ? value : JSON.stringify(value));
  return path;
};

const base64 = (text: string): string => Buffer.from(text).toString("base64");

type Parts = { readonly cluster?: object; readonly user?: object; readonly context?: object };
const config = ({ cluster = {}, user = { token: "t0ken" }, context = {} }: Parts = {}) => ({
  apiVersion: "v1",
  kind: "Config",
  "current-context": "lab",
  clusters: [{ name: "c", cluster: { server: "https://192.0.2.1:6443", ...cluster } }],
  users: [{ name: "u", user }],
  contexts: [{ name: "lab", context: { cluster: "c", user: "u", ...context } }],
});

const value = (found: ReturnType<typeof readKubeconfig>): ClusterCredentials => {
  assert.ok(found.ok, JSON.stringify(found));
  return found.value;
};
const problem = (found: ReturnType<typeof readKubeconfig>): string => {
  assert.ok(!found.ok);
  return found.problem;
};

describe("a kubeconfig", () => {
  it("gives the cluster and the user of its current context", () => {
    const path = write(`
apiVersion: v1
kind: Config
current-context: lab
clusters:
- name: c
  cluster:
    server: https://api.example.test:6443/prefix
    certificate-authority-data: ${base64("AUTHORITY")}
    tls-server-name: kubernetes
contexts:
- name: lab
  context: { cluster: c, user: u, namespace: lb }
users:
- name: u
  user:
    client-certificate-data: ${base64("CHAIN")}
    client-key-data: ${base64("KEY")}
`);
    assert.deepEqual(value(readKubeconfig(path)), {
      server: "https://api.example.test:6443/prefix",
      namespace: "lb",
      serverName: "kubernetes",
      verify: true,
      authority: { type: "inline", pem: "AUTHORITY" },
      certificate: { chain: { type: "inline", pem: "CHAIN" }, key: { type: "inline", pem: "KEY" } },
      user: { type: "certificate-only" },
    });
  });

  it("takes paths as relative to itself", () => {
    const cluster = { "certificate-authority": "pki/ca.crt" };
    const user = { "client-certificate": "c.crt", "client-key": "/abs/c.key", tokenFile: "token" };
    const { authority, certificate, user: found } = value(readKubeconfig(write(config({ cluster, user }))));
    assert.deepEqual(authority, { type: "file", path: join(directory, "pki/ca.crt") });
    assert.deepEqual(certificate?.chain, { type: "file", path: join(directory, "c.crt") });
    assert.deepEqual(certificate?.key, { type: "file", path: "/abs/c.key" });
    assert.deepEqual(found, { type: "token-file", path: join(directory, "token") });
  });

  it("prefers what is inline to a file, a plugin to a token file, and that to a token", () => {
    const cluster = { "certificate-authority": "ca.crt", "certificate-authority-data": base64("A") };
    assert.deepEqual(value(readKubeconfig(write(config({ cluster })))).authority, {
      type: "inline",
      pem: "A",
    });
    const token = { token: "t", tokenFile: "f", username: "n", password: "p" };
    assert.equal(value(readKubeconfig(write(config({ user: token })))).user.type, "token-file");
    const exec = { apiVersion: "client.authentication.k8s.io/v1", command: "aws" };
    assert.equal(value(readKubeconfig(write(config({ user: { ...token, exec } })))).user.type, "exec");
    const basic = { username: "n", password: "p" };
    assert.deepEqual(value(readKubeconfig(write(config({ user: basic })))).user, { type: "basic", ...basic });
  });

  it("reads an exec plugin whole", () => {
    const exec = {
      apiVersion: "client.authentication.k8s.io/v1beta1",
      command: "./bin/login",
      args: ["get", 7],
      env: [{ name: "PROFILE", value: "lab" }],
      installHint: "get it from ops\n",
      provideClusterInfo: true,
      interactiveMode: "IfAvailable",
    };
    assert.deepEqual(value(readKubeconfig(write(config({ user: { exec } })))).user, {
      type: "exec",
      plugin: {
        apiVersion: exec.apiVersion,
        command: join(directory, "bin/login"),
        args: ["get", "7"],
        env: { PROFILE: "lab" },
        installHint: "get it from ops",
        providesClusterInfo: true,
      },
    });
  });

  it("is asked for another context by name", () => {
    const both = config();
    const other = { name: "other", context: { cluster: "c", user: "u", namespace: "elsewhere" } };
    const path = write({ ...both, contexts: [...both.contexts, other] });
    assert.equal(value(readKubeconfig(path, { context: "other" })).namespace, "elsewhere");
    assert.match(
      problem(readKubeconfig(path, { context: "none" })),
      /no context is named none; there is lab, other/,
    );
  });

  it("may be several files: what is named twice counts where it is first, and absent ones are passed over", () => {
    const first = write({ "current-context": "lab", users: [{ name: "u", user: { token: "first" } }] });
    const second = write(config({ user: { token: "second" } }));
    const list = [join(directory, "absent"), first, second].join(":");
    assert.deepEqual(value(readKubeconfig(list)).user, { type: "token", token: "first" });
  });

  it("that has the certificate of the server not checked is used, and warned of", () => {
    const cluster = { "insecure-skip-tls-verify": true };
    const [warning, ...more] = credentialWarnings(value(readKubeconfig(write(config({ cluster })))));
    assert.match(warning ?? "", /https:\/\/192\.0\.2\.1:6443 is not checked \(insecure-skip-tls-verify\)/);
    assert.deepEqual(more, []);
    assert.deepEqual(credentialWarnings(value(readKubeconfig(write(config())))), []);
  });

  const refusals: readonly (readonly [string, Parts, RegExp])[] = [
    ["http", { cluster: { server: "http://192.0.2.1" } }, /plain http is not supported/],
    ["another protocol", { cluster: { server: "ftp://x" } }, /begins with ftp:/],
    ["what is no URL", { cluster: { server: "192.0.2.1" } }, /not a URL/],
    ["credentials in the URL", { cluster: { server: "https://a:sesame@x" } }, /must not hold credentials/],
    ["a proxy", { cluster: { "proxy-url": "http://proxy" } }, /proxy-url is not supported/],
    ["an authority that is no text", { cluster: { "certificate-authority-data": 7 } }, /data is not text/],
    ["an unknown cluster", { context: { cluster: "d" } }, /no cluster is named d; there is c/],
    ["an unknown user", { context: { user: "v" } }, /no user is named v; there is u/],
    ["a key alone", { user: { "client-key-data": "eA==" } }, /client key without a client certificate/],
    [
      "a certificate alone",
      { user: { "client-certificate": "x" } },
      /client certificate without a client key/,
    ],
    ["auth-provider", { user: { "auth-provider": { name: "gcp" } } }, /auth-provider is not supported/],
    ["impersonation", { user: { token: "sesame", as: "root" } }, /as is not supported/],
    ["a plugin without command", { user: { exec: {} } }, /names no command/],
    [
      "a plugin of an old version",
      { user: { exec: { command: "x", apiVersion: "client.authentication.k8s.io/v1alpha1" } } },
      /another version/,
    ],
    [
      "a plugin that asks questions",
      {
        user: {
          exec: { command: "x", apiVersion: "client.authentication.k8s.io/v1", interactiveMode: "Always" },
        },
      },
      /asks questions/,
    ],
  ];
  for (const [title, parts, message] of refusals)
    it(`is refused with a reason and without secrets: ${title}`, () => {
      const told = problem(readKubeconfig(write(config(parts))));
      assert.match(told, message);
      assert.doesNotMatch(told, /sesame/);
    });

  it("says what is wrong with the file itself, and never quotes it", () => {
    assert.match(problem(readKubeconfig(join(directory, "none"))), /none does not exist/);
    assert.match(problem(readKubeconfig(directory)), /is a directory/);
    assert.match(problem(readKubeconfig(write("- a\n"))), /is not a kubeconfig/);
    const broken = problem(readKubeconfig(write('users:\n- user:\n    token: "sesame\n')));
    assert.match(broken, /:\d+: is not YAML/);
    assert.doesNotMatch(broken, /sesame/);
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${[..."bcdefghi"]
      .map((key, index) => `${key}: &${key} [${Array(9).fill(`*${"abcdefghi"[index]}`)}]\n`)
      .join("")}`;
    assert.match(problem(readKubeconfig(write(bomb))), /cannot? be read|can be read/);
    assert.match(
      problem(readKubeconfig(write({ ...config(), "current-context": "" }))),
      /no current-context/,
    );
  });

  it("never throws, whatever is in it", () => {
    const path = join(directory, "fuzzed");
    const json = fc.record({
      "current-context": fc.constantFrom("lab", "x"),
      clusters: fc.jsonValue(),
      users: fc.jsonValue(),
      contexts: fc.oneof(fc.jsonValue(), fc.constant([{ name: "lab", context: { cluster: "c" } }])),
    });
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          json.map((each) => JSON.stringify(each)),
        ),
        (text) => {
          writeFileSync(path, text);
          assert.equal(readKubeconfig(path).ok, false);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe("a pod's service account", () => {
  const account = join(directory, "account");
  mkdirSync(account);
  for (const [name, text] of Object.entries({ token: "t", "ca.crt": "pem", namespace: "lb\n" }))
    writeFileSync(join(account, name), text);
  const environment = { KUBERNETES_SERVICE_HOST: "10.96.0.1", KUBERNETES_SERVICE_PORT: "443" };

  it("stays a file, since its token changes", () => {
    assert.deepEqual(value(readInCluster(environment, account)), {
      server: "https://10.96.0.1:443",
      namespace: "lb",
      serverName: undefined,
      verify: true,
      authority: { type: "file", path: join(account, "ca.crt") },
      certificate: undefined,
      user: { type: "token-file", path: join(account, "token") },
    });
  });

  it("is reached over IPv6 as well", () => {
    const found = readInCluster({ ...environment, KUBERNETES_SERVICE_HOST: "fd00::1" }, account);
    assert.equal(value(found).server, "https://[fd00::1]:443");
  });

  it("is missed with a reason", () => {
    assert.match(problem(readInCluster({}, account)), /this is no pod/);
    assert.match(
      problem(readInCluster(environment, join(directory, "x"))),
      /token does not exist.*automount/,
    );
  });
});

describe("findCredentials", () => {
  const path = write(config());
  const pod = { KUBERNETES_SERVICE_HOST: "10.96.0.1", KUBERNETES_SERVICE_PORT: "443" };

  it("takes the kubeconfig that was asked for, then KUBECONFIG, then the pod's, then the home directory's", () => {
    assert.ok(findCredentials({ kubeconfig: path }, { KUBECONFIG: "/none", ...pod }).ok);
    assert.ok(findCredentials({}, { KUBECONFIG: path, ...pod }).ok);
    assert.match(problem(findCredentials({}, pod)), /service account/);
    mkdirSync(join(directory, ".kube"));
    write(config(), ".kube/config");
    assert.ok(findCredentials({}, { HOME: directory }).ok);
    assert.match(
      problem(findCredentials({}, { HOME: join(directory, "x") })),
      /\.kube\/config does not exist/,
    );
  });

  it("does not pass over one that cannot be used", () => {
    assert.match(problem(findCredentials({}, { KUBECONFIG: "/none", ...pod })), /\/none does not exist/);
  });
});
