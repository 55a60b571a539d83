import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  carries,
  distinctEndpoints,
  type Endpoint,
  formatEndpoint,
  formatName,
  parseEndpoint,
  parseName,
  sniOf,
  urlOf,
} from "./name.ts";

const named = (text: string) => {
  const name = parseName(text);
  assert.ok(name !== undefined, text);
  return name;
};

const endpoint = (text: string): Endpoint => {
  const parsed = parseEndpoint(text, { port: 6443 });
  assert.ok(parsed !== undefined, text);
  return parsed;
};

describe("a name", () => {
  it("is an address in any spelling, or a DNS name, which has no case", () => {
    for (const [text, expected] of [
      ["192.0.2.1", "192.0.2.1"],
      ["192.0.2.1/24", "192.0.2.1"],
      ["2001:DB8:0::1", "2001:db8::1"],
      ["K8s.Example.org.", "k8s.example.org"],
      ["localhost", "localhost"],
    ] as const) {
      assert.equal(formatName(named(text)), expected);
    }
  });

  it("is nothing else", () => {
    for (const text of [
      "",
      "192.0.2.300",
      "a b",
      "-a",
      "a..b",
      "https://a",
      "a:1",
      "*.a",
      "ä.org",
      "a".repeat(300),
    ]) {
      assert.equal(parseName(text), undefined, text);
    }
  });

  it("goes into SNI only if it is no address (RFC 6066 §3)", () => {
    assert.equal(sniOf(named("192.0.2.1")), undefined);
    assert.equal(sniOf(named("k8s.example.org")), "k8s.example.org");
  });
});

describe("an endpoint", () => {
  it("is read as people write it", () => {
    for (const [text, expected] of [
      ["192.0.2.1", "192.0.2.1:6443"],
      ["192.0.2.1:8443", "192.0.2.1:8443"],
      ["2001:db8::1", "[2001:db8::1]:6443"],
      ["[2001:db8::1]:8443", "[2001:db8::1]:8443"],
      ["https://k8s.example.org:443/", "k8s.example.org:443"],
    ] as const) {
      assert.equal(formatEndpoint(endpoint(text)), expected);
      assert.equal(urlOf(endpoint(text)), `https://${expected}`);
    }
  });

  it("is nothing else", () => {
    for (const text of ["", ":6443", "a:0", "a:70000", "a:b", "[a]:1", "http://a", "a/b", "u@a", "a:1:2"]) {
      assert.equal(parseEndpoint(text, { port: 6443 }), undefined, text);
    }
  });

  it("is kept once, in the order of the first", () => {
    const all = ["b", "a", "b:6443", "c", "a"].map(endpoint);
    assert.deepEqual(distinctEndpoints(all).map(formatEndpoint), ["b:6443", "a:6443", "c:6443"]);
  });

  it("never throws, whatever it is made of", () => {
    fc.assert(fc.property(fc.string(), (text) => void parseEndpoint(text, { port: 1 })));
  });
});

describe("a certificate's names", () => {
  it("carry an address only as such, and a DNS name whole or by one wildcard label (RFC 9525 §6.3)", () => {
    const names = ["192.0.2.1", "k8s.example.org", "*.lab.example.org"];
    for (const text of ["192.0.2.1", "K8S.example.org", "a.lab.example.org"])
      assert.ok(carries(names, named(text)));
    for (const text of ["192.0.2.2", "example.org", "lab.example.org", "a.b.lab.example.org"]) {
      assert.ok(!carries(names, named(text)), text);
    }
  });
});
