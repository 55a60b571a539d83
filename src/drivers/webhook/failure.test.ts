import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sortFailure, statusFor } from "./failure.ts";

const error = (code: string): NodeJS.ErrnoException => Object.assign(new Error("words"), { code });

describe("what a connection came to grief by", () => {
  it("is told by a reason out of the closed list", () => {
    const cases: readonly (readonly [string, string | undefined])[] = [
      ["ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE", "untrusted"],
      ["ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR", "untrusted"],
      ["ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE", "untrusted"],
      ["ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", "untrusted"],
      ["ERR_SSL_WRONG_VERSION_NUMBER", "handshake"],
      ["ERR_TLS_HANDSHAKE_TIMEOUT", "slow"],
      ["ERR_HTTP_REQUEST_TIMEOUT", "slow"],
      ["HPE_INVALID_METHOD", "malformed"],
      ["ECONNRESET", undefined],
      ["HPE_INVALID_EOF_STATE", undefined],
      ["", "handshake"],
    ];
    for (const [code, reason] of cases) assert.equal(sortFailure(error(code))?.reason, reason, code);
  });

  it("is answered where the other side speaks HTTP", () => {
    assert.match(statusFor(error("HPE_HEADER_OVERFLOW")) ?? "", /^431 /);
    assert.match(statusFor(error("HPE_INVALID_METHOD")) ?? "", /^400 /);
    assert.match(statusFor(error("ERR_HTTP_REQUEST_TIMEOUT")) ?? "", /^408 /);
    assert.equal(statusFor(error("ERR_SSL_WRONG_VERSION_NUMBER")), undefined);
  });
});
