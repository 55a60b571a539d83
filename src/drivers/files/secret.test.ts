import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { toHex } from "#base/bytes";
import { readSecret, readSecrets, type Secret } from "./secret.ts";

const folder = mkdtempSync(join(tmpdir(), "steelyard-secret-"));
after(() => rmSync(folder, { recursive: true }));

const file = (name: string, text: string, mode = 0o600): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
};
const LINE = "0123456789abcdef";
const BYTES = Uint8Array.of(1, 2, 3);

const open = (path: string, purpose = "test"): Secret => {
  const secret = readSecret(path, purpose);
  assert.ok(typeof secret !== "string", String(secret));
  return secret;
};

describe("a secret in a file", () => {
  it("signs the same with and without an end of the line, and otherwise for another purpose or secret", () => {
    const first = toHex(open(file("plain", LINE)).sign(BYTES));
    assert.equal(first.length, 64);
    for (const end of ["\n", "\r\n"]) {
      assert.equal(toHex(open(file("line", `${LINE}${end}`)).sign(BYTES)), first);
    }
    assert.notEqual(toHex(open(file("plain", LINE), "other").sign(BYTES)), first);
    assert.notEqual(toHex(open(file("other", `${LINE}g`)).sign(BYTES)), first);
    assert.notEqual(toHex(open(file("plain", LINE)).sign(Uint8Array.of(1, 2))), first);
  });

  it("is HMAC-SHA-256 with a key that is HMAC-SHA-256 of the purpose", () => {
    // printf pins | openssl dgst -sha256 -hmac 0123456789abcdef -binary | xxd -p -c 64, and with that as -macopt hexkey:
    assert.equal(
      toHex(open(file("known", LINE), "pins").sign(new TextEncoder().encode("hello"))),
      "00d05096eec63148904989d42e289cfeb09811c83da47b438e0886b67542d3d6",
    );
  });

  it("may be one of several, a line each, and signs as if it were alone", () => {
    const [one, two] = [LINE, `${LINE}g`].map((line) => toHex(open(file("alone", line)).sign(BYTES)));
    for (const text of [`${LINE}\n${LINE}g`, `\n${LINE}\r\n\r\n${LINE}g\n`]) {
      const secrets = readSecrets(file("several", text), "test");
      assert.ok(typeof secrets !== "string", String(secrets));
      assert.deepEqual(
        secrets.map(({ sign }) => toHex(sign(BYTES))),
        [one, two],
      );
    }
    assert.equal(readSecrets(file("none", "\n\r\n"), "test"), "is empty");
    assert.equal(
      readSecrets(file("short", `${LINE}\n${LINE.slice(1)}`), "test"),
      "has a line of less than 16 bytes",
    );
    assert.equal(readSecrets(join(folder, "absent"), "test"), "does not exist");
  });

  it("has another version once its file has changed", () => {
    const path = file("changing", LINE);
    const { version } = open(path);
    assert.equal(open(path).version, version);
    utimesSync(path, 1, 1);
    assert.notEqual(open(path).version, version);
  });

  it("is refused when everybody may read it, and when it is missing, short, long or no file", () => {
    mkdirSync(join(folder, "directory"));
    execFileSync("sh", ["-c", `mkfifo -m 600 "$0"`, join(folder, "pipe")]);
    const refusals: readonly (readonly [string, string])[] = [
      [file("open", LINE, 0o644), "is open to everybody: chmod o-rw it"],
      [file("writable", LINE, 0o602), "is open to everybody: chmod o-rw it"],
      [file("short", `${LINE.slice(1)}\n\n`), "holds less than 16 bytes"],
      [file("empty", ""), "holds less than 16 bytes"],
      [file("long", LINE.repeat(65)), "has more than 1024 bytes"],
      [join(folder, "directory"), "is no regular file"],
      [join(folder, "pipe"), "is no regular file"],
      [join(folder, "nowhere"), "does not exist"],
    ];
    for (const [path, reason] of refusals) assert.equal(readSecret(path, "test"), reason);
    assert.ok(typeof readSecret(file("group", LINE, 0o640), "test") !== "string");
  });
});
