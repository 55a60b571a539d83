import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { parseAllDocuments } from "yaml";
import { wallTime } from "#base/time";
import { readServingPair } from "#drivers/api-server/serving-pair";
import { newServing } from "#drivers/certificate/issue";
import { ended, openHost } from "./test-tls-fix.ts";

const CONFIG_MAP = "/api/v1/namespaces/kube-system/configmaps/kubeadm-config";
const CONFIGURATION = `apiServer: {}
apiVersion: kubeadm.k8s.io/v1beta4
certificatesDir: /etc/kubernetes/pki
clusterName: kubernetes # the only one
kind: ClusterConfiguration
kubernetesVersion: v1.36.3
`;
const MANIFEST = "    - --advertise-address=127.0.0.1\n    - --secure-port=6443\n";
const NAMES = ["kubernetes", "n1", "127.0.0.1"];
const FILE = "/root/kubeadm.yaml";

type Options = {
  readonly forgets?: readonly string[];
  readonly reloads?: boolean;
  readonly crictl?: boolean;
};

/** A node of a kubeadm cluster; the stand-in for kubeadm makes what the configuration asks for. */
const openNode = async (test: TestContext, { forgets = [], reloads = true, crictl = true }: Options = {}) => {
  const inputs: unknown[] = [];
  const objects: Record<string, unknown> = {};
  const makeCertificate = (file: string): void => {
    const [init, cluster] = parseAllDocuments(readFileSync(file, "utf8")).map((each) => each.toJS());
    inputs.push([init, cluster]);
    const folder = String(cluster.certificatesDir);
    const authority = {
      certificate: readFileSync(join(folder, "ca.crt"), "utf8"),
      key: readFileSync(join(folder, "ca.key"), "utf8"),
    };
    const { name } = init.nodeRegistration ?? { name: "n1" };
    const names = [
      "kubernetes",
      name,
      init.localAPIEndpoint.advertiseAddress,
      ...(cluster.apiServer.certSANs ?? []),
    ];
    const made = newServing({
      ...{
        authority,
        names: names.filter((each: string) => !forgets.includes(each)),
        time: wallTime(Date.now()),
      },
    });
    node.write(join(folder, "apiserver.crt").slice(node.root.length), made.certificate);
    node.write(join(folder, "apiserver.key").slice(node.root.length), made.key);
    // What kube-apiserver does by itself within a minute.
    if (reloads) setTimeout(serveAgain, 200);
  };
  const serveAgain = (): void => {
    const names = readServingPair(node.path("/etc/kubernetes/pki"))?.names;
    if (names !== undefined) node.apiServer.present(names);
  };
  const node = await openHost(
    test,
    {
      kubeadm: (args) => {
        makeCertificate(args.at(-1) ?? "");
        return ended(0);
      },
      ...(crictl
        ? {
            crictl: ([verb]) => {
              if (verb === "stop") serveAgain();
              return ended(0, verb === "ps" ? "0123456789abcdef\n" : "");
            },
          }
        : {}),
    },
    { objects },
  );
  objects[CONFIG_MAP] = { metadata: { resourceVersion: "7" }, data: { ClusterConfiguration: CONFIGURATION } };
  const first = newServing({ authority: node.authority, names: NAMES, time: wallTime(Date.now()) });
  const pki = "/etc/kubernetes/pki";
  node.write(`${pki}/ca.crt`, node.authority.certificate, 0o644);
  node.write(`${pki}/ca.key`, node.authority.key);
  node.write(`${pki}/apiserver.crt`, first.certificate, 0o644);
  node.write(`${pki}/apiserver.key`, first.key);
  node.write("/etc/kubernetes/manifests/kube-apiserver.yaml", MANIFEST);
  node.write("/etc/kubernetes/admin.conf", node.kubeconfig);
  node.write(FILE, CONFIGURATION, 0o644);
  const fix = (changes: Parameters<typeof node.fix>[0] = {}) =>
    node.fix({ kubeadmConfig: node.path(FILE), wait: "10", ...changes });
  const pair = () => readServingPair(node.path(pki));
  return { ...node, fix, inputs, pair, first };
};

describe("`tls fix` on a node of a kubeadm cluster", () => {
  it("has a certificate made for this node, with all names of the old one, and waits until it is served", async (test) => {
    const { fix, read, path, inputs, pair, first } = await openNode(test);
    const { status, text, calls } = await fix();
    assert.equal(status, 0, text);
    assert.equal(
      read(FILE),
      CONFIGURATION.replace("apiServer: {}", "apiServer:\n  certSANs:\n  - 192.0.2.253"),
    );
    assert.deepEqual(pair()?.names, ["kubernetes", "n1", "127.0.0.1", "192.0.2.253"]);
    assert.deepEqual(
      calls.map((call) => call.slice(0, 5)),
      [["kubeadm", "init", "phase", "certs", "apiserver"]],
    );
    const [init] = inputs[0] as { localAPIEndpoint: unknown; nodeRegistration: unknown }[];
    assert.deepEqual(init?.localAPIEndpoint, { advertiseAddress: "127.0.0.1", bindPort: 6443 });
    assert.deepEqual(init?.nodeRegistration, { name: "n1" });
    const backup = "/etc/kubernetes/steelyard-backup-20270101T000000Z";
    assert.equal(read(`${backup}/apiserver.crt`), first.certificate);
    assert.equal(statSync(path(`${backup}/apiserver.key`)).mode & 0o777, 0o600);
    assert.equal(statSync(path("/etc/kubernetes/pki/apiserver.crt")).mode & 0o777, 0o644);
    assert.equal(statSync(path("/etc/kubernetes/pki/apiserver.key")).mode & 0o777, 0o600);
    assert.deepEqual(
      readdirSync(path("/etc/kubernetes")).filter((name) => name.startsWith(".")),
      [],
      "nothing is left of the making",
    );
    const again = await fix();
    assert.deepEqual([again.status, again.calls], [0, []], again.text);
  });

  it("restarts the container where the certificate does not come by itself", async (test) => {
    const { fix } = await openNode(test, { reloads: false });
    const { status, text, calls } = await fix({ wait: "1" });
    assert.equal(status, 0, text);
    assert.deepEqual(calls.at(-1), ["crictl", "stop", "--timeout", "60", "0123456789abcdef"]);
  });

  it("says what to do where the container cannot be restarted", async (test) => {
    const { fix } = await openNode(test, { reloads: false, crictl: false });
    const { status, text } = await fix({ wait: "1" });
    assert.equal(status, 1);
    assert.match(text, /crictl is not installed[\s\S]*manifests\/kube-apiserver\.yaml away/);
  });

  it("does not use a certificate that lacks a name of the old one", async (test) => {
    const { fix, pair, read, first } = await openNode(test, { forgets: ["n1"] });
    const { status, text } = await fix();
    assert.equal(status, 1);
    assert.match(text, /lacks n1, which the old one carries[\s\S]*By hand/);
    assert.equal(pair()?.certificate, first.certificate);
    assert.equal(read("/etc/kubernetes/pki/apiserver.key"), first.key);
  });

  it("mends a key and a certificate that are no pair: it was killed between two moves", async (test) => {
    const { fix, write, authority, pair } = await openNode(test);
    const names = [...NAMES, "192.0.2.253"];
    const other = newServing({ authority, names, time: wallTime(Date.now()) });
    write("/etc/kubernetes/pki/apiserver.key", other.key);
    assert.equal(pair()?.isPair, false);
    const { status, text } = await fix();
    assert.equal(status, 0, text);
    assert.equal(pair()?.isPair, true);
  });

  it("shows what it would do, and does nothing", async (test) => {
    const { fix, read, pair, first, path } = await openNode(test);
    const before = readdirSync(path("/etc/kubernetes"));
    const { status, text, calls } = await fix({ dryRun: true });
    assert.deepEqual([status, calls], [0, []], text);
    assert.match(text, /\+ +2 +certSANs:[\s\S]*would make a new .*apiserver\.crt/);
    assert.deepEqual([read(FILE), pair()?.certificate], [CONFIGURATION, first.certificate]);
    assert.deepEqual(readdirSync(path("/etc/kubernetes")), before);
  });

  it("reads the cluster's own configuration of this host's API server, wherever admin.conf leads", async (test) => {
    const { fix, write, kubeconfig, apiServer } = await openNode(test);
    write("/etc/kubernetes/admin.conf", kubeconfig.replace(/server: .*/, "server: https://192.0.2.253:6443"));
    const { status, text } = await fix({ kubeadmConfig: undefined, dryRun: true });
    assert.equal(status, 0, text);
    assert.match(text, /ConfigMap kube-system\/kubeadm-config:[\s\S]*192\.0\.2\.253/);
    assert.ok(apiServer.asked.includes(`GET ${CONFIG_MAP}`));
  });

  it("says who has to make the certificate where the authority's key is elsewhere, and what kubeadm complains of", async (test) => {
    const external = await openNode(test);
    const { rmSync } = await import("node:fs");
    rmSync(external.path("/etc/kubernetes/pki/ca.key"));
    const { status, text } = await external.fix();
    assert.deepEqual([status, /ca\.key is not on this host/.test(text)], [2, true], text);
    const elsewhere = await openNode(test);
    elsewhere.write(
      "/etc/kubernetes/manifests/kube-apiserver.yaml",
      `${MANIFEST}    - --tls-cert-file=/srv/a.crt\n`,
    );
    const served = await elsewhere.fix();
    assert.deepEqual([served.status, /serves \/srv\/a\.crt/.test(served.text)], [2, true], served.text);
    assert.equal(elsewhere.read(FILE), CONFIGURATION);
    const failing = await openNode(test);
    const run = await failing.fix({ run: async () => ended(1, "", "W1 warning\nerror: unknown version\n") });
    assert.deepEqual(
      [run.status, /status 1.*\n.*\nerror: unknown version/.test(run.text)],
      [1, true],
      run.text,
    );
    assert.equal(failing.pair()?.certificate, failing.first.certificate);
  });
});
