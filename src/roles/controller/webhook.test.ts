import assert from "node:assert/strict";
import { request } from "node:https";
import { describe, it } from "node:test";
import { seconds } from "#base/time";
import { fieldsOf, listOf, textOf } from "#core/kubernetes/read";
import { type ControllerBed, createBed } from "./test-bed.ts";
import { openWebhook } from "./webhook.ts";

const CONFIGURATIONS = {
  ...{ group: "admissionregistration.k8s.io", version: "v1" },
  ...{ plural: "validatingwebhookconfigurations", namespaced: false },
};
const DEFINITIONS = {
  ...{ group: "apiextensions.k8s.io", version: "v1" },
  ...{ plural: "customresourcedefinitions", namespaced: false },
};
const NAMESPACE = "metallb-system";
const SERVICE = "steelyard-webhook";

const install = ({ cluster }: ControllerBed, conversion: object = { strategy: "None" }): void => {
  cluster.put(CONFIGURATIONS, {
    metadata: { name: SERVICE },
    webhooks: [
      {
        name: "ipaddresspools.metallb.io",
        clientConfig: { service: { name: SERVICE, namespace: NAMESPACE, path: "/validate" } },
      },
    ],
  });
  cluster.put(DEFINITIONS, {
    metadata: { name: "bgppeers.metallb.io" },
    spec: { versions: [{ name: "v1beta1" }, { name: "v1beta2" }], conversion },
  });
};

const open = (bed: ControllerBed, takeConversion = false) => {
  const expiries: number[] = [];
  const webhook = openWebhook({
    ...{ cluster: bed.cluster, tap: bed.tap, clock: bed.time, namespace: NAMESPACE, service: SERVICE },
    ...{ address: { host: "127.0.0.1", port: 0 }, takeConversion },
    current: () => ({ objects: [], namespaces: new Map(), namespace: NAMESPACE }),
    onExpiry: (end) => expiries.push(end),
  });
  return { webhook, expiries };
};

/** Waits for real work, keys and sockets, that a test's clock does not move. */
const until = async (what: string, isSo: () => boolean): Promise<void> => {
  for (let turn = 0; !isSo(); turn += 1) {
    assert.ok(turn < 100_000, what);
    await new Promise((resolve) => setImmediate(resolve));
  }
};

const portOf = ({ tap }: ControllerBed): number => {
  const told = tap.recent.all().map(({ event }) => event);
  const serving = told.find((event) => event.type === "webhook" && event.state === "serving");
  return Number(serving?.type === "webhook" ? /\d+$/.exec(serving.detail)?.[0] : undefined);
};

const bundleOf = ({ cluster }: ControllerBed): string => {
  const [webhook] = listOf(cluster.store.get(CONFIGURATIONS, SERVICE)?.webhooks);
  return Buffer.from(textOf(fieldsOf(fieldsOf(webhook).clientConfig).caBundle), "base64").toString();
};

/** Asks as the API server does: by the name of the Service, trusting the caBundle and nothing else. */
const ask = (bed: ControllerBed, path: string, body: unknown): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const servername = `${SERVICE}.${NAMESPACE}.svc`;
    const asked = request(
      {
        ...{ host: "127.0.0.1", port: portOf(bed), path, method: "POST", agent: false },
        ...{ ca: bundleOf(bed), servername, headers: { "content-type": "application/json" } },
      },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          text += chunk;
        });
        response.on("end", () => resolve(JSON.parse(text)));
      },
    );
    asked.on("error", reject);
    asked.end(JSON.stringify(body));
  });

const review = (addresses: readonly string[]): unknown => ({
  apiVersion: "admission.k8s.io/v1",
  kind: "AdmissionReview",
  request: {
    uid: "4f6f",
    operation: "CREATE",
    kind: { group: "metallb.io", version: "v1beta1", kind: "IPAddressPool" },
    namespace: NAMESPACE,
    name: "public",
    object: {
      apiVersion: "metallb.io/v1beta1",
      kind: "IPAddressPool",
      metadata: { name: "public", namespace: NAMESPACE },
      spec: { addresses },
    },
  },
});

const PATH = "/validate-metallb-io-v1beta1-ipaddresspool";

describe("the webhook of a replica", () => {
  it("serves with a certificate of its own making that the API server is told to trust, and reviews pools", async () => {
    const bed = createBed();
    install(bed);
    const { webhook, expiries } = open(bed);
    await until("it serves", () => webhook.isServing);
    const good = fieldsOf(fieldsOf(await ask(bed, PATH, review(["192.0.2.0/24"]))).response);
    assert.deepEqual([good.uid, good.allowed], ["4f6f", true]);
    const bad = fieldsOf(fieldsOf(await ask(bed, PATH, review(["192.0.2.9-192.0.2.1"]))).response);
    assert.equal(bad.allowed, false);
    assert.match(textOf(fieldsOf(bad.status).message), /192\.0\.2\.9/);
    const definition = bed.cluster.store.get(DEFINITIONS, "bgppeers.metallb.io");
    assert.equal(fieldsOf(fieldsOf(definition?.spec).conversion).strategy, "Webhook");
    assert.ok((expiries[0] ?? 0) > bed.time.wall() / 1_000 + 300 * 86_400);
    await webhook.close();
  });

  it("shares the certificate with the other replicas, and writes nothing once everything is in place", async () => {
    const bed = createBed();
    install(bed);
    const first = open(bed).webhook;
    await until("the first serves", () => first.isServing);
    const before = bed.writes().length;
    const second = open(bed).webhook;
    await until("the second serves", () => second.isServing);
    await bed.time.advance(seconds(3_000));
    assert.deepEqual(bed.writes().slice(before), []);
    await first.close();
    await second.close();
  });

  it("leaves a conversion that MetalLB serves alone, says so once, and takes it over when told to", async () => {
    const bed = createBed();
    const client = { service: { name: "metallb-webhook-service", namespace: NAMESPACE, path: "/convert" } };
    install(bed, {
      strategy: "Webhook",
      webhook: { clientConfig: client, conversionReviewVersions: ["v1"] },
    });
    const named = (): string => {
      const { conversion } = fieldsOf(bed.cluster.store.get(DEFINITIONS, "bgppeers.metallb.io")?.spec);
      const config = fieldsOf(fieldsOf(fieldsOf(conversion).webhook).clientConfig);
      return textOf(fieldsOf(config.service).name);
    };
    const polite = open(bed).webhook;
    await until("it serves", () => polite.isServing);
    await bed.time.advance(seconds(3_000));
    assert.equal(named(), "metallb-webhook-service");
    const left = bed.tap.recent
      .all()
      .filter(({ event }) => event.type === "webhook" && event.detail.includes("left as it is"));
    assert.equal(left.length, 1);
    await polite.close();
    const eager = open(bed, true).webhook;
    await until("it serves", () => eager.isServing);
    assert.equal(named(), SERVICE);
    await eager.close();
  });

  it("goes on trying while the API server does not answer", async () => {
    const bed = createBed();
    install(bed);
    bed.cluster.disturb(() => ({
      reason: "unreachable",
      status: 0,
      message: "no answer",
      retryAfter: undefined,
    }));
    const { webhook } = open(bed);
    await bed.time.advance(seconds(60));
    assert.equal(webhook.isServing, false);
    bed.cluster.disturb(undefined);
    await bed.time.advance(seconds(20));
    await until("it serves", () => webhook.isServing);
    await webhook.close();
  });

  it("serves nothing and writes nothing when it was closed before it began", async () => {
    const bed = createBed();
    install(bed);
    const { webhook } = open(bed);
    await webhook.close();
    await bed.time.advance(seconds(60));
    assert.deepEqual(bed.writes(), []);
    assert.equal(webhook.isServing, false);
  });

  it("says that a failure is over, and tells of it anew when it comes back", async () => {
    const bed = createBed();
    install(bed);
    const { webhook } = open(bed);
    await until("it serves", () => webhook.isServing);
    const states = () =>
      bed.tap.recent.all().flatMap(({ event }) => (event.type === "webhook" ? [event.state] : []));
    const failure = {
      reason: "unreachable",
      status: 0,
      message: "no answer",
      retryAfter: undefined,
    } as const;
    for (const _ of [1, 2]) {
      bed.cluster.disturb(() => failure);
      await bed.time.advance(seconds(400));
      bed.cluster.disturb(undefined);
      await bed.time.advance(seconds(400));
    }
    assert.deepEqual(states(), ["serving", "failed", "serving", "failed", "serving"]);
    await webhook.close();
  });
});
