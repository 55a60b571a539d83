import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parseAllDocuments } from "yaml";
import { readConfiguration } from "#core/metallb/read";
import type { Format } from "#core/migration/importers";
import { fakeFiles } from "#drivers/files/fake";
import { openFiles } from "#drivers/files/linux";
import type { FilesPort } from "#drivers/files/port";
import { importResources } from "./import-metallb.ts";

const ROOT = join(import.meta.dirname, "../..");

const run = (
  format: Format,
  files: FilesPort,
  {
    paths = ["f.yaml"],
    output = "-",
    namespace,
  }: { paths?: string[]; output?: string; namespace?: string } = {},
) => {
  const report: string[] = [];
  let text = "";
  const status = importResources({
    format,
    paths,
    output,
    force: false,
    namespace,
    files,
    print: (printed) => {
      text += printed;
    },
    tell: (line) => report.push(line),
  });
  return { status, text, report };
};

/** Compares with testdata/NAME; UPDATE_GOLDEN=1 writes it instead, and the diff is the review. */
const golden = (name: string, text: string): void => {
  const file = join(import.meta.dirname, "testdata", name);
  if (process.env.UPDATE_GOLDEN === "1") writeFileSync(file, text);
  assert.equal(text, readFileSync(file, "utf8"), `${name}: run with UPDATE_GOLDEN=1 to accept`);
};

const EXAMPLES: readonly (readonly [format: Format, name: string])[] = [
  ["metallb", "metallb-0.12"],
  ["kube-vip", "kube-vip"],
  ["cilium", "cilium"],
];

describe("steelyard import metallb, kube-vip and cilium", () => {
  for (const [format, name] of EXAMPLES) {
    it(`turn the example ${name}.yaml into valid resources, with a report of what is lost`, () => {
      const path = `examples/pools/import/${name}.yaml`;
      const text = readFileSync(join(ROOT, path), "utf8");
      const { status, text: written, report } = run(format, fakeFiles({ [path]: text }), { paths: [path] });
      assert.equal(status, 1);
      golden(`import-${name}.yaml`, written);
      golden(`import-${name}.txt`, `${report.join("\n")}\n`);
      const parsed = parseAllDocuments(written);
      assert.ok(Array.isArray(parsed));
      const objects = parsed.map((document): unknown => document.toJS());
      const read = readConfiguration({ objects, namespaces: new Map() });
      assert.ok(read.ok, read.ok ? "" : JSON.stringify(read.problems));
      assert.deepEqual(read.warnings, []);
    });
  }

  it("are documented by what they print", () => {
    const page = readFileSync(join(ROOT, "docs/import-metallb.md"), "utf8");
    const report = readFileSync(join(import.meta.dirname, "testdata/import-metallb-0.12.txt"), "utf8");
    assert.ok(page.includes(report.replaceAll("examples/pools/import/", "")));
  });

  const POOL = "address-pools:\n- {name: a, protocol: layer2, addresses: [192.0.2.0/28]}\n";

  it("end with 0 when nothing is lost", () => {
    const { status, text, report } = run("metallb", fakeFiles({ "f.yaml": POOL }), { namespace: "here" });
    assert.equal(status, 0);
    assert.match(
      text,
      /^# f\.yaml:2 address-pools\[0\]\napiVersion: metallb\.io\/v1beta1\nkind: IPAddressPool\n/,
    );
    assert.match(text, /namespace: here/);
    assert.deepEqual(report, ["written: 1 pool, 1 L2 advertisement; nothing is lost"]);
  });

  const BAD = "- {name: x, protocol: layer2, addresses: [192.0.2.0/28], colour: red}";
  for (const [style, text, line] of [
    [
      "line by line",
      `# c\nkind: ConfigMap\ndata:\n  config: |\n    peers: []\n    address-pools:\n    ${BAD}\n`,
      7,
    ],
    ["after an empty line", `kind: ConfigMap\ndata:\n  config: |-\n\n    address-pools:\n    ${BAD}`, 6],
    ["in quotes", `kind: ConfigMap\ndata:\n  config: "address-pools:\\n${BAD}"\n`, 3],
  ] as const) {
    it(`name the line of the file for a text within a ConfigMap ${style}`, () => {
      const { report } = run("metallb", fakeFiles({ "f.yaml": text }));
      assert.equal(
        report[0],
        `f.yaml:${line}: address-pools[0].colour: is no key that the importer knows in a pool.`,
      );
    });
  }

  it("print commands for Services as comments that kubectl does not read", () => {
    const text =
      "kind: Service\nmetadata: {name: web, annotations: {kube-vip.io/loadbalancerIPs: 192.0.2.1}}\n";
    const { status, text: written, report } = run("kube-vip", fakeFiles({ "f.yaml": text }));
    assert.equal(status, 0);
    assert.match(
      written,
      /^# For Services, before steelyard takes over:\n# kubectl patch service web --type merge --patch '.*'\n$/,
    );
    assert.match(report.join("\n"), /^written: 0 pools, 1 command for Services; nothing is lost$/m);
  });

  const nothing: readonly (readonly [
    title: string,
    format: Format,
    files: Readonly<Record<string, string>>,
    message: RegExp,
  ])[] = [
    ["a file that does not exist", "metallb", {}, /^f\.yaml: does not exist/],
    ["a file that is no YAML", "cilium", { "f.yaml": "a: b: c" }, /^f\.yaml:1:4/],
    ["a file of nothing that concerns us", "kube-vip", { "f.yaml": "kind: Pod" }, /nothing is written/],
  ];
  for (const [title, format, files, message] of nothing) {
    it(`write nothing and end with 2 for ${title}`, () => {
      const { status, text, report } = run(format, fakeFiles(files));
      assert.equal(status, 2);
      assert.equal(text, "");
      assert.match(report.join("\n"), message);
    });
  }

  it("write nothing and end with 2 for a namespace that there cannot be", () => {
    const { status, report } = run("metallb", fakeFiles({ "f.yaml": POOL }), { namespace: "A b" });
    assert.equal(status, 2);
    assert.deepEqual(report, ["--namespace A b: no namespace can have that name."]);
  });

  it("write what readers of YAML 1.1 read as text too, and let nothing out of a comment", () => {
    const text = `address-pools:\n- {name: "on", protocol: layer2, addresses: [192.0.2.0/28]}\n---\nkind: Service\nmetadata: {name: web, annotations: {}}\n---\napiVersion: metallb.io/v1beta1\nkind: BGPPeer\nmetadata: {name: "p\\u2028q"}\nspec: {myASN: 1, peerASN: 2, peerAddress: 192.0.2.1, password: "yes"}\n`;
    const { text: written } = run("metallb", fakeFiles({ "f.yaml": text }));
    assert.match(written, /name: "on"/);
    assert.match(written, /password: "yes"/);
    assert.doesNotMatch(written, /[\u2028\u2029\u0085]/);
  });

  it("let no text of a file command the terminal", () => {
    const text =
      'kind: "P\\e[31mod"\nmetadata: {name: "\\e[2Jx"}\n---\naddress-pools:\n- {name: "a\\e[1m", protocol: layer2, addresses: [192.0.2.0/28], "\\e[5m": 1}\n';
    const { text: written, report } = run("metallb", fakeFiles({ "f.yaml": text }));
    assert.doesNotMatch(written + report.join(""), /\p{Cc}(?<!\n)/u);
  });

  it("write a file as a whole, and replace none", () => {
    const folder = mkdtempSync(join(tmpdir(), "steelyard-import-"));
    try {
      const [source, output] = [join(folder, "in.yaml"), join(folder, "out.yaml")];
      writeFileSync(source, POOL);
      assert.equal(run("metallb", openFiles(), { paths: [source], output }).status, 0);
      const written = readFileSync(output, "utf8");
      assert.match(written, /kind: IPAddressPool/);
      const again = run("metallb", openFiles(), { paths: [source], output });
      assert.equal(again.status, 2);
      assert.match(again.report.at(-1) ?? "", /there is such a file already/);
      assert.equal(readFileSync(output, "utf8"), written);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
