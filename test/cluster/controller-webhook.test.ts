/** That wrong resources are refused when they are applied, by the webhook that our manifests tell the API server of. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Access } from "./access.ts";
import { type ControlPlane, sharedControlPlane } from "./bed.ts";
import { type Controller, install, NAMESPACE, openController, pool } from "./controller.ts";
import { eventually } from "./eventually.ts";

const inCluster = sharedControlPlane();

let running: { readonly access: Access; readonly controller: Controller } | undefined;

const start = async (plane: ControlPlane): Promise<Controller> => {
  if (running !== undefined) return running.controller;
  const access = await install(plane, { webhook: true });
  const controller = await openController(plane, { access, webhook: true });
  plane.webhookWay.leadTo(controller.webhookPort);
  await controller.start();
  running = { access, controller };
  return controller;
};

/** A test with a controller that answers reviews. */
const withWebhook = (
  test: (plane: ControlPlane, controller: Controller) => Promise<void>,
): ReturnType<typeof inCluster> =>
  inCluster(async (plane, context) => {
    const controller = await start(plane);
    try {
      await test(plane, controller);
    } catch (error) {
      context.diagnostic(`controller:\n${controller.lastWords(30)}`);
      throw error;
    }
  });

/** What the API server answers when this is created. */
const attempt = async (
  { admin }: ControlPlane,
  object: {
    readonly apiVersion: string;
    readonly plural: string;
    readonly body: string;
    readonly namespace?: string;
  },
): Promise<{ readonly status: number; readonly message: string }> => {
  const path = `/apis/${object.apiVersion}/namespaces/${object.namespace ?? NAMESPACE}/${object.plural}`;
  const { status, body } = await admin.request("POST", path, {
    body: object.body,
    contentType: "application/json",
  });
  const message = typeof body === "object" && body !== null && "message" in body ? String(body.message) : "";
  return { status, message };
};

const asPool = (body: string) => ({ apiVersion: "metallb.io/v1beta1", plural: "ipaddresspools", body });

const peer = (version: string, name: string, spec: Readonly<Record<string, unknown>>): string =>
  JSON.stringify({
    apiVersion: `metallb.io/${version}`,
    kind: "BGPPeer",
    metadata: { name, namespace: NAMESPACE },
    spec: { myASN: 64_500, peerASN: 64_501, peerAddress: "192.0.2.1", ...spec },
  });

describe("the webhook of a controller", () => {
  it(
    "is asked once the controller has told the API server whom to trust, and lets what is right pass",
    withWebhook(async (plane) => {
      await eventually("a pool that is accepted", 15_000, async () => {
        const { status } = await attempt(plane, asPool(pool("lan", ["192.0.2.0/24"])));
        return status === 201 ? true : undefined;
      });
    }),
  );

  it(
    "refuses a pool that overlaps, one that is no range, and one in another namespace, each with the reason",
    withWebhook(async (plane) => {
      const overlapping = await attempt(plane, asPool(pool("overlapping", ["192.0.2.128/25"])));
      assert.equal(overlapping.status, 422);
      assert.match(overlapping.message, /overlap/);
      const backwards = await attempt(plane, asPool(pool("backwards", ["192.0.2.20-192.0.2.10"])));
      assert.equal(backwards.status, 422);
      assert.match(backwards.message, /192\.0\.2\.20-192\.0\.2\.10/);
      const elsewhere = pool("elsewhere", ["198.51.100.0/24"]).replace(NAMESPACE, "default");
      const misplaced = await attempt(plane, { ...asPool(elsewhere), namespace: "default" });
      assert.equal(misplaced.status, 403);
      assert.match(misplaced.message, new RegExp(NAMESPACE));
    }),
  );

  it(
    "reviews a BGPPeer in both versions, and each can be read in the other",
    withWebhook(async (plane) => {
      const at = (version: string, name = ""): string =>
        `/apis/metallb.io/${version}/namespaces/${NAMESPACE}/bgppeers${name === "" ? "" : `/${name}`}`;
      const old = { apiVersion: "metallb.io/v1beta1", plural: "bgppeers" };
      const made = await attempt(plane, {
        ...old,
        body: peer("v1beta1", "old", { peerPort: 179, holdTime: "90s" }),
      });
      assert.equal(made.status, 201, made.message);
      const read = await plane.admin.get<{ spec: { holdTime?: string } }>(at("v1beta2", "old"));
      assert.equal(read.spec.holdTime, "90s");
      const wrong = await attempt(plane, { ...old, body: peer("v1beta1", "wrong", { holdTime: "1s" }) });
      assert.equal(wrong.status, 422);
      assert.match(wrong.message, /spec\.holdTime/);
    }),
  );

  it(
    "refuses to delete a BFD profile that a peer names",
    withWebhook(async (plane) => {
      await plane.apply(
        JSON.stringify({
          apiVersion: "metallb.io/v1beta1",
          kind: "BFDProfile",
          metadata: { name: "fast", namespace: NAMESPACE },
          spec: { receiveInterval: 100 },
        }),
      );
      await plane.apply(peer("v1beta2", "watched", { peerAddress: "192.0.2.2", bfdProfile: "fast" }));
      const profile = `/apis/metallb.io/v1beta1/namespaces/${NAMESPACE}/bfdprofiles/fast`;
      await eventually("a refusal", 5_000, async () => {
        const { status } = await plane.admin.request("DELETE", `${profile}?dryRun=All`);
        return status === 403 ? true : undefined;
      });
    }),
  );

  it(
    "leaves a certificate that the next start finds and serves again",
    withWebhook(async (plane, controller) => {
      const secret = `/api/v1/namespaces/${NAMESPACE}/secrets/steelyard-webhook-cert`;
      const before = await plane.admin.get(secret);
      await controller.stop("SIGTERM");
      const refused = await attempt(plane, asPool(pool("nobody", ["198.51.100.0/24"])));
      assert.equal(refused.status, 500, "failurePolicy is Fail");
      await controller.start();
      await eventually("a pool that is accepted", 15_000, async () => {
        const { status } = await attempt(plane, asPool(pool("wan", ["203.0.113.0/24"])));
        return status === 201 ? true : undefined;
      });
      assert.equal((await plane.admin.get(secret)).metadata.resourceVersion, before.metadata.resourceVersion);
    }),
  );
});
