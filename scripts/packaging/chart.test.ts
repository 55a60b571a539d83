import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parse } from "yaml";
import { VERSION } from "#base/version";
import { CHART, type ChartOptions, chartValues, renderChart } from "./chart.ts";
import { at, type Fields, isFields, type Json, NAMESPACE, named, objects } from "./objects.ts";

const EVERYTHING = [
  {},
  { shadow: true },
  { webhook: { enabled: false } },
  {
    webhook: { takeConversion: true },
    loadBalancerClass: "example.org/lan",
    metallbMetrics: true,
    image: { digest: `sha256:${"0".repeat(64)}` },
    imagePullSecrets: [{ name: "registry" }],
    extraArgs: ["--log-level=debug"],
    podLabels: { team: "network" },
    podAnnotations: { note: "x" },
    affinity: { nodeAffinity: {} },
    speaker: {
      ...{ rules: "metallb", spread: 1.25, ignoreExcludeLabel: true, probe: false, maxUnavailable: "10%" },
      ...{ realtime: true },
      ...{ secret: { name: "mine" }, extraArgs: ["--refresh=60s"], affinity: { nodeAffinity: {} } },
      ...{ podLabels: { team: "network" }, podAnnotations: { note: "x" } },
      bgp: { engine: "frr", frr: { image: "example.org/steelyard-frr:1" } },
    },
    monitoring: { monitor: "PodMonitor", rules: true, dashboard: true, labels: { release: "p" } },
  },
  { monitoring: { monitor: "ServiceMonitor", labels: { release: "p" } } },
  { speaker: { enabled: false }, monitoring: { monitor: "ServiceMonitor" } },
  { speaker: { secret: { enabled: false } } },
];

const leaves = (value: Json, path = ""): readonly string[] =>
  isFields(value) && Object.keys(value).length > 0
    ? Object.entries(value).flatMap(([name, inner]) => leaves(inner, path === "" ? name : `${path}.${name}`))
    : [path];

describe("the values of the chart", () => {
  it("are all used", () => {
    const seen = new Set(EVERYTHING.flatMap((values) => [...renderChart(NAMESPACE, { values }).seen]));
    const isUsed = (leaf: string): boolean =>
      leaf.split(".").some((_, index, steps) => seen.has(steps.slice(0, index + 1).join(".")));
    // Helm itself reads this one, as the condition of the chart inside (Chart.yaml).
    assert.deepEqual(
      leaves(chartValues()).filter((leaf) => !isUsed(leaf)),
      ["crds.install"],
    );
  });

  it("have a schema that knows each of them and no other", () => {
    const schema: Json = JSON.parse(readFileSync(join(CHART, "values.schema.json"), "utf8"));
    const compare = (inner: Json | undefined, values: Json, path: string): void => {
      const properties = at(inner, "properties");
      if (!isFields(properties) || !isFields(values)) return;
      const known = Object.keys(properties).filter((name) => name !== "global");
      assert.deepEqual(known.sort(), Object.keys(values).sort(), path);
      for (const name of known) compare(properties[name], values[name] ?? null, `${path}.${name}`);
    };
    compare(schema, chartValues(), "");
  });

  it("are refused by the schema where they are misspelt", () => {
    const schema: Json = JSON.parse(readFileSync(join(CHART, "values.schema.json"), "utf8"));
    for (const section of [
      ...[[], ["image"], ["webhook"], ["log"], ["monitoring"]],
      ...[["speaker"], ["speaker", "secret"]],
    ]) {
      const path = section.flatMap((name) => ["properties", name]);
      assert.equal(at(schema, ...path, "additionalProperties"), false, section.join("."));
    }
  });
});

describe("the chart", () => {
  it("has the version of the program", () => {
    const chart: Json = parse(readFileSync(join(CHART, "Chart.yaml"), "utf8"));
    assert.deepEqual([at(chart, "version"), at(chart, "appVersion")], [VERSION, VERSION]);
    const inside: Json = parse(readFileSync(join(CHART, "charts/crds/Chart.yaml"), "utf8"));
    assert.deepEqual(at(inside, "version"), at(chart, "dependencies", 0, "version"));
    assert.equal(at(chart, "dependencies", 0, "condition"), "crds.install");
  });

  it("puts every object into the namespace of the release, but for what finds ServiceLB", () => {
    const clusterWide = ["ClusterRole", "ClusterRoleBinding", "ValidatingWebhookConfiguration"];
    for (const values of EVERYTHING) {
      for (const object of objects(values)) {
        const name = `${at(object, "kind")} ${at(object, "metadata", "name")}`;
        const expected = clusterWide.includes(String(at(object, "kind")))
          ? undefined
          : name.endsWith("-servicelb")
            ? "kube-system"
            : NAMESPACE;
        assert.equal(at(object, "metadata", "namespace"), expected, name);
      }
    }
  });

  it("gives no two objects one name", () => {
    for (const values of EVERYTHING) {
      const names = objects(values).map((object) =>
        [at(object, "kind"), at(object, "metadata", "namespace"), at(object, "metadata", "name")].join(" "),
      );
      assert.equal(new Set(names).size, names.length);
    }
  });

  it("selects what it labels", () => {
    const all = objects({ monitoring: { monitor: "ServiceMonitor" } });
    const labels = at(named(all, "Deployment"), "spec", "template", "metadata", "labels");
    const selectors = [
      at(named(all, "Deployment"), "spec", "selector", "matchLabels"),
      at(named(all, "PodDisruptionBudget"), "spec", "selector", "matchLabels"),
      at(named(all, "Service", "steelyard-webhook"), "spec", "selector"),
      at(named(all, "Service", "steelyard-controller-metrics"), "spec", "selector"),
      at(
        named(all, "Deployment"),
        "spec",
        "template",
        "spec",
        "topologySpreadConstraints",
        0,
        "labelSelector",
        "matchLabels",
      ),
    ];
    for (const selector of selectors) {
      assert.ok(isFields(selector));
      // The version is none of it: a selector of a Deployment cannot be changed by an upgrade.
      assert.deepEqual(Object.keys(selector), ["app.kubernetes.io/name", "app.kubernetes.io/component"]);
      for (const [name, value] of Object.entries(selector)) assert.equal(at(labels, name), value);
    }
  });

  it("passes what is wished on as arguments", () => {
    const argumentsOf = (values: NonNullable<ChartOptions["values"]>): Json | undefined =>
      at(named(objects(values), "Deployment"), "spec", "template", "spec", "containers", 0, "args");
    const always = ["controller", "--log-format=json", "--log-level=info", "--lease-duration=15s"];
    assert.deepEqual(argumentsOf({}), always);
    assert.deepEqual(argumentsOf({ shadow: true, webhook: { takeConversion: true } }), [
      ...always,
      "--shadow",
      "--webhook-mode=disabled",
    ]);
    assert.deepEqual(
      argumentsOf({
        loadBalancerClass: "a/b",
        webhook: { takeConversion: true },
        metallbMetrics: true,
        extraArgs: ["--x"],
      }),
      [...always, "--lb-class=a/b", "--take-conversion", "--metallb-metrics", "--x"],
    );
  });

  it("names the image by tag, by version without one, and by digest before both", () => {
    const imageOf = (image: Fields): Json | undefined =>
      at(named(objects({ image }), "Deployment"), "spec", "template", "spec", "containers", 0, "image");
    assert.equal(imageOf({ repository: "r/s" }), `r/s:${VERSION}`);
    assert.equal(imageOf({ repository: "r/s", tag: "t" }), "r/s:t");
    assert.equal(imageOf({ repository: "r/s", tag: "t", digest: "sha256:0" }), "r/s@sha256:0");
  });
});

describe("the pods of the chart", () => {
  const deployment = named(objects(), "Deployment");
  const pod = at(deployment, "spec", "template", "spec");
  const container = at(pod, "containers", 0);

  it("fit the restricted pod security standard", () => {
    assert.deepEqual(at(pod, "securityContext"), {
      runAsNonRoot: true,
      runAsUser: 65532,
      runAsGroup: 65532,
      seccompProfile: { type: "RuntimeDefault" },
    });
    assert.deepEqual(at(container, "securityContext"), {
      allowPrivilegeEscalation: false,
      privileged: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
    for (const name of ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"]) {
      assert.equal(at(pod, name), undefined);
    }
    assert.deepEqual(at(pod, "volumes"), [{ name: "run", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } }]);
  });

  it("have a memory limit and no CPU limit", () => {
    assert.deepEqual(at(container, "resources"), {
      requests: { cpu: "50m", memory: "128Mi" },
      limits: { memory: "256Mi" },
    });
  });

  it("are two, spread, replaced one by one, and drained one by one", () => {
    assert.equal(at(deployment, "spec", "replicas"), 2);
    assert.deepEqual(at(deployment, "spec", "strategy", "rollingUpdate"), { maxSurge: 1, maxUnavailable: 0 });
    assert.equal(at(pod, "topologySpreadConstraints", 0, "topologyKey"), "kubernetes.io/hostname");
    assert.equal(at(pod, "priorityClassName"), "system-cluster-critical");
    assert.equal(at(named(objects(), "PodDisruptionBudget"), "spec", "maxUnavailable"), 1);
  });

  it("are asked at ports that they have", () => {
    const ports = at(container, "ports");
    assert.deepEqual(ports, [
      { name: "metrics", containerPort: 9120 },
      { name: "webhook", containerPort: 9443 },
    ]);
    assert.deepEqual(
      [at(container, "livenessProbe", "httpGet"), at(container, "readinessProbe", "httpGet")],
      [
        { path: "/healthz", port: "metrics" },
        { path: "/readyz", port: "metrics" },
      ],
    );
  });
});

describe("the webhooks of the chart", () => {
  const webhooks = (values = {}): readonly Json[] => {
    const found = at(named(objects(values), "ValidatingWebhookConfiguration"), "webhooks");
    return Array.isArray(found) ? found : [];
  };

  it("look at whatever people configure, at the paths of MetalLB's and in that form for ours", () => {
    const seen = webhooks()
      .filter((webhook) => at(webhook, "failurePolicy") === "Fail")
      .map((webhook) => {
        const rule = at(webhook, "rules", 0);
        return [
          at(webhook, "clientConfig", "service", "path"),
          at(rule, "apiGroups", 0),
          at(rule, "apiVersions", 0),
          at(rule, "resources", 0),
          at(rule, "operations"),
        ];
      });
    const CHANGES = ["CREATE", "UPDATE"];
    assert.deepEqual(seen, [
      [
        "/validate-metallb-io-v1beta1-bfdprofile",
        "metallb.io",
        "v1beta1",
        "bfdprofiles",
        ["CREATE", "UPDATE", "DELETE"],
      ],
      [
        "/validate-metallb-io-v1beta1-bgpadvertisement",
        "metallb.io",
        "v1beta1",
        "bgpadvertisements",
        CHANGES,
      ],
      ["/validate-metallb-io-v1beta2-bgppeer", "metallb.io", "v1beta2", "bgppeers", CHANGES],
      ["/validate-metallb-io-v1beta1-community", "metallb.io", "v1beta1", "communities", CHANGES],
      ["/validate-metallb-io-v1beta1-ipaddresspool", "metallb.io", "v1beta1", "ipaddresspools", CHANGES],
      ["/validate-metallb-io-v1beta1-l2advertisement", "metallb.io", "v1beta1", "l2advertisements", CHANGES],
      [
        "/validate-steelyard-dev-v1alpha1-addressconflict",
        "steelyard.dev",
        "v1alpha1",
        "addressconflicts",
        CHANGES,
      ],
      [
        "/validate-steelyard-dev-v1alpha1-addressreservation",
        "steelyard.dev",
        "v1alpha1",
        "addressreservations",
        CHANGES,
      ],
    ]);
  });

  it("block nobody outside of the controller's namespace when it is dead", () => {
    const name = "kubernetes.io/metadata.name";
    for (const webhook of webhooks()) {
      const selector = at(webhook, "namespaceSelector");
      const isHere = at(webhook, "failurePolicy") === "Fail";
      assert.deepEqual(
        selector,
        isHere
          ? { matchLabels: { [name]: NAMESPACE } }
          : { matchExpressions: [{ key: name, operator: "NotIn", values: [NAMESPACE] }] },
      );
      assert.equal(at(webhook, "rules", 0, "scope"), "Namespaced");
    }
    assert.equal(webhooks().length, 16);
  });

  it("are given their certificate by the controller alone", () => {
    for (const webhook of webhooks()) {
      assert.deepEqual(Object.keys(at(webhook, "clientConfig") ?? {}), ["service"]);
    }
  });

  it("are left out in shadow mode and on request, with their Service", () => {
    for (const values of [{ shadow: true }, { webhook: { enabled: false } }]) {
      const all = objects(values);
      assert.equal(named(all, "ValidatingWebhookConfiguration"), undefined);
      assert.equal(named(all, "Service"), undefined);
    }
  });
});
