import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { type ManifestOptions, manifest } from "./manifest.ts";

const folder = mkdtempSync(join(tmpdir(), "steelyard-manifest-"));
after(() => rmSync(folder, { recursive: true }));

const OPTIONS: ManifestOptions = {
  ...{ artefact: "pod", image: "registry.example:5000/steelyard@sha256:0", program: "/usr/bin/steelyard" },
  variant: "fcos",
  endpoint: { name: "api", address: ["192.0.2.10/24"], interface: "eth0", ca: "/etc/ca.crt" },
};

const printed = (
  change: Partial<ManifestOptions> = {},
): { readonly status: number; readonly text: string } => {
  let text = "";
  const status = manifest({ ...OPTIONS, ...change }, (said) => {
    text += said;
  });
  return { status, text };
};

/** A file of endpoints by these names. */
const file = (...names: readonly string[]): string => {
  const path = join(folder, `${names.join("-")}.yaml`);
  const document = (name: string) => ({
    ...{ apiVersion: "steelyard.dev/v1alpha1", kind: "ControlPlaneEndpoint", metadata: { name } },
    spec: { addresses: [`192.0.2.${name.length}/24`], interface: "eth0", vrid: name.length },
  });
  writeFileSync(path, names.map((name) => JSON.stringify(document(name))).join("\n---\n"));
  return path;
};

describe("steelyard manifest", () => {
  it("spells an endpoint of flags and one of a file in the same way", () => {
    assert.match(printed().text, / {8}- --address\n {8}- "192\.0\.2\.10\/24"\n/);
    const ofFile = printed({ endpoint: { name: "api", config: [file("abc")] } });
    assert.equal(ofFile.status, 0);
    assert.match(ofFile.text, / {8}- --name\n {8}- abc\n {8}- --address\n/);
  });

  it("prints the unit without an endpoint, for it reads a file", () => {
    const { status, text } = printed({ artefact: "systemd", endpoint: { name: "api" } });
    assert.equal(status, 0);
    assert.match(text, /^ExecStart=\/usr\/bin\/steelyard vip --config \/etc\/steelyard\/vip\.yaml$/m);
  });

  it("prints nothing where something is wrong", () => {
    const wrong: readonly Partial<ManifestOptions>[] = [
      { image: "steelyard; reboot" },
      { image: "a\nExecStart=/bin/sh" },
      { program: "bin/steelyard" },
      { endpoint: { name: "api", address: ["192.0.2.300"], interface: "eth0" } },
      { endpoint: { ...OPTIONS.endpoint, balance: true, peers: ["192.0.2.1"] } },
      { endpoint: { name: "api", config: [join(folder, "none.yaml")] } },
      { endpoint: { name: "api", config: [file("a", "bc")] } },
    ];
    for (const change of wrong)
      assert.deepEqual(printed(change), { status: 2, text: "" }, JSON.stringify(change));
  });
});
