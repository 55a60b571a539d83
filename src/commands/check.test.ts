import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { KIND_NAMES, KINDS, type Kind } from "#core/config/kinds";
import { fakeFiles } from "#drivers/files/fake";
import { openFiles } from "#drivers/files/linux";
import { loadConfiguration } from "#drivers/files/load";
import { check } from "./check.ts";

const VALID = `apiVersion: steelyard.dev/v1alpha1
kind: VirtualRouter
metadata: {name: home}
spec: {interface: eth0, vrid: 51, addresses: [192.0.2.10/24]}
---
apiVersion: steelyard.dev/v1alpha1
kind: VirtualServer
metadata: {name: web}
spec:
  address: 192.0.2.10
  port: 80
  backends: [{address: 192.0.2.21}]
  health: {timeout: 3s, retries: 2, retryDelay: 2s, interval: 5s}
`;

const run = (text: string, json = false) => {
  const lines: string[] = [];
  const status = check({
    paths: ["edge.yaml"],
    json,
    files: fakeFiles({ "edge.yaml": text }),
    print: (line) => lines.push(line),
  });
  return { status, lines };
};

describe("steelyard check", () => {
  it("sums a valid configuration up, with the worst-case removal time, and exits with 0", () => {
    assert.deepEqual(run(VALID), {
      status: 0,
      lines: [
        "valid: 1 virtual router, 1 virtual server, 1 backend, 0 tracked checks in 1 file",
        "  home: vrid 51 on eth0, priority 100, advertises every 1s",
        "  web: a dead backend is removed after at most 13s = 3s + 2 x (3s + 2s), after a wait of up to 5s for the next round: 18s in all",
      ],
    });
  });

  it("says of an endpoint what is the same on every host, and when a failure is noticed", () => {
    const endpoint = `apiVersion: steelyard.dev/v1alpha1
kind: ControlPlaneEndpoint
metadata: {name: api}
spec:
  addresses: [192.0.2.253]
  interface: eth0
  peers: [192.0.2.1, 192.0.2.2]
  apiServer: {caFile: /ca.crt, timeout: 1s, fall: 2}
`;
    assert.deepEqual(run(endpoint).lines, [
      "valid: 1 virtual router, 0 virtual servers, 0 backends, 1 tracked check in 1 file",
      "  api-ipv4: vrid 53 on eth0, priority by each host's address, advertises every 200ms",
      "  api-api-server: a failure is noticed after at most 2.2s = 1s + 1 x (1s + 200ms), after a wait of up to 1s for the next round: 3.2s in all",
    ]);
    assert.match(
      run(endpoint.replace("  interface", "  priority: 7\n  interface")).lines[1] ?? "",
      /priority 7,/,
    );
  });

  it("prints every problem and exits with 2", () => {
    assert.deepEqual(run(VALID.replace("51", "0").replace("80", "eighty")), {
      status: 2,
      lines: [
        "edge.yaml:4:31 spec.vrid: 0 is below 1. Use 1..255.",
        'edge.yaml:11:9 spec.port: "eighty" is not a port, a range of ports or all. Write a port such as 80, a range such as 8000-8099 within 1..65535, or all.',
        "not valid: 2 errors, 0 warnings",
      ],
    });
  });

  it("gives the same as JSON", () => {
    const valid: unknown = JSON.parse(run(VALID, true).lines.join("\n"));
    assert.deepEqual(valid, {
      valid: true,
      problems: [],
      files: ["edge.yaml"],
      virtualRouters: ["home"],
      virtualServers: [{ name: "web", backends: ["192.0.2.21:80"], worstCaseRemovalMilliseconds: 13_000 }],
      trackedChecks: [],
    });
    const { status, lines } = run("kind: 3\n", true);
    assert.equal(status, 2);
    const invalid: unknown = JSON.parse(lines.join("\n"));
    assert.deepEqual(invalid, {
      valid: false,
      problems: [
        {
          severity: "error",
          file: "edge.yaml",
          line: 1,
          column: 1,
          path: "apiVersion",
          message: "is missing",
          hint: "Write apiVersion: steelyard.dev/v1alpha1.",
        },
        {
          severity: "error",
          file: "edge.yaml",
          line: 1,
          column: 7,
          path: "kind",
          message: "3 is not known",
          hint: "Known: VirtualRouter, VirtualServer, TrackedCheck, ConnectionSync, ControlPlaneEndpoint.",
        },
      ],
    });
  });
});

/** Those that an edge reads; resources of a cluster have tests of their own. */
const edgeExamples = (root: string): readonly string[] =>
  globSync("examples/**/*.yaml", { cwd: root, exclude: ["examples/{argocd,pools}/**"] });

describe("the examples", () => {
  const root = new URL("../../", import.meta.url).pathname;
  const examples = edgeExamples(root);

  it("are there", () => assert.ok(examples.length >= 6));

  for (const example of examples) {
    it(`${example} is valid and gives no cause for a warning`, () => {
      const loaded = loadConfiguration(openFiles(), [root + example]);
      assert.deepEqual(loaded.ok ? loaded.warnings : loaded.problems, []);
    });
  }
});

describe("the operator's guide", () => {
  const guide = readFileSync(new URL("../../docs/configuration.md", import.meta.url), "utf8");
  const blocks = [...guide.matchAll(/^```yaml\n(apiVersion:[^`]*)^```/gm)].map(([, block = ""]) => block);

  it("shows whole resources", () => assert.ok(blocks.length >= 3));

  for (const block of blocks) {
    it(`shows a valid ${/kind: (\w+)/.exec(block)?.[1]}`, () => {
      const loaded = loadConfiguration(fakeFiles({ "guide.yaml": block }), ["guide.yaml"]);
      assert.deepEqual(loaded.ok ? [] : loaded.problems, []);
    });
  }

  const root = new URL("../../", import.meta.url).pathname;
  const healthGuide = readFileSync(`${root}docs/health-checks.md`, "utf8");
  const shown = [
    ...[guide, healthGuide].flatMap((page) =>
      [...page.matchAll(/^```yaml\n([^`]*)^```/gm)].map(([, block = ""]) => block),
    ),
    ...edgeExamples(root).map((name) => readFileSync(root + name, "utf8")),
  ].join("\n");

  /** What only a reference needs to show. */
  const UNCOMMON = new Set(["checksum", "sourceAddress", "virtualMacInterface"]);
  const keysOf = (kind: Kind): readonly string[] => Object.keys(KINDS[kind].entries.spec.entries);

  for (const kind of KIND_NAMES) {
    it(`shows every key of a ${kind} at least once, there or in an example`, () => {
      const missing = keysOf(kind).filter(
        (key) => !UNCOMMON.has(key) && !new RegExp(`\\b${key}:`).test(shown),
      );
      assert.deepEqual(missing, []);
    });
  }
});
