import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fakeFiles } from "#drivers/files/fake";
import { loadConfiguration } from "#drivers/files/load";
import { importKeepalived } from "./import.ts";

const INSTANCE = `vrrp_instance VI_1 {
  interface eth0
  virtual_router_id 51
  virtual_ipaddress {
    192.0.2.10/24
  }
}
`;

const EXPECTED = `# vrrp_instance VI_1, k.conf:1
apiVersion: steelyard.dev/v1alpha1
kind: VirtualRouter
metadata:
  name: vi-1
spec:
  interface: eth0
  vrid: 51
  version: 2
  priority: 100
  advertisementInterval: 1s
  addresses:
    - 192.0.2.10/24
`;

const run = (
  sources: Readonly<Record<string, string>>,
  {
    paths = ["k.conf"],
    output = "-",
    force = false,
  }: { paths?: string[]; output?: string; force?: boolean } = {},
) => {
  const report: string[] = [];
  let text = "";
  const status = importKeepalived({
    paths,
    output,
    force,
    configId: "here",
    files: fakeFiles(sources),
    print: (printed) => {
      text += printed;
    },
    tell: (line) => report.push(line),
  });
  return { status, text, report };
};

/** Runs `use` with a folder of its own. */
const inFolder = (use: (folder: string) => void): void => {
  const folder = mkdtempSync(join(tmpdir(), "steelyard-import-"));
  try {
    use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
};

describe("steelyard import keepalived", () => {
  it("prints resources with their origin, and ends with 0 when nothing is lost", () => {
    assert.deepEqual(run({ "k.conf": INSTANCE }), {
      status: 0,
      text: EXPECTED,
      report: ["written: 1 virtual router, 0 virtual servers, 0 tracked checks; nothing is lost"],
    });
  });

  it("lists what it could not carry with file, lines and reason, and ends with 1", () => {
    const lines = "  state MASTER\n  virtual_routes {\n    default via 192.0.2.1\n  }\n  advert_int 1.2\n}\n";
    const { status, report } = run({ "k.conf": INSTANCE.replace(/}\n$/, lines) });
    assert.equal(status, 1);
    assert.deepEqual(report, [
      "k.conf:1-12: changed: vrrp_instance: priority 255: state MASTER without a priority means the owner.",
      "k.conf:7: not needed: state: the highest priority alive is active; nothing has to be said about the start.",
      "k.conf:8-10: virtual_routes: steelyard sets no routes or rules; keep them in the machine's network configuration.",
      "k.conf:11: changed: advert_int: 1s instead of 1200ms: all that version 2 can say.",
      "written: 1 virtual router, 0 virtual servers, 0 tracked checks; 1 line could not be carried",
    ]);
  });

  it("prints what steelyard check accepts", () => {
    const { text } = run({
      "k.conf": `${INSTANCE}virtual_server 192.0.2.10 80 {\nreal_server 192.0.2.21 80 {\n}\n}`,
    });
    const loaded = loadConfiguration(fakeFiles({ "edge.yaml": text }), ["edge.yaml"]);
    assert.ok(loaded.ok, JSON.stringify(loaded));
    assert.equal(loaded.desired.servers.length, 1);
  });

  it("reads the files that include lines mean, from the folder of the file that includes them", () => {
    const { status, text } = run(
      {
        "etc/k.conf": "include conf.d/*.conf\n",
        "etc/conf.d/a.conf": "include b/x.part\n",
        "etc/conf.d/b/x.part": INSTANCE,
      },
      { paths: ["etc/k.conf"] },
    );
    assert.equal(status, 0);
    assert.match(text, /^# vrrp_instance VI_1, etc\/conf\.d\/b\/x\.part:1$/m);
  });

  it("reads several files as one configuration", () => {
    const other = INSTANCE.replace("VI_1", "VI_2").replace("51", "52").replace("2.10", "2.11");
    const { text } = run({ a: INSTANCE, b: other }, { paths: ["a", "b"] });
    assert.deepEqual(text.match(/name: .*/g), ["name: vi-1", "name: vi-2"]);
  });

  const unreadable: readonly (readonly [title: string, files: Record<string, string>, message: RegExp])[] = [
    ["a file that does not exist", {}, /^k\.conf: does not exist/],
    [
      "a block without an end",
      { "k.conf": "a {\nb" },
      /^k\.conf:1: the block that begins here is never closed\.$/,
    ],
    ["a file that includes itself", { "k.conf": "include k.conf" }, /^k\.conf:1: k\.conf includes itself\.$/],
    ["a file of nothing that concerns us", { "k.conf": "" }, /holds nothing/],
    ["a folder", { "k.conf/a.yaml": "a" }, /a directory was named/],
  ];
  for (const [title, files, message] of unreadable) {
    it(`writes nothing and ends with 2 for ${title}`, () => {
      const { status, text, report } = run(files);
      assert.equal(status, 2);
      assert.equal(text, "");
      assert.match(report.join("\n"), message);
    });
  }

  it("lets no text of a file command the terminal", () => {
    const { text, report } = run({ "k.conf": `${INSTANCE.replace("VI_1", '"V\\E[31m"')}"\\E[2J" x\n` });
    assert.doesNotMatch(text + report.join(""), /\p{Cc}(?<!\n)/u);
  });

  it("writes a file as a whole, and replaces one only with --force", () => {
    inFolder((folder) => {
      const output = join(folder, "edge.yaml");
      assert.equal(run({ "k.conf": INSTANCE }, { output }).status, 0);
      assert.equal(readFileSync(output, "utf8"), EXPECTED);
      writeFileSync(output, "mine");
      const refused = run({ "k.conf": INSTANCE }, { output });
      assert.equal(refused.status, 2);
      assert.deepEqual(refused.report, [
        `${output}: there is such a file already. Name another one, or add --force.`,
      ]);
      assert.equal(readFileSync(output, "utf8"), "mine");
      assert.equal(run({ "k.conf": INSTANCE }, { output, force: true }).status, 0);
      assert.equal(readFileSync(output, "utf8"), EXPECTED);
      assert.deepEqual(readdirSync(folder), ["edge.yaml"]);
    });
  });

  it("says why a file could not be written, and leaves nothing behind", () => {
    inFolder((folder) => {
      const outcome = run({ "k.conf": INSTANCE }, { output: join(folder, "none/edge.yaml") });
      assert.equal(outcome.status, 2);
      assert.match(
        outcome.report.join(),
        /none\/edge\.yaml: cannot be written: its directory does not exist\.$/,
      );
      assert.deepEqual(readdirSync(folder), []);
    });
  });
});
