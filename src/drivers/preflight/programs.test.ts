import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { findPrograms } from "./programs.ts";

const folder = mkdtempSync(join(tmpdir(), "steelyard-programs-"));
after(() => rmSync(folder, { recursive: true }));

const proc = join(folder, "proc");
const process = (pid: string, comm: string, network: string): void => {
  mkdirSync(join(proc, pid, "ns"), { recursive: true });
  writeFileSync(join(proc, pid, "comm"), `${comm}\n`);
  symlinkSync(network, join(proc, pid, "ns/net"));
};
process("self", "node", "net:[1]");
process("12", "keepalived", "net:[2]");
process("13", "sh", "net:[1]");
mkdirSync(join(folder, "etc/kubernetes/manifests"), { recursive: true });
const manifest = (name: string, text: string): void =>
  writeFileSync(join(folder, "etc/kubernetes/manifests", name), text);

describe("other programs that hold addresses", () => {
  it("are none of another network", () => {
    assert.deepEqual(findPrograms(proc, folder), []);
  });
  it("are named once, with where they were seen", () => {
    process("14", "keepalived", "net:[1]");
    process("15", "keepalived", "net:[1]");
    manifest(
      "kube-vip.yaml",
      "spec:\n  containers:\n  - name: vip\n    image: ghcr.io/kube-vip/kube-vip:v1.0.0\n",
    );
    manifest("notes.txt", "image: kube-vip:1\n");
    assert.deepEqual(findPrograms(proc, folder), [
      { name: "keepalived", seen: "process 14" },
      { name: "kube-vip", seen: "/etc/kubernetes/manifests/kube-vip.yaml" },
    ]);
  });
  it("are not sought where nothing can be read", () => {
    assert.deepEqual(findPrograms(join(folder, "nowhere"), join(folder, "nowhere")), []);
  });
});
