import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import fc from "fast-check";
import { decodeManifest, encodeManifest, type Manifest } from "./manifest.ts";
import { STARTING_CONFIGURATION } from "./starting.ts";
import { renderUnit, type UnitOptions } from "./unit.ts";

const OPTIONS: UnitOptions = {
  program: "/usr/bin/steelyard",
  author: "the package steelyard",
};

const settings = (unit: string, name: string): readonly string[] =>
  [...unit.matchAll(new RegExp(`^${name}=(.*)$`, "gm"))].map(([, value = ""]) => value);

describe("the unit", () => {
  it("is the text that was reviewed", () => {
    const golden = readFileSync(new URL("testdata/steelyard-edge.service", import.meta.url), "utf8");
    assert.equal(renderUnit(OPTIONS), golden);
  });

  it("asks for two capabilities, and for real-time scheduling by a limit instead of a third", () => {
    const unit = renderUnit(OPTIONS);
    for (const name of ["CapabilityBoundingSet", "AmbientCapabilities"]) {
      assert.deepEqual(settings(unit, name), ["CAP_NET_ADMIN CAP_NET_RAW"]);
    }
    assert.deepEqual([settings(unit, "LimitRTPRIO"), settings(unit, "RestrictRealtime")], [["10"], []]);
  });

  it("starts a program whose path has characters that mean something to systemd", () => {
    const start = (program: string): string =>
      settings(renderUnit({ ...OPTIONS, program }), "ExecStart")[0] ?? "";
    assert.match(start("/opt/50% off/it's/$HOME"), /^"\/opt\/50%% off\/it's\/\$\$HOME" edge /);
    assert.match(start('/opt/"a"'), /^"\/opt\/\\"a\\"" edge /);
  });
});

describe("the configuration to start from", () => {
  it("says nothing until somebody edits it", () => {
    for (const line of STARTING_CONFIGURATION.split("\n")) assert.match(line, /^(#.*)?$/);
  });
});

const MANIFEST: Manifest = { version: "1.2.3", files: [{ path: "/etc/a", digest: "0".repeat(64) }] };

describe("the record of an installation", () => {
  it("reads what it wrote", () => {
    assert.deepEqual(decodeManifest(encodeManifest(MANIFEST)), MANIFEST);
  });

  it("that names anything but plain absolute paths is none", () => {
    for (const path of ["", "/", "etc/a", "/etc/../a", "/etc//a", "/etc/./a", "/etc/a/", "/a\0b"]) {
      const manifest = { ...MANIFEST, files: [{ path, digest: "0".repeat(64) }] };
      assert.equal(decodeManifest(encodeManifest(manifest)), undefined, path);
    }
  });

  it("that is damaged is none", () => {
    const text = encodeManifest(MANIFEST);
    for (let length = 0; length < text.trimEnd().length; length += 1) {
      assert.equal(decodeManifest(text.slice(0, length)), undefined);
    }
    for (const damaged of ["null", "[]", '{"version":1,"files":[]}', '{"version":"1","files":[null]}']) {
      assert.equal(decodeManifest(damaged), undefined);
    }
    fc.assert(fc.property(fc.json(), (json) => void decodeManifest(json)));
  });
});
