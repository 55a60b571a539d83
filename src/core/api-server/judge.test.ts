import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { wallTime } from "#base/time";
import { type Answered, describeFinding, judge, statusOf } from "./judge.ts";
import { parseName, type ServerName } from "./name.ts";
import { alternativeNames, type Presented, type PresentedCertificate } from "./presented.ts";

const DAY = 86_400_000;
const NOW = wallTime(Date.parse("2027-06-01T00:00:00Z"));
const LIMITS = { now: NOW, soon: 30 * DAY };

const names = (...texts: readonly string[]): readonly ServerName[] =>
  texts.flatMap((text) => parseName(text) ?? []);

const VIRTUAL = names("192.0.2.253");

const certificate = (changes: Partial<PresentedCertificate> = {}): Presented => ({
  type: "certificate",
  certificate: {
    names: ["kubernetes", "192.0.2.1", "192.0.2.253"],
    issuer: "CN=kubernetes",
    notBefore: wallTime(NOW - DAY),
    notAfter: wallTime(NOW + 365 * DAY),
    signer: "known",
    objection: undefined,
    ...changes,
  },
});

const answered = (presented: Presented, wanted = VIRTUAL): readonly Answered[] => [
  { names: wanted, presented },
];

const found = (presented: Presented, wanted = VIRTUAL): readonly string[] =>
  judge(answered(presented, wanted), LIMITS).findings.map(describeFinding);

describe("a certificate", () => {
  it("that carries the address, is valid and known is fine", () => {
    const verdict = judge(answered(certificate()), LIMITS);
    assert.deepEqual([verdict.findings, verdict.unknown], [[], undefined]);
    assert.equal(statusOf([verdict]), 0);
  });

  it("is told of with each name that it lacks", () => {
    assert.deepEqual(found(certificate(), names("192.0.2.253", "192.0.2.254", "k8s.example.org")), [
      "lacks 192.0.2.254",
      "lacks k8s.example.org",
    ]);
  });

  it("expires soon from exactly that day on, and has expired after its last moment", () => {
    const ends = (at: number) => found(certificate({ notAfter: wallTime(at) }));
    assert.deepEqual(ends(NOW + 30 * DAY), []);
    assert.deepEqual(ends(NOW + 30 * DAY - 1), ["expires on 2027-06-30"]);
    assert.deepEqual(ends(NOW), ["expires on 2027-06-01"]);
    assert.deepEqual(ends(NOW - 1), ["expired on 2027-05-31"]);
  });

  it("that begins later is not valid yet", () => {
    assert.deepEqual(found(certificate({ notBefore: wallTime(NOW + 1) })), ["not valid before 2027-06-01"]);
  });

  it("of another authority is told of by who signed it, and the library's words for it are left out", () => {
    assert.deepEqual(found(certificate({ signer: "other", objection: "SELF_SIGNED_CERT_IN_CHAIN" })), [
      "signed by another authority (CN=kubernetes)",
    ]);
  });

  it("is not trusted when the library objects to what we do not see", () => {
    assert.deepEqual(found(certificate({ objection: "INVALID_PURPOSE" })), ["not trusted (INVALID_PURPOSE)"]);
  });
});

describe("a server", () => {
  it("that speaks no TLS is a finding, and one that does not answer is not", () => {
    assert.deepEqual(found({ type: "not-tls", detail: "ERR" }), ["no TLS (ERR)"]);
    const silent = judge(answered({ type: "no-answer", detail: "nothing listens there" }), LIMITS);
    assert.deepEqual([silent.findings, silent.unknown], [[], "nothing listens there"]);
    assert.equal(statusOf([silent]), 2);
  });

  it("asked in two ways is told of each thing once", () => {
    const old = certificate({ notAfter: wallTime(NOW - DAY) });
    const both = [...answered(old), ...answered(old, names("kubernetes"))];
    assert.deepEqual(judge(both, LIMITS).findings.map(describeFinding), ["expired on 2027-05-31"]);
  });
});

describe("the exit status", () => {
  const fine = judge(answered(certificate()), LIMITS);
  const wrong = judge(answered(certificate({ names: [] })), LIMITS);
  const unknown = judge(answered({ type: "no-answer", detail: "?" }), LIMITS);

  it("says first that something is wrong, then that something is not known", () => {
    assert.equal(statusOf([fine, wrong, unknown]), 1);
    assert.equal(statusOf([fine, unknown]), 2);
    assert.equal(statusOf([]), 2);
  });
});

describe("the names in a certificate's text", () => {
  it("are read with addresses in their one spelling", () => {
    const text =
      "DNS:Kubernetes, DNS:*.a.org, IP Address:192.0.2.1, IP Address:FD00:0:0:0:0:0:0:1, URI:spiffe://a";
    assert.deepEqual(alternativeNames(text), ["kubernetes", "*.a.org", "192.0.2.1", "fd00::1"]);
  });

  it("cannot be forged by a name that holds another", () => {
    assert.deepEqual(alternativeNames('DNS:"evil, IP Address:192.0.2.253", DNS:b'), ["b"]);
    assert.deepEqual(alternativeNames("URI:http://a/, IP Address:192.0.2.9"), ["192.0.2.9"]);
  });

  it("never throw", () => {
    fc.assert(fc.property(fc.string(), (text) => void alternativeNames(text)));
  });
});
