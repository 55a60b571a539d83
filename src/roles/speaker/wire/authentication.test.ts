import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { millis } from "#base/time";
import type { Authentication } from "#core/bfd/authentication";
import { readAuthentication, watchAuthentication } from "./authentication.ts";

const folder = mkdtempSync(join(tmpdir(), "steelyard-speaker-secret-"));
after(() => rmSync(folder, { recursive: true }));

const file = (name: string, text: string, mode = 0o600): string => {
  const path = join(folder, name);
  writeFileSync(path, text, { mode });
  return path;
};
const ONE = "one secret of speakers";
const TWO = "another secret of theirs";

const read = (path: string): Authentication => {
  const reading = readAuthentication(path);
  assert.ok(typeof reading !== "string", String(reading));
  return reading;
};

describe("the secret of speakers", () => {
  it("is the key of all packets, the same wherever the file is, and not what is in it", () => {
    const { type, keys } = read(file("one", `${ONE}\n`));
    assert.deepEqual([type, keys.length, keys[0].secret.length], ["meticulous-keyed-sha1", 1, 20]);
    assert.deepEqual(read(file("copy", ONE)).keys, keys);
    assert.ok(!Buffer.from(keys[0].secret).includes(Buffer.from(ONE.slice(0, 8))));
  });

  it("may be several: the first signs, all are accepted, and each keeps its number wherever it stands", () => {
    const [one] = read(file("one", ONE)).keys;
    const [two] = read(file("two", TWO)).keys;
    assert.notEqual(one.id, two.id);
    assert.deepEqual(read(file("both", `${ONE}\n${TWO}\n`)).keys, [one, two]);
    assert.deepEqual(read(file("turned", `${TWO}\r\n\n${ONE}`)).keys, [two, one]);
  });

  it("is refused where it is missing, short, open to everybody, or there twice, without being told", () => {
    const refusals: readonly (readonly [string, RegExp])[] = [
      [join(folder, "none"), /^does not exist$/],
      [file("short", "too short"), /^has a line of less than 16 bytes$/],
      [file("partly", `${ONE}\nshort`), /^has a line of less than 16 bytes$/],
      [file("empty", "\n\n"), /^is empty$/],
      [file("open", ONE, 0o644), /^is open to everybody/],
      [file("twice", `${ONE}\n${ONE}`), /^has two lines that are the same/],
    ];
    for (const [path, expected] of refusals) {
      const reading = readAuthentication(path);
      assert.ok(typeof reading === "string" && expected.test(reading), `${path}: ${String(reading)}`);
      assert.ok(!reading.includes(ONE));
    }
  });

  it("is read again when a mounted Secret is swapped for a newer one", async () => {
    const mount = join(folder, "mount");
    const version = (name: string, text: string): void => {
      mkdirSync(join(mount, name), { recursive: true });
      writeFileSync(join(mount, name, "key"), text, { mode: 0o600 });
      symlinkSync(name, join(mount, "..data_tmp"));
      renameSync(join(mount, "..data_tmp"), join(mount, "..data"));
    };
    version("..1", ONE);
    symlinkSync("..data/key", join(mount, "key"));
    const path = join(mount, "key");
    const before = read(path);
    const changed = Promise.withResolvers<Authentication | string>();
    const stop = watchAuthentication(path, changed.resolve, { pause: millis(1), settle: millis(1) });
    version("..2", `${TWO}\n${ONE}`);
    const reading = await changed.promise;
    stop();
    assert.ok(typeof reading !== "string");
    assert.equal(reading.keys.length, 2);
    assert.deepEqual(reading.keys[1], before.keys[0]);
  });
});
