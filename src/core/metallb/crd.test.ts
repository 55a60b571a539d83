import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parse } from "yaml";
import { crdObjects, renderCrds } from "./crd.ts";

type Fields = { readonly [key: string]: unknown };

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What lies under a path of keys and positions. */
const under = (value: unknown, ...path: readonly (string | number)[]): unknown =>
  path.reduce<unknown>((inner, key) => (inner as Fields | undefined)?.[key], value);

const versionsOf = (kind: string): readonly Fields[] => {
  const found = crdObjects().find((each) => under(each, "spec", "names", "kind") === kind);
  return under(found, "spec", "versions") as readonly Fields[];
};

const schemaOf = (kind: string, version = 0): unknown =>
  under(versionsOf(kind), version, "schema", "openAPIV3Schema");

const keysOf = (value: unknown): readonly string[] => (isFields(value) ? Object.keys(value).sort() : []);

/** Every schema below one, with its path. */
const walk = (schema: unknown, path: string, visit: (schema: Fields, path: string) => void): void => {
  if (!isFields(schema)) return;
  visit(schema, path);
  for (const [key, inner] of Object.entries(under(schema, "properties") ?? {}))
    walk(inner, `${path}.${key}`, visit);
  walk(schema.items, `${path}[]`, visit);
  walk(schema.additionalProperties, `${path}{}`, visit);
};

/** What MetalLB's definitions say: fields of `spec` and `status`, those required, and columns. */
const METALLB: Readonly<
  Record<string, { spec?: string; required?: string; status?: string; columns: string; version?: number }>
> = {
  IPAddressPool: {
    spec: "addresses autoAssign avoidBuggyIPs serviceAllocation",
    required: "addresses",
    status: "assignedIPv4 assignedIPv6 availableIPv4 availableIPv6",
    columns: "Auto Assign, Avoid Buggy IPs, Addresses",
  },
  L2Advertisement: {
    spec: "interfaces ipAddressPoolSelectors ipAddressPools nodeSelectors preferredNodeSelectors serviceSelectors",
    columns: "IPAddressPools, IPAddressPool Selectors, Interfaces, Node Selectors",
  },
  BGPAdvertisement: {
    spec: "aggregationLength aggregationLengthV6 communities ipAddressPoolSelectors ipAddressPools localPref nodeSelectors peers serviceSelectors",
    columns: "IPAddressPools, IPAddressPool Selectors, Peers, Node Selectors",
  },
  BGPPeer: {
    version: 1,
    spec: "bfdProfile connectTime disableMP dualStackAddressFamily dynamicASN ebgpMultiHop enableGracefulRestart holdTime interface keepaliveTime localASN myASN nodeSelectors password passwordSecret peerASN peerAddress peerPort routerID sourceAddress vrf",
    required: "myASN",
    columns: "Address, ASN, BFD Profile, Multi Hops",
  },
  BFDProfile: {
    spec: "detectMultiplier echoInterval echoMode minimumTtl passiveMode receiveInterval transmitInterval",
    columns: "Passive Mode, Transmit Interval, Receive Interval, Multiplier",
  },
  Community: { spec: "communities", columns: "" },
  ServiceL2Status: {
    spec: "",
    status: "interfaces node serviceName serviceNamespace",
    columns: "Allocated Node, Service Name, Service Namespace",
  },
  ServiceBGPStatus: {
    spec: "",
    status: "node peers serviceName serviceNamespace",
    columns: "Node, Service Name, Service Namespace",
  },
  ConfigurationState: { status: "conditions errorSummary result", columns: "Result, ErrorSummary, Age" },
};

describe("the definitions of MetalLB's kinds", () => {
  for (const [kind, facts] of Object.entries(METALLB)) {
    it(`have the fields and columns of MetalLB's own: ${kind}`, () => {
      const version = under(versionsOf(kind), facts.version ?? 0);
      const schema = schemaOf(kind, facts.version);
      assert.equal(keysOf(under(schema, "properties", "spec", "properties")).join(" "), facts.spec ?? "");
      assert.equal(keysOf(under(schema, "properties", "status", "properties")).join(" "), facts.status ?? "");
      assert.equal(
        ((under(schema, "properties", "spec", "required") ?? []) as string[]).join(" "),
        facts.required ?? "",
      );
      const columns = (under(version, "additionalPrinterColumns") ?? []) as readonly {
        readonly name: string;
      }[];
      assert.equal(columns.map(({ name }) => name).join(", "), facts.columns);
      assert.deepEqual(under(version, "subresources"), { status: {} });
    });
  }

  it("have v1beta1 of BGPPeer beside v1beta2, deprecated and not stored", () => {
    const [older, newer] = versionsOf("BGPPeer");
    assert.deepEqual(
      [older?.name, older?.served, older?.storage, older?.deprecated],
      ["v1beta1", true, false, true],
    );
    assert.deepEqual(
      [newer?.name, newer?.served, newer?.storage, newer?.deprecated],
      ["v1beta2", true, true, undefined],
    );
    const spec = under(schemaOf("BGPPeer"), "properties", "spec");
    assert.deepEqual(under(spec, "required"), ["myASN", "peerASN", "peerAddress"]);
    assert.deepEqual(
      keysOf(under(spec, "properties")).join(" "),
      "bfdProfile ebgpMultiHop holdTime keepaliveTime myASN nodeSelectors password peerASN peerAddress peerPort routerID sourceAddress",
    );
  });

  it("have MetalLB's defaults and no others, so that stored objects stay as they were written", () => {
    const defaults: string[] = [];
    for (const definition of crdObjects()) {
      for (const version of under(definition, "spec", "versions") as readonly Fields[]) {
        const name = `${String(under(definition, "spec", "names", "kind"))} ${String(version.name)}`;
        walk(under(version, "schema", "openAPIV3Schema"), name, (schema, path) => {
          if ("default" in schema) defaults.push(`${path}=${String(schema.default)}`);
        });
      }
    }
    assert.deepEqual(defaults, [
      "IPAddressPool v1beta1.spec.autoAssign=true",
      "IPAddressPool v1beta1.spec.avoidBuggyIPs=false",
      "BGPAdvertisement v1beta1.spec.aggregationLength=32",
      "BGPAdvertisement v1beta1.spec.aggregationLengthV6=128",
      "BGPPeer v1beta2.spec.peerPort=179",
      "BGPPeer v1beta2.spec.disableMP=false",
      "BGPPeer v1beta2.spec.dualStackAddressFamily=false",
    ]);
  });

  it("have MetalLB's ranges", () => {
    const range = (kind: string, key: string, version = 0): unknown => {
      const schema = under(schemaOf(kind, version), "properties", "spec", "properties", key);
      return [under(schema, "minimum"), under(schema, "maximum")];
    };
    assert.deepEqual(range("BGPPeer", "peerPort", 1), [1, 16_384]);
    assert.deepEqual(range("BGPPeer", "peerPort", 0), [0, 16_384]);
    assert.deepEqual(range("BGPPeer", "myASN", 1), [0, 4_294_967_295]);
    assert.deepEqual(range("BGPPeer", "localASN", 1), [1, 4_294_967_295]);
    assert.deepEqual(range("BFDProfile", "detectMultiplier"), [2, 255]);
    assert.deepEqual(range("BFDProfile", "echoInterval"), [10, 60_000]);
    assert.deepEqual(range("BFDProfile", "minimumTtl"), [1, 254]);
  });
});

describe("every definition", () => {
  it("is structural: each field has a type and a description, in all versions", () => {
    const wrong: string[] = [];
    for (const definition of crdObjects()) {
      for (const version of under(definition, "spec", "versions") as readonly Fields[]) {
        const name = `${String(under(definition, "spec", "names", "kind"))} ${String(version.name)}`;
        walk(under(version, "schema", "openAPIV3Schema"), name, (schema, path) => {
          const isMeta = path === `${name}.metadata` || path.endsWith("{}");
          if (typeof schema.type !== "string") wrong.push(`${path} has no type`);
          if (typeof schema.description !== "string" && !isMeta) wrong.push(`${path} has no description`);
          for (const key of (schema.required ?? []) as string[]) {
            if (under(schema, "properties", key) === undefined) wrong.push(`${path} requires ${key}`);
          }
        });
      }
    }
    assert.deepEqual(wrong, []);
  });

  it("limits lists and text over which a rule or a format of ours goes", () => {
    const addresses = under(schemaOf("AddressReservation"), "properties", "spec", "properties", "addresses");
    assert.deepEqual([under(addresses, "minItems"), under(addresses, "maxItems")], [1, 64]);
    assert.deepEqual(under(addresses, "items", "maxLength"), 45);
    assert.deepEqual(under(addresses, "items", "anyOf"), [{ format: "ipv4" }, { format: "ipv6" }]);
  });

  it("carries the rules that MetalLB has", () => {
    const rules: string[] = [];
    for (const definition of crdObjects()) {
      for (const version of under(definition, "spec", "versions") as readonly Fields[]) {
        const kind = String(under(definition, "spec", "names", "kind"));
        walk(under(version, "schema", "openAPIV3Schema"), kind, (schema, path) => {
          for (const { rule } of (schema["x-kubernetes-validations"] ?? []) as readonly {
            readonly rule: string;
          }[]) {
            rules.push(`${path}: ${rule.slice(0, 30)}`);
          }
        });
      }
    }
    assert.deepEqual(rules, [
      "BGPAdvertisement.spec: !has(self.serviceSelectors) ||",
      "BGPPeer.spec.connectTime: duration(self).getSeconds() >=",
      "BGPPeer.spec.connectTime: duration(self).getMilliseconds",
      "BGPPeer.spec.enableGracefulRestart: self == oldSelf",
      "ServiceL2Status.status.node: self == oldSelf",
      "ServiceL2Status.status.serviceName: self == oldSelf",
      "ServiceL2Status.status.serviceNamespace: self == oldSelf",
      "ServiceBGPStatus.status.node: self == oldSelf",
      "ServiceBGPStatus.status.serviceName: self == oldSelf",
      "ServiceBGPStatus.status.serviceNamespace: self == oldSelf",
    ]);
  });
});

describe("renderCrds", () => {
  it("writes one file per kind, which says how to make it again and holds the definition", () => {
    const files = renderCrds();
    assert.deepEqual([...files.keys()].sort(), [
      "packaging/crds/metallb.io_bfdprofiles.yaml",
      "packaging/crds/metallb.io_bgpadvertisements.yaml",
      "packaging/crds/metallb.io_bgppeers.yaml",
      "packaging/crds/metallb.io_communities.yaml",
      "packaging/crds/metallb.io_configurationstates.yaml",
      "packaging/crds/metallb.io_ipaddresspools.yaml",
      "packaging/crds/metallb.io_l2advertisements.yaml",
      "packaging/crds/metallb.io_servicebgpstatuses.yaml",
      "packaging/crds/metallb.io_servicel2statuses.yaml",
      "packaging/crds/steelyard.dev_addressconflicts.yaml",
      "packaging/crds/steelyard.dev_addressreservations.yaml",
    ]);
    const objects = crdObjects();
    for (const [index, text] of [...files.values()].entries()) {
      assert.match(text, /^# .*node scripts\/generate-reference\.ts/);
      assert.deepEqual(parse(text), JSON.parse(JSON.stringify(objects[index])));
      assert.deepEqual(parse(text, { version: "1.1" }), JSON.parse(JSON.stringify(objects[index])));
    }
  });

  it("says how to convert only if a webhook is named, so that it can be applied over one that is", () => {
    const conversionOf = (text: string | undefined) => under(parse(text ?? ""), "spec", "conversion");
    const path = "packaging/crds/metallb.io_bgppeers.yaml";
    assert.equal(conversionOf(renderCrds().get(path)), undefined);
    const conversion = { namespace: "lb", name: "hooks", caBundle: "QUJD" };
    assert.deepEqual(conversionOf(renderCrds({ conversion }).get(path)), {
      strategy: "Webhook",
      webhook: {
        conversionReviewVersions: ["v1"],
        clientConfig: { service: { namespace: "lb", name: "hooks", path: "/convert" }, caBundle: "QUJD" },
      },
    });
    assert.equal(
      conversionOf(renderCrds({ conversion }).get("packaging/crds/metallb.io_ipaddresspools.yaml")),
      undefined,
    );
  });
});
