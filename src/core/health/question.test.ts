import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { address } from "#testing/values";
import { questionOf } from "./question.ts";

const HTTPS = { type: "https", path: "/livez", statuses: [], verify: true } as const;

describe("questionOf", () => {
  it("says who is asked, how, and whether the answer is believed whoever gives it", () => {
    const target = { address: address("127.0.0.1"), port: 6443 };
    assert.equal(questionOf(HTTPS, target), "https 127.0.0.1:6443/livez");
    assert.equal(
      questionOf({ ...HTTPS, verify: false }, { address: address("::1"), port: 6443 }),
      "https [::1]:6443/livez, certificate not verified",
    );
    assert.equal(questionOf({ type: "tcp" }, target), "tcp 127.0.0.1:6443");
    assert.equal(questionOf({ ...HTTPS, type: "http" }, target), "http 127.0.0.1:6443/livez");
    assert.equal(questionOf({ type: "script", command: ["/bin/check", "secret"] }), "script /bin/check");
    assert.equal(questionOf({ type: "ping", address: address("192.0.2.1") }), "ping 192.0.2.1");
  });
});
