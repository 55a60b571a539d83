import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parseAllDocuments } from "yaml";
import { seconds, toMillis } from "#base/time";
import { DEFAULT_GRACE } from "#core/liveness/config";
import { DEFAULT_OWNERSHIP } from "#core/ownership/config";
import type { ChartOptions } from "./chart.ts";
import { at, isFields, type Json, NAMESPACE, named, objects } from "./objects.ts";

const read = (path: string): string => readFileSync(join(import.meta.dirname, "../..", path), "utf8");

type Values = NonNullable<ChartOptions["values"]>;

const daemonSet = (speaker: Values = {}, values: Values = {}): Json | undefined =>
  named(objects({ ...values, speaker }), "DaemonSet");
const podOf = (speaker: Values = {}, values: Values = {}): Json | undefined =>
  at(daemonSet(speaker, values), "spec", "template", "spec");
const containerOf = (speaker: Values = {}, values: Values = {}): Json | undefined =>
  at(podOf(speaker, values), "containers", 0);

describe("the speakers of the chart", () => {
  const pod = podOf();
  const container = containerOf();

  it("are known to one another by their labels", () => {
    const [, selector = ""] =
      /SPEAKER_SELECTOR = "(.*)";/.exec(read("src/roles/speaker/agent/speaker-pod.ts")) ?? [];
    const wanted = Object.fromEntries(selector.split(",").map((each) => each.split("=")));
    const labels = at(daemonSet(), "spec", "template", "metadata", "labels");
    assert.deepEqual(at(daemonSet(), "spec", "selector", "matchLabels"), wanted);
    for (const [name, value] of Object.entries(wanted)) assert.equal(at(labels, name), value);
    assert.notDeepEqual(at(named(objects(), "Deployment"), "spec", "selector", "matchLabels"), wanted);
  });

  it("have the network of the node, one capability, and nothing else of it", () => {
    assert.equal(at(pod, "hostNetwork"), true);
    for (const name of ["hostPID", "hostIPC", "shareProcessNamespace"])
      assert.equal(at(pod, name), undefined);
    assert.deepEqual(at(pod, "securityContext"), { seccompProfile: { type: "RuntimeDefault" } });
    assert.deepEqual(at(container, "securityContext"), {
      ...{ runAsUser: 0, runAsGroup: 0, privileged: false },
      ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true },
      capabilities: { drop: ["ALL"], add: ["NET_RAW"] },
    });
    assert.deepEqual(at(pod, "volumes"), [
      { name: "run", hostPath: { path: "/run/steelyard-speaker", type: "DirectoryOrCreate" } },
      { name: "secret", secret: { secretName: "steelyard-speaker", defaultMode: 0o400 } },
    ]);
  });

  it("may ask for real-time scheduling where that is wished, and nowhere else", () => {
    assert.deepEqual(at(containerOf({ realtime: true }), "securityContext", "capabilities"), {
      ...{ drop: ["ALL"], add: ["NET_RAW", "SYS_NICE"] },
    });
  });

  it("may put addresses on interfaces where they are to bind them, and nowhere else", () => {
    const bound = containerOf({ bind: true });
    assert.deepEqual(at(bound, "securityContext", "capabilities"), {
      ...{ drop: ["ALL"], add: ["NET_RAW", "NET_ADMIN"] },
    });
    const [args, usual] = [at(bound, "args"), at(container, "args")];
    assert.ok(Array.isArray(args) && Array.isArray(usual));
    assert.deepEqual(args, [...usual, "--bind"]);
  });

  it("reach the FRR of their node where they are to announce through it, by an image that has its shell", () => {
    const bgp = { engine: "frr", frr: { image: "example.org/steelyard-frr:1" } };
    const container = containerOf({ bgp });
    assert.equal(at(container, "image"), "example.org/steelyard-frr:1");
    const volumes = at(podOf({ bgp }), "volumes");
    assert.ok(Array.isArray(volumes));
    assert.deepEqual(
      volumes.filter((volume) => at(volume, "name") === "frr"),
      [{ name: "frr", hostPath: { path: "/var/run/frr", type: "Directory" } }],
    );
    const mounts = at(container, "volumeMounts");
    assert.ok(Array.isArray(mounts));
    const [mount] = mounts.filter((each) => at(each, "name") === "frr");
    const args = at(container, "args");
    assert.ok(Array.isArray(args) && args.includes(`--frr-sockets=${at(mount, "mountPath")}`));
    assert.throws(() => daemonSet({ bgp: { engine: "frr" } }), /speaker\.bgp\.frr\.image/);
    // What is copied is what the other image has, and Node.js finds its libraries in any Debian.
    const [own, other] = ["", ".frr"].map((suffix) => read(`packaging/container/Containerfile${suffix}`));
    for (const setting of own?.match(/MALLOC_\S+=\d+/g) ?? assert.fail()) assert.ok(other?.includes(setting));
    for (const path of ["/usr/lib/steelyard", "/usr/bin/steelyard"])
      assert.ok(other?.includes(`${path} ${path}\n`));
    const steps = (other ?? "")
      .replaceAll("\\\n", " ")
      .split("\n")
      .filter((line) => /^[A-Z]/.test(line));
    assert.deepEqual(
      steps.map((line) => line.split(" ")[0]),
      ["ARG", "ARG", "FROM", "FROM", "RUN", "COPY", "COPY", "COPY", "ENV", "ENTRYPOINT"],
    );
    // Only the user frr may read it as Debian's package has it, and vtysh does nothing without.
    assert.match(
      steps[4] ?? "",
      /apt-get install .* frr\b.* chmod 755 \/etc\/frr .*chmod 644 \/etc\/frr\/vtysh\.conf/,
    );
  });

  it("keep what must outlive them where the program looks for it", () => {
    const mounts = at(container, "volumeMounts");
    assert.deepEqual(mounts, [
      { name: "run", mountPath: "/run/steelyard" },
      { name: "secret", mountPath: "/etc/steelyard/speaker", readOnly: true },
    ]);
    const paths = Array.from(
      read("src/roles/speaker/options.ts").matchAll(/DEFAULT_SPEAKER_(?:ADMIN|STATE) = "(.*)";/g),
      ([, path = ""]) => path,
    );
    assert.equal(paths.length, 2);
    for (const path of paths) assert.ok(path.startsWith("/run/steelyard/"), path);
  });

  it("are not killed for an agent that does not answer, and are ready when it does", () => {
    assert.equal(at(container, "livenessProbe"), undefined);
    assert.equal(at(container, "startupProbe"), undefined);
    assert.deepEqual(at(container, "readinessProbe", "httpGet"), { path: "/readyz", port: "metrics" });
    assert.deepEqual(at(container, "ports"), [{ name: "metrics", containerPort: 9122 }]);
    assert.deepEqual(at(containerOf({ port: 9999 }), "ports"), [{ name: "metrics", containerPort: 9999 }]);
  });

  it("use no port of the controller, nor of MetalLB's speaker", () => {
    const others = [9120, 9443, 9121, 7472, 7473, 7946, 17_472, 3784, 3785, 4784];
    assert.ok(!others.includes(Number(at(container, "ports", 0, "containerPort"))));
  });

  it("have the time to hand over, and what comes after", () => {
    const grace = seconds(Number(at(pod, "terminationGracePeriodSeconds")));
    assert.ok(grace >= 3 * DEFAULT_OWNERSHIP.handOverLimit, `${toMillis(grace)} ms`);
  });

  it("are replaced node by node, the old one first, and not before the new one can judge who lives", () => {
    const spec = at(daemonSet(), "spec");
    assert.deepEqual(at(spec, "updateStrategy"), {
      type: "RollingUpdate",
      rollingUpdate: { maxSurge: 0, maxUnavailable: 1 },
    });
    assert.ok(seconds(Number(at(spec, "minReadySeconds"))) > DEFAULT_GRACE);
    assert.equal(
      at(daemonSet({ maxUnavailable: "10%" }), "spec", "updateStrategy", "rollingUpdate", "maxUnavailable"),
      "10%",
    );
  });

  it("run on every node of Linux, are evicted last, and have no CPU limit", () => {
    assert.deepEqual(at(pod, "tolerations"), [{ operator: "Exists" }]);
    assert.deepEqual(at(pod, "nodeSelector"), { "kubernetes.io/os": "linux" });
    assert.equal(at(pod, "priorityClassName"), "system-node-critical");
    assert.deepEqual(at(container, "resources"), {
      requests: { cpu: "100m", memory: "128Mi" },
      limits: { memory: "256Mi" },
    });
  });

  it("know their node and namespace", () => {
    const env = at(container, "env");
    assert.ok(Array.isArray(env));
    assert.deepEqual(
      env.map((each) => [at(each, "name"), at(each, "valueFrom", "fieldRef", "fieldPath")]),
      [
        ["NODE_NAME", "spec.nodeName"],
        ["POD_NAMESPACE", "metadata.namespace"],
      ],
    );
  });

  it("are told what is wished as arguments", () => {
    const usual = ["speaker", "--log-format=json", "--log-level=info", "--listen=:9122"];
    const secret = "--secret-file=/etc/steelyard/speaker/key";
    assert.deepEqual(at(container, "args"), [...usual, "--rules=steelyard", secret]);
    const bgp = { drain: "20s", listenPort: 179, passwordSecrets: [] };
    assert.deepEqual(at(containerOf({ bgp }), "args"), [
      ...[...usual, "--rules=steelyard", secret],
      ...["--bgp-drain=20s", "--bgp-listen=179"],
    ]);
    assert.deepEqual(at(containerOf({ bgp }), "securityContext", "capabilities", "add"), [
      "NET_RAW",
      "NET_BIND_SERVICE",
    ]);
    const wishes = { rules: "metallb", spread: 1.25, ignoreExcludeLabel: true, probe: false };
    assert.deepEqual(
      at(containerOf({ ...wishes, extraArgs: ["--x"] }, { loadBalancerClass: "a/b" }), "args"),
      [
        ...[...usual, "--rules=metallb", "--lb-class=a/b", secret],
        ...["--spread=1.25", "--ignore-exclude-lb", "--no-probe", "--x"],
      ],
    );
  });

  it("are left out on request and in shadow mode, with all that is theirs", () => {
    const monitoring = { monitor: "ServiceMonitor" };
    for (const values of [
      { monitoring, speaker: { enabled: false } },
      { monitoring, shadow: true },
    ]) {
      const theirs = objects(values).filter((object) => JSON.stringify(object).includes("speaker"));
      // Alerts and the dashboard are one for both programs.
      assert.deepEqual(
        theirs.map((object) => at(object, "kind")),
        [],
      );
    }
  });
});

describe("the secret that speakers share", () => {
  const keyOf = (secret: Json | undefined): string =>
    Buffer.from(String(at(secret, "data", "key")), "base64").toString();

  it("is made by the chart, and then kept", () => {
    assert.equal(keyOf(named(objects(), "Secret")).length, 48);
    const data = { key: Buffer.from("of the first installation").toString("base64") };
    const existing = new Map([[`Secret ${NAMESPACE}/steelyard-speaker`, { data }]]);
    assert.equal(keyOf(named(objects({}, existing), "Secret")), "of the first installation");
  });

  it("is random where Helm makes it", () => {
    const template = read("packaging/helm/steelyard/templates/speaker-secret.yaml");
    assert.match(template, /\(randAlphaNum 48 \| b64enc\)/);
  });

  it("is in no file of the repository", () => {
    const text = read("packaging/manifests/speaker.yaml");
    const kinds = parseAllDocuments(text).map((document) => document.toJS().kind);
    assert.ok(kinds.includes("DaemonSet"));
    assert.ok(!kinds.includes("Secret"));
  });

  it("may be one's own, or none", () => {
    const own = objects({ speaker: { secret: { name: "mine" } } });
    assert.equal(named(own, "Secret"), undefined);
    assert.equal(at(podOf({ secret: { name: "mine" } }), "volumes", 1, "secret", "secretName"), "mine");
    const none = podOf({ secret: { enabled: false } });
    assert.equal(named(objects({ speaker: { secret: { enabled: false } } }), "Secret"), undefined);
    assert.ok(!JSON.stringify(none).includes("secret"));
  });
});

describe("the chart beside MetalLB's speakers", () => {
  const beside = (name: string, desiredNumberScheduled: number, values: Values) =>
    objects(values, new Map([[`DaemonSet ${NAMESPACE}/${name}`, { status: { desiredNumberScheduled } }]]));

  it("is refused where they run and would not decide alike", () => {
    for (const name of ["speaker", "metallb-speaker"]) {
      assert.throws(() => beside(name, 3, {}), /speaker\.rules=metallb/);
    }
  });

  it("is accepted with MetalLB's rules, without speakers, in shadow mode, and once none of MetalLB's runs", () => {
    const accepted: readonly (readonly [number, Values])[] = [
      [3, { speaker: { rules: "metallb" } }],
      [3, { speaker: { enabled: false } }],
      [3, { shadow: true }],
      [0, {}],
    ];
    for (const [count, values] of accepted) assert.ok(isFields(beside("speaker", count, values)[0]));
  });
});
