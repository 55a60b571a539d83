import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import { readConfiguration } from "#core/metallb/read";
import { FORMATS, type Format, importDocuments } from "./importers.ts";
import type { SourceDocument } from "./source.ts";
import { documentsOf } from "./test-document.ts";

const EXAMPLES: Readonly<Record<Format, string>> = {
  metallb: "metallb-0.12.yaml",
  "kube-vip": "kube-vip.yaml",
  cilium: "cilium.yaml",
};

const example = (format: Format): string =>
  readFileSync(join(import.meta.dirname, "../../../examples/pools/import", EXAMPLES[format]), "utf8");

/** Whatever comes out is a valid configuration, and everything said is bounded and about a line of the file. */
const isSound = (documents: readonly SourceDocument[], format: Format, lines: number): number => {
  const { resources, commands, notes } = importDocuments(documents, { format, namespace: undefined });
  const objects = resources.map(({ value }) => value);
  const read = readConfiguration({ objects, namespaces: new Map() });
  assert.ok(read.ok, read.ok ? "" : JSON.stringify(read.problems));
  assert.ok(notes.length <= 1_001);
  for (const { place, subject, text } of notes) {
    assert.ok(place.line >= 1 && place.line <= lines, `${place.line} of ${lines}`);
    assert.ok(subject.length <= 200 && text.length <= 600 && text !== "");
  }
  for (const command of commands) assert.ok(command.length <= 2_000);
  return resources.length;
};

const isSoundText = (text: string, format: Format): number =>
  isSound(documentsOf(text), format, text.split("\n").length + 1);

/** A document of one line. */
const plain = (value: unknown): SourceDocument => ({
  file: "f",
  value,
  lineOf: () => 1,
  inner: () => ({ documents: [], problems: [{ line: 1, message: "x" }] }),
});

const anyFormat = fc.constantFrom(...FORMATS);

describe("any YAML", () => {
  it("never makes an importer throw, and never gives an invalid configuration", () => {
    fc.assert(
      fc.property(anyFormat, fc.string({ unit: "binary", maxLength: 300 }), (format, text) => {
        isSoundText(text, format);
      }),
      { numRuns: 300 },
    );
  });

  it("of any shape gives an answer", () => {
    const words = [
      ...new Set(FORMATS.flatMap((format) => example(format).match(/[\w./-]+/g) ?? [])),
      "__proto__",
      "constructor",
    ];
    const key = fc.oneof(fc.constantFrom(...words), fc.string());
    const { value } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 6 },
        fc.constantFrom<unknown>(...words, 1, 0, -1, 1e21, null, true, "", "192.0.2.0/24"),
        fc.array(tie("value"), { maxLength: 4 }),
        fc.dictionary(key, tie("value"), { maxKeys: 6 }),
      ),
    }));
    const document = fc.record({
      apiVersion: fc.constantFrom("v1", "cilium.io/v2", "metallb.io/v1beta1", "metallb.io/v1beta2"),
      kind: fc.constantFrom(...words.filter((word) => /^[A-Z]/.test(word)), "List", "AddressPool", "BGPPeer"),
      metadata: fc.oneof(fc.constant({ name: "a", namespace: "b" }), value),
      spec: value,
      data: value,
      items: fc.array(value, { maxLength: 2 }),
    });
    fc.assert(
      fc.property(anyFormat, fc.array(fc.oneof(value, document), { maxLength: 3 }), (format, values) => {
        isSound(values.map(plain), format, 1);
      }),
      { numRuns: 1_500 },
    );
  });

  it("that was once right, with values changed, lines doubled and lines gone, stays sound", () => {
    const word = fc.constantFrom(
      "",
      "0",
      "-1",
      "99999999999",
      "[]",
      "{}",
      "[1, {}]",
      "{a: 1}",
      "x",
      "true",
      "192.0.2.0/24",
      "::/0",
      "0.0.0.0-255.255.255.255",
      "10.0.0.9-10.0.0.1",
    );
    let written = 0;
    fc.assert(
      fc.property(
        anyFormat.chain((format) => {
          const lines = example(format).split("\n");
          const change = fc.record({
            line: fc.nat(lines.length - 1),
            word,
            kind: fc.constantFrom("value", "gone", "twice"),
          });
          return fc.tuple(
            fc.constant(format),
            fc.constant(lines),
            fc.array(change, { minLength: 1, maxLength: 6 }),
          );
        }),
        ([format, lines, changes]) => {
          const edited = [...lines];
          for (const { line: index, word: inserted, kind } of changes) {
            const line = lines[index] ?? "";
            if (kind === "gone") edited[index] = "";
            else if (kind === "twice") edited[index] = `${line}\n${line}`;
            else edited[index] = line.replace(/(:|-) .*$/, `$1 ${inserted}`);
          }
          written += isSoundText(edited.join("\n"), format);
        },
      ),
      { numRuns: 500 },
    );
    assert.ok(written > 500, `only ${written} resources were written: the property shows little`);
  });

  it("is read in time that grows with its length only", () => {
    const addresses = Array.from({ length: 19_000 }, (_, index) => `10.${index >> 8}.${index & 255}.0/24`);
    const keys = Object.fromEntries(addresses.map((address, index) => [`k${index}`, address]));
    const cidrs = addresses.slice(0, 2_000).map((address, index) => [`cidr-n${index}`, address]);
    const large: readonly (readonly [Format, unknown])[] = [
      [
        "metallb",
        { "address-pools": [{ name: "a", protocol: "bgp", addresses: [...addresses, ...addresses] }] },
      ],
      ["metallb", { peers: [keys], "address-pools": new Array(5_000).fill(1) }],
      ["kube-vip", { kind: "ConfigMap", data: { ...Object.fromEntries(cidrs), ...keys } }],
      ["kube-vip", { kind: "ConfigMap", data: { "cidr-a": addresses.join(",") } }],
    ];
    for (const [format, value] of large) isSound([plain(value)], format, 1);
  });
});
