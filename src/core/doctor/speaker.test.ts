import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { neverHeardIn } from "./speaker.ts";

const SILENT = { node: "node-b", standing: "dead", cause: "never-heard", since: 0 };
const MEMBER = { ...SILENT, api: "ready", address: "192.0.2.2" };

const found = (member: object, company = "accompanied", now = 60_000) =>
  neverHeardIn({ role: "speaker", now, company, members: [member] })?.map(
    ({ node, address }) => `${node} ${address}`,
  );

describe("what a speaker says of members that it never heard", () => {
  it("names those that are ready and do not speak while others do", () => {
    assert.deepEqual(found(MEMBER), ["node-b 192.0.2.2"]);
  });

  it("names those that are alive by the API server's word alone, where nobody is heard", () => {
    const unheard = { ...MEMBER, standing: "alive", cause: undefined, hearsUs: "unknown" };
    assert.deepEqual(found(unheard, "alone"), ["node-b 192.0.2.2"]);
    // In a large cluster a node watches some of the others only.
    assert.deepEqual(found(unheard, "accompanied"), []);
    assert.deepEqual(found({ ...unheard, hearsUs: "yes" }, "alone"), []);
  });

  it("waits for a minute, and passes over machines that are off and members that died otherwise", () => {
    assert.deepEqual(found(MEMBER, "accompanied", 59_999), []);
    assert.deepEqual(found({ ...MEMBER, api: "not-ready" }), []);
    assert.deepEqual(found({ ...MEMBER, cause: "silent" }), []);
    assert.deepEqual(found(SILENT), []);
  });

  it("trusts nothing: not the role, the address, the name, nor how many there are", () => {
    assert.equal(neverHeardIn({ role: "edge", now: 1, members: [MEMBER] }), undefined);
    assert.deepEqual(found({ ...MEMBER, address: "192.0.2.2; reboot" }), []);
    assert.deepEqual(found({ ...MEMBER, node: "b".repeat(254) }), []);
    const many = { role: "speaker", now: 60_000, members: Array.from({ length: 10_000 }, () => MEMBER) };
    assert.equal(neverHeardIn(many)?.length, 64);
  });

  it("never throws", () => {
    fc.assert(fc.property(fc.anything(), (status) => neverHeardIn(status) === undefined));
    const member = fc.record(
      { node: fc.anything(), standing: fc.anything(), since: fc.anything(), address: fc.anything() },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(member, fc.anything())), (members) => {
        assert.deepEqual(neverHeardIn({ role: "speaker", now: 1e9, company: "alone", members }), []);
      }),
    );
  });
});
