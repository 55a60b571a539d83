import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { readAuthority } from "./access.ts";

const folder = mkdtempSync(join(tmpdir(), "steelyard-ca-"));
chmodSync(folder, 0o755);
after(() => rmSync(folder, { recursive: true }));

// openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj /CN=test-ca
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBeTCCAR+gAwIBAgIUcinXiE0WaFwY58ioVlJebpfSN0QwCgYIKoZIzj0EAwIw
EjEQMA4GA1UEAwwHdGVzdC1jYTAeFw0yNjExMzAxNzQ4MjFaFw0zNjExMjcxNzQ4
MjFaMBIxEDAOBgNVBAMMB3Rlc3QtY2EwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AASDcH0MK+pPrmEk6DJelKa6PJnKFqkGQsn7Mn20jY2NweHygMVwEXP0pchILmR9
u2J2jXLpYzdR1GMvdz8Z54kGo1MwUTAdBgNVHQ4EFgQU0815qO6tfTRdOQnqN6oP
2VCnOmUwHwYDVR0jBBgwFoAU0815qO6tfTRdOQnqN6oP2VCnOmUwDwYDVR0TAQH/
BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEA5fQtmvkAtv1adQEHv2JBv02130MV
bKzz3TYNU5G57isCIGPDPsAQXraSQuxOjDyszZo5YH8YNHdOhjDs50TaACI1
-----END CERTIFICATE-----
`;

const place = (name: string, text: string, mode: number, folderMode = 0o755): string => {
  mkdirSync(join(folder, name), { recursive: true });
  const path = join(folder, name, "ca.crt");
  writeFileSync(path, text);
  chmodSync(path, mode);
  chmodSync(join(folder, name), folderMode);
  return path;
};
const NOBODY = "a-user-that-does-not-exist";
const look = (path: string, now?: number) => readAuthority(path, NOBODY, now);

describe("the file with the cluster's authority", () => {
  it("can be read by a service whose user may come to it", () => {
    assert.deepEqual(look(place("open", CERTIFICATE, 0o644)), { state: "readable" });
  });
  it("is closed where the file or a folder on the way is", () => {
    const file = place("file", CERTIFICATE, 0o600);
    assert.deepEqual(look(file), { state: "closed", at: file });
    const inside = place("folder", CERTIFICATE, 0o644, 0o700);
    assert.deepEqual(look(inside), { state: "closed", at: join(folder, "folder") });
    const link = join(folder, "link.crt");
    symlinkSync(inside, link);
    assert.deepEqual(look(link), { state: "closed", at: join(folder, "folder") });
  });
  it("is open to the owner by the owner's bits", () => {
    assert.deepEqual(readAuthority(place("own", CERTIFICATE, 0o600, 0o700), userInfo().username), {
      state: "readable",
    });
  });
  it("may be missing, be something else, or have expired", () => {
    assert.deepEqual(look(join(folder, "none")), { state: "absent" });
    assert.deepEqual(look(place("text", "hello\n", 0o644)), { state: "no-certificate" });
    const late = look(place("late", CERTIFICATE, 0o644), Date.parse("2100-01-01"));
    assert.equal(late?.state, "expired");
  });
});
