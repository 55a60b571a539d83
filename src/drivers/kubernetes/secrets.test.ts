import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { hideSecrets } from "./secrets.ts";

const SECRET = "s3same/open+now?";
const base64 = (text: string): string => Buffer.from(text).toString("base64");

describe("a secret in a message", () => {
  const rows: readonly (readonly [string, string])[] = [
    ["as it is", SECRET],
    ["in a URL", encodeURIComponent(SECRET)],
    ["in a URL, with small letters", encodeURIComponent(SECRET).toLowerCase()],
    ["in base64", base64(SECRET)],
    ["in base64 without padding", base64(SECRET).replaceAll("=", "")],
    ["in base64 for URLs", Buffer.from(SECRET).toString("base64url")],
    ["in quotes", JSON.stringify(SECRET).slice(1, -1)],
  ];
  for (const [title, written] of rows)
    it(`is hidden ${title}`, () => {
      assert.equal(hideSecrets(`token=${written}, sir`, ["other-secret", SECRET]), "token=***, sir");
    });

  it("is hidden with its quotes and line ends escaped", () => {
    const secret = 'pass"word\n';
    assert.equal(hideSecrets(`bad ${JSON.stringify(secret)}`, [secret]), 'bad "***"');
  });

  it("is hidden within what was encoded as a whole, but for bits at its ends", () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.string({ minLength: 6, unit: "binary" }),
        fc.string(),
        (before, secret, after) => {
          for (const encoding of ["base64", "base64url"] as const) {
            const whole = Buffer.from(`${before}${secret}${after}`).toString(encoding);
            const start = Math.ceil((Buffer.byteLength(before) * 8) / 6);
            const end = Math.floor((Buffer.byteLength(`${before}${secret}`) * 8) / 6);
            const inner = whole.slice(start, end);
            assert.ok(!hideSecrets(`said ${whole}`, [secret]).includes(inner), `${whole} ${inner}`);
          }
        },
      ),
    );
  });

  it("does not stop anything, whatever it is", () => {
    assert.equal(hideSecrets("half \ud800 of a pair", ["\ud800\ud800 half of"]), "half \ud800 of a pair");
    assert.equal(hideSecrets("all is well", [""]), "all is well");
    assert.equal(hideSecrets("YQ== is no secret", ["a"]), "YQ== is no secret");
  });
});
