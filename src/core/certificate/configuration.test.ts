import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  type ConfigurationPlan,
  conversionBundle,
  planConversion,
  planWebhooks,
  webhookBundles,
} from "./configuration.ts";
import { encodeField, encodePem } from "./pem.ts";

const SERVICE = { namespace: "metallb-system", name: "steelyard-webhook", port: 443 };
const OURS = { namespace: "metallb-system", name: "steelyard-webhook" };
const THEIRS = { namespace: "metallb-system", name: "metallb-webhook-service" };
const [ONE, TWO] = [encodePem(Uint8Array.of(1)), encodePem(Uint8Array.of(2))];

/** Merges as the API server does, for the two kinds of patches that are planned (RFC 7386; lists by `name`). */
const apply = (target: unknown, patch: unknown, isStrategic: boolean): unknown => {
  if (Array.isArray(patch)) {
    if (!isStrategic || !Array.isArray(target)) return patch;
    const byName = (list: readonly { name: unknown }[], name: unknown) =>
      list.find((each) => each.name === name);
    return target.map((each) => {
      const change = byName(patch, each.name);
      return change === undefined ? each : apply(each, change, isStrategic);
    });
  }
  if (typeof patch !== "object" || patch === null) return patch;
  const merged: Record<string, unknown> = { ...(target as object | undefined) };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else merged[key] = apply(merged[key], value, isStrategic);
  }
  return merged;
};

const patched = (object: unknown, plan: ConfigurationPlan): unknown => {
  assert.ok(plan.type === "patch", JSON.stringify(plan));
  return apply(object, plan.body, plan.patch === "strategic");
};

const webhook = (name: string, clientConfig: unknown) => ({
  name,
  clientConfig,
  rules: [{ resources: ["x"] }],
  failurePolicy: "Fail",
});

const configuration = (webhooks: readonly unknown[], annotations?: object) => ({
  kind: "ValidatingWebhookConfiguration",
  metadata: { name: "c", resourceVersion: "5", ...(annotations && { annotations }) },
  webhooks,
});

describe("the bundles of a webhook configuration", () => {
  const object = configuration([
    webhook("a", { service: { ...OURS, path: "/a" } }),
    webhook("b", { service: THEIRS, caBundle: "keep" }),
    webhook("c", { service: { ...OURS, path: "/c" }, caBundle: encodeField(TWO) }),
    webhook("d", { url: "https://elsewhere.example" }),
  ]);
  const planned = (subject: unknown, bundle = [ONE, TWO]) =>
    planWebhooks({ object: subject, service: SERVICE, bundle });

  it("are set where our Service is named, and nothing else changes", () => {
    const after = patched(object, planned(object));
    const caBundle = encodeField(ONE + TWO);
    const [a, b, c, d] = object.webhooks as { clientConfig: object }[];
    assert.deepEqual(after, {
      ...object,
      webhooks: [
        { ...a, clientConfig: { ...a?.clientConfig, caBundle } },
        b,
        { ...c, clientConfig: { ...c?.clientConfig, caBundle } },
        d,
      ],
    });
  });

  it("are written once: planning again after applying gives nothing", () => {
    const after = patched(object, planned(object));
    assert.deepEqual(planned(after), { type: "unchanged" });
    assert.deepEqual(planned(after, [TWO, ONE]), { type: "unchanged" });
    assert.deepEqual(webhookBundles(after, SERVICE), [ONE + TWO, ONE + TWO]);
  });

  it("are written only into the version that was read", () => {
    const plan = planned(object);
    assert.ok(plan.type === "patch");
    assert.deepEqual((plan.body as { metadata: unknown }).metadata, { resourceVersion: "5" });
  });

  it("are left to whoever injects them", () => {
    const injected = configuration(object.webhooks, { "cert-manager.io/inject-ca-from": "x/y" });
    assert.deepEqual(planned(injected), { type: "left", reason: "injected", names: "cert-manager" });
  });

  it("are left where nothing is ours, with what is named instead", () => {
    assert.deepEqual(planned(configuration([object.webhooks[1], object.webhooks[3]])), {
      type: "left",
      reason: "names-another",
      names: "metallb-system/metallb-webhook-service, https://elsewhere.example",
    });
    assert.deepEqual(planned({}), { type: "left", reason: "unreadable", names: "" });
  });
});

describe("the conversion of a custom resource definition", () => {
  const definition = (conversion?: unknown) => ({
    metadata: { name: "bgppeers.metallb.io", resourceVersion: "9" },
    spec: { group: "metallb.io", versions: [{ name: "v1beta1" }], ...(conversion ? { conversion } : {}) },
  });
  const planned = (object: unknown, overrides: { takeOver?: boolean; bundle?: readonly string[] } = {}) =>
    planConversion({
      object,
      service: SERVICE,
      path: "/convert",
      bundle: [ONE],
      takeOver: false,
      ...overrides,
    });
  const theirs = definition({
    strategy: "Webhook",
    webhook: {
      conversionReviewVersions: ["v1beta1"],
      clientConfig: { service: { ...THEIRS, path: "/convert" }, caBundle: encodeField(TWO) },
    },
  });

  it("is given to us where nobody has it, and then nothing is left to do", () => {
    for (const object of [definition(), definition({ strategy: "None" })]) {
      const after = patched(object, planned(object));
      assert.deepEqual(planned(after), { type: "unchanged" });
      assert.equal(conversionBundle(after, SERVICE), ONE);
      assert.equal(conversionBundle(object, SERVICE), undefined);
    }
  });

  it("is taken from another Service only when that was asked for", () => {
    assert.deepEqual(planned(theirs), {
      type: "left",
      reason: "names-another",
      names: "metallb-system/metallb-webhook-service",
    });
    const after = patched(theirs, planned(theirs, { takeOver: true }));
    assert.deepEqual(planned(after), { type: "unchanged" });
    assert.equal(conversionBundle(theirs, SERVICE), undefined);
  });

  it("is taken from an address, which may not stand beside a Service", () => {
    const url = definition({ strategy: "Webhook", webhook: { clientConfig: { url: "https://x.example" } } });
    assert.equal(planned(url).type, "left");
    const after = patched(url, planned(url, { takeOver: true })) as {
      spec: { conversion: { webhook: { clientConfig: object } } };
    };
    assert.ok(!Object.hasOwn(after.spec.conversion.webhook.clientConfig, "url"));
  });

  it("is put right when its bundle, path, port or version is another", () => {
    const right = patched(definition(), planned(definition()));
    assert.equal(planned(right, { bundle: [ONE, TWO] }).type, "patch");
    const wrong = [
      { clientConfig: { service: { path: "/other" } } },
      { clientConfig: { service: { port: 8443 } } },
      { conversionReviewVersions: ["v1beta1"] },
    ];
    for (const fault of wrong) {
      const broken = apply(right, { spec: { conversion: { webhook: fault } } }, false);
      assert.deepEqual(planned(patched(broken, planned(broken))), { type: "unchanged" });
    }
  });

  it("has port 443 where none is written", () => {
    const right = patched(definition(), planned(definition()));
    const bare = apply(
      right,
      { spec: { conversion: { webhook: { clientConfig: { service: { port: null } } } } } },
      false,
    );
    assert.deepEqual(planned(bare), { type: "unchanged" });
  });

  it("never throws on arbitrary objects", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        for (const object of [
          value,
          { spec: value },
          { webhooks: value },
          { spec: { versions: [], conversion: value } },
        ]) {
          planConversion({ object, service: SERVICE, path: "/", bundle: [ONE], takeOver: true });
          planWebhooks({ object, service: SERVICE, bundle: [ONE] });
          webhookBundles(object, SERVICE);
          conversionBundle(object, SERVICE);
        }
      }),
    );
  });
});
