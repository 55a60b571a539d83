import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { loadBalancer } from "#testing/services";
import { deprecatedAnnotations } from "./annotations.ts";
import { claimOf, formatPort } from "./claim.ts";
import { needOf } from "./need.ts";
import { requestOf } from "./request.ts";

const asking = (annotations: Record<string, string>, loadBalancerIp?: string) =>
  requestOf(loadBalancer("web", { meta: { annotations }, loadBalancerIp }));

const NEW = "metallb.io/loadBalancerIPs";
const OLD = "metallb.universe.tf/loadBalancerIPs";

describe("what a Service asks for", () => {
  for (const [title, annotations, ip, expected] of [
    ["nothing", {}, undefined, []],
    ["nothing by an empty annotation and field", { [NEW]: "" }, "", []],
    ["an address by annotation", { [NEW]: "192.0.2.7" }, undefined, ["192.0.2.7"]],
    ["an address by the older annotation", { [OLD]: "192.0.2.7" }, undefined, ["192.0.2.7"]],
    [
      "the newer annotation if there are both",
      { [NEW]: "192.0.2.8", [OLD]: "192.0.2.7" },
      undefined,
      ["192.0.2.8"],
    ],
    ["nothing if the newer annotation is empty", { [NEW]: "", [OLD]: "192.0.2.7" }, undefined, []],
    ["an address by the field", {}, "192.0.2.7", ["192.0.2.7"]],
    [
      "two addresses, IPv4 first",
      { [NEW]: " 2001:DB8::1 ,192.0.2.7" },
      undefined,
      ["192.0.2.7", "2001:db8::1"],
    ],
    ["IPv4 in IPv6 spelling", {}, "::ffff:192.0.2.7", ["192.0.2.7"]],
    ["both ways at once", { [NEW]: "192.0.2.7" }, "192.0.2.7", "asked-twice"],
    ["both ways at once, by the older annotation", { [OLD]: "192.0.2.7" }, "192.0.2.8", "asked-twice"],
    ["what is no address", { [NEW]: "web" }, undefined, "not-an-address"],
    ["an address and nothing after the comma", { [NEW]: "192.0.2.7," }, undefined, "not-an-address"],
    ["a prefix", {}, "192.0.2.7/32", "not-an-address"],
    ["two of one family", { [NEW]: "192.0.2.7,192.0.2.8" }, undefined, "too-many-addresses"],
    ["three addresses", { [NEW]: "192.0.2.7,2001:db8::1,2001:db8::2" }, undefined, "too-many-addresses"],
    ["a very long list", { [NEW]: "192.0.2.7,".repeat(1_000) }, undefined, "not-an-address"],
  ] as const) {
    it(`understands ${title}`, () => {
      const { addresses, problem } = asking({ ...annotations }, ip);
      assert.deepEqual(problem?.reason ?? addresses, expected);
    });
  }

  it("knows the pool asked for, even when the addresses cannot be read", () => {
    assert.equal(asking({ "metallb.io/address-pool": "gold", [NEW]: "web" }).pool, "gold");
    assert.equal(asking({ "metallb.universe.tf/address-pool": "old" }).pool, "old");
    assert.equal(asking({ "metallb.io/address-pool": "" }).pool, undefined);
  });

  it("never throws, and never asks for two addresses of a family", () => {
    const piece = fc.constantFrom("192.0.2.1", "2001:db8::1", ",", " ", "::", "/", "\u0000", "é", "1");
    const text = fc.oneof(
      fc.string(),
      fc.array(piece).map((pieces) => pieces.join("")),
    );
    fc.assert(
      fc.property(text, fc.option(text, { nil: undefined }), (annotation, ip) => {
        const { addresses } = asking({ [NEW]: annotation }, ip);
        assert.ok(addresses.length <= 2);
        assert.ok(addresses.filter((each) => each.includes(":")).length <= 1);
      }),
    );
  });

  it("is not confused by names that objects have anyway", () => {
    const annotations = Object.fromEntries([
      ["__proto__", "x"],
      ["constructor", "y"],
    ]);
    assert.deepEqual(asking(annotations), { pool: undefined, addresses: [], problem: undefined });
  });

  it("names the annotations of the older prefix", () => {
    const annotations = {
      [OLD]: "x",
      "metallb.universe.tf/allow-shared-ip": "k",
      "metallb.universe.tf/other": "",
    };
    assert.deepEqual(deprecatedAnnotations(loadBalancer("web", { meta: { annotations } })), [
      OLD,
      "metallb.universe.tf/allow-shared-ip",
    ]);
  });
});

describe("what a Service claims", () => {
  it("is bound to its pods with externalTrafficPolicy Local only", () => {
    const selector = { b: "2", a: "1" };
    assert.equal(claimOf(loadBalancer("web", { selector })).backendKey, "");
    const local = loadBalancer("web", { selector, externalTrafficPolicy: "Local" });
    assert.equal(claimOf(local).backendKey, "a=1,b=2");
  });

  it("tells ports of different protocols apart", () => {
    const { ports } = claimOf(loadBalancer("dns", { ports: ["TCP/53", "UDP/53", "SCTP/65535", "TCP/53"] }));
    assert.deepEqual(ports.map(formatPort), ["TCP/53", "UDP/53", "SCTP/65535"]);
  });

  it("has the sharing key of the newer annotation, even an empty one", () => {
    const keyed = (annotations: Record<string, string>) =>
      claimOf(loadBalancer("web", { meta: { annotations } })).sharingKey;
    assert.equal(keyed({ "metallb.universe.tf/allow-shared-ip": "k" }), "k");
    assert.equal(keyed({ "metallb.io/allow-shared-ip": "", "metallb.universe.tf/allow-shared-ip": "k" }), "");
    assert.equal(keyed({}), "");
  });
});

describe("which families a Service needs", () => {
  const V4 = "10.96.0.1";
  const V6 = "fd00::1";
  for (const [clusterIps, policy, expected] of [
    [[], "SingleStack", "no-cluster-ips"],
    [[], "RequireDualStack", "no-cluster-ips"],
    [[V4], "SingleStack", "IPv4"],
    [[V6], "SingleStack", "IPv6"],
    [[V4], "PreferDualStack", "IPv4"],
    [[V4], "RequireDualStack", "not-enough-cluster-ips"],
    [[V4, V6], "PreferDualStack", "IPv4, or IPv6"],
    [[V6, V4], "PreferDualStack", "IPv6, or IPv4"],
    [[V4, V6], "RequireDualStack", "IPv4 and IPv6"],
    [[V6, V4], "SingleStack", "IPv6 and IPv4"],
    [[V4, "10.96.0.2"], "PreferDualStack", "cluster-ips-unclear"],
    [[V4, V6, "10.96.0.2"], "PreferDualStack", "cluster-ips-unclear"],
  ] as const) {
    it(`with ${policy} and ${clusterIps.join(", ") || "no cluster address"}: ${expected}`, () => {
      const found = needOf(loadBalancer("web", { clusterIps, ipFamilyPolicy: policy }));
      const text = found.ok
        ? found.need.families.join(found.need.oneWillDo ? ", or " : " and ")
        : found.reason;
      assert.equal(text, expected);
    });
  }
});
