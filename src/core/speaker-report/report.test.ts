import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { addressFromBytes } from "#base/address";
import { macFromBytes } from "#base/mac";
import { addressBits } from "#base/prefix";
import { isSameReport, LINKS_ANNOTATION, type ReportedLink, readReport, reportText } from "./report.ts";

const state = (node: string, text: string): unknown => ({
  metadata: {
    name: `speaker-${node}`,
    labels: { "metallb.io/node-name": node },
    annotations: { [LINKS_ANNOTATION]: text },
  },
});

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const interfaceAddress = fc
  .tuple(
    fc.constantFrom(4, 16).chain((length) => bytes(length)),
    fc.nat(128),
  )
  .map(([octets, length]) => {
    const address = addressFromBytes(octets);
    return { address, prefixLength: length % (addressBits(address) + 1) };
  });
const link: fc.Arbitrary<ReportedLink> = fc.record(
  {
    name: fc.stringMatching(/^[a-z][a-z0-9.@-]{0,14}$/),
    mac: bytes(6).map(macFromBytes),
    addresses: fc.array(interfaceAddress, { maxLength: 4 }),
  },
  { noNullPrototype: true },
);
const links = fc.uniqueArray(link, { selector: ({ name }) => name, maxLength: 5 });

describe("a speaker's report", () => {
  it("is read as it was written, in whatever order the interfaces are known", () => {
    fc.assert(
      fc.property(links, (reported) => {
        const text = reportText(reported);
        assert.equal(reportText([...reported].reverse()), text);
        const read = readReport(state("node-a", text));
        assert.ok(read !== undefined);
        assert.ok(isSameReport(read, { node: "node-a", links: reported }));
        assert.equal(read.links.length, reported.length);
      }),
    );
  });

  it("is none when it is no speaker's, when it is missing, and when it is no JSON", () => {
    const good = reportText([]);
    assert.deepEqual(readReport(state("node-a", good)), { node: "node-a", links: [] });
    assert.equal(
      readReport({ metadata: { name: "controller", annotations: { [LINKS_ANNOTATION]: good } } }),
      undefined,
    );
    assert.equal(readReport(state("node-a", "")), undefined);
    assert.equal(readReport(state("node-a", "[{")), undefined);
    assert.equal(readReport(state("node a", good)), undefined);
  });

  it("is read without trust: whatever is wrong in it is left out, and it is bounded", () => {
    const mac = "02:00:00:00:00:01";
    const mixed = JSON.stringify([
      { name: "eth0", mac, addresses: ["10.0.0.5/24", "nonsense", 7] },
      { name: "eth1", mac: "no" },
      { name: "a-name-that-is-too-long", mac },
      "eth2",
    ]);
    const read = readReport(state("node-a", mixed));
    assert.deepEqual(read?.links, [
      { name: "eth0", mac, addresses: [{ address: "10.0.0.5", prefixLength: 24 }] },
    ]);
    const many = JSON.stringify(Array.from({ length: 1_000 }, (_, index) => ({ name: `e${index}`, mac })));
    assert.ok((readReport(state("node-a", many))?.links.length ?? 1_000) <= 64);
    assert.equal(readReport(state("node-a", `[${" ".repeat(100_000)}]`)), undefined);
    fc.assert(
      fc.property(fc.anything(), fc.json(), (object, text) => {
        readReport(object);
        readReport(state("node-a", text));
      }),
    );
  });
});
