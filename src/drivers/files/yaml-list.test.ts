import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { addToYamlList, type ListEdit, readYamlList, setYamlText } from "./yaml-list.ts";

const added = (text: string, edit: Partial<ListEdit> = {}): string => {
  const edited = addToYamlList(text, { path: ["tls-san"], values: ["192.0.2.253"], ...edit });
  assert.ok(edited.ok, edited.ok ? "" : edited.problem);
  return edited.text;
};

const problem = (text: string, edit: Partial<ListEdit> = {}): string => {
  const edited = addToYamlList(text, { path: ["tls-san"], values: ["192.0.2.253"], ...edit });
  assert.ok(!edited.ok);
  return edited.problem;
};

const CONFIG = `# servers of the lab
token: secret   # never share
write-kubeconfig-mode: "0640"

tls-san:
  - k3s.example.org # old name
  - "192.0.2.9"

node-taint: [CriticalAddonsOnly=true:NoExecute]
`;

describe("a list in a file that is kept by hand", () => {
  it("grows by a line, and every other line stays as it was", () => {
    assert.equal(added(CONFIG), CONFIG.replace('"192.0.2.9"\n', '"192.0.2.9"\n  - 192.0.2.253\n'));
  });

  it("is made where there is none, at the end, and in an empty file", () => {
    assert.equal(added("token: a # b\n"), "token: a # b\ntls-san:\n- 192.0.2.253\n");
    assert.equal(added(""), 'tls-san:\n- "192.0.2.253"\n');
    assert.equal(added("# only this\n"), '# only this\ntls-san:\n- "192.0.2.253"\n');
    assert.equal(added("", { path: ["tls-san+"] }), '"tls-san+":\n- "192.0.2.253"\n');
  });

  it("may be one text, or several with commas, which then becomes a list", () => {
    assert.equal(added("tls-san: a\n"), "tls-san:\n- a\n- 192.0.2.253\n");
    assert.equal(added('tls-san: "a,b"\n'), "tls-san:\n- a\n- b\n- 192.0.2.253\n");
    assert.equal(added("tls-san:\nx: 1\n"), "tls-san:\n- 192.0.2.253\nx: 1\n");
  });

  it("may be written in one line", () => {
    assert.equal(added("tls-san: [a, b] # c\n"), "tls-san: [a, b, 192.0.2.253] # c\n");
    assert.equal(added("tls-san: [ a ]\n"), "tls-san: [ a, 192.0.2.253 ]\n");
    assert.equal(added("tls-san: []\n"), "tls-san:\n- 192.0.2.253\n");
  });

  it("may lie deeper, in one document of several, of which the others stay", () => {
    const text =
      "kind: InitConfiguration\nnodeRegistration: {name: n1}\n---\nkind: ClusterConfiguration\napiServer: {}\nnetworking:\n  podSubnet: 10.0.0.0/8\n";
    const after = added(text, { kind: "ClusterConfiguration", path: ["apiServer", "certSANs"] });
    assert.equal(after, text.replace("apiServer: {}", "apiServer:\n  certSANs:\n  - 192.0.2.253"));
    const bare = "kind: ClusterConfiguration\n";
    assert.equal(
      added(bare, { kind: "ClusterConfiguration", path: ["apiServer", "certSANs"] }),
      "kind: ClusterConfiguration\napiServer:\n  certSANs:\n  - 192.0.2.253\n",
    );
  });

  it("is read as it counts", () => {
    for (const [text, values] of [
      [CONFIG, ["k3s.example.org", "192.0.2.9"]],
      ["tls-san: a,b\n", ["a", "b"]],
      ["tls-san:\n", undefined],
      ["", undefined],
    ] as const) {
      assert.deepEqual(readYamlList(text, { path: ["tls-san"] }), { ok: true, values });
    }
  });

  it("is not touched where that is not safe, and the text is not told", () => {
    for (const text of [
      "tls-san: {a: secret}\n",
      "a: [secret\n",
      "- secret\n",
      "x: &s [secret]\ntls-san: *s\n",
    ]) {
      assert.ok(!problem(text).includes("secret"), problem(text));
    }
    assert.match(problem("kind: A\n", { kind: "B" }), /holds no B/);
    assert.match(problem("a: b\nc: [\n"), /^line \d is not YAML/);
  });
});

describe("a text in a document", () => {
  it("is set, and the other documents are left out", () => {
    const set = setYamlText("kind: A\n---\nkind: B\ndir: /etc\n", { kind: "B", key: "dir", value: "/tmp/x" });
    assert.deepEqual(set, { ok: true, text: "kind: B\ndir: /tmp/x\n" });
  });
});
