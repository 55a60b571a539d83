import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { secretWrite } from "./secret.ts";

const CONTENTS = { certificate: "cert", key: "key", authorities: ["one", "two"], authorityKey: "ca key" };
const NAMED = { namespace: "metallb-system", name: "steelyard-webhook-cert", contents: CONTENTS };
const text = (base64: string): string => Buffer.from(base64, "base64").toString();

describe("the write of the Secret", () => {
  it("creates it as what tools that read certificates expect", () => {
    const write = secretWrite({ ...NAMED, held: { type: "absent" } });
    assert.equal(write.verb, "create");
    const body = write.body as { type: string; data: Record<string, string> };
    assert.equal(body.type, "kubernetes.io/tls");
    const data = Object.fromEntries(Object.entries(body.data).map(([key, value]) => [key, text(value)]));
    assert.deepEqual(data, { "tls.crt": "cert", "tls.key": "key", "ca.crt": "onetwo", "ca.key": "ca key" });
  });

  it("changes our keys only, and only in the version that was read", () => {
    const contents = { state: "empty" } as const;
    const held = { type: "present", resourceVersion: "7", stampedAt: undefined, contents } as const;
    const write = secretWrite({ ...NAMED, held });
    const body = write.body as { metadata: unknown; data: Record<string, string> };
    assert.equal(write.verb, "patch");
    assert.deepEqual(Object.keys(body), ["metadata", "data"]);
    assert.deepEqual(body.metadata, { resourceVersion: "7" });
  });

  it("leaves out the authority's key where there is none", () => {
    const contents = { ...CONTENTS, authorityKey: undefined };
    const { body } = secretWrite({ ...NAMED, contents, held: { type: "absent" } });
    assert.ok(!Object.hasOwn((body as { data: object }).data, "ca.key"));
  });
});
