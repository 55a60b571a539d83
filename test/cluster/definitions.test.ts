/** That the API server takes our custom resource definitions, serves what MetalLB's clients ask for, and checks by them. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { createNamespace } from "./access.ts";
import { type Api, type KubeObject, patchContentType } from "./api.ts";
import { sharedControlPlane } from "./bed.ts";
import { eventually } from "./eventually.ts";

const FOLDER = join(import.meta.dirname, "../../packaging/crds");
const NAMESPACE = "metallb-system";

type Spec = Readonly<Record<string, unknown>>;

type Kind = {
  readonly version: string;
  /** The word in paths. */
  readonly plural: string;
  /** A `spec` that the API server must take; `undefined` for a kind without one. */
  readonly spec: Spec | undefined;
};

const PEER = { myASN: 64_500, peerASN: 64_501, peerAddress: "192.0.2.1" };

const metallb = (plural: string, spec: Spec | undefined, version = "v1beta1"): Kind => ({
  version: `metallb.io/${version}`,
  plural,
  spec,
});

const ours = (plural: string, spec: Spec): Kind => ({ version: "steelyard.dev/v1alpha1", plural, spec });

const KINDS = {
  IPAddressPool: metallb("ipaddresspools", {
    addresses: ["192.0.2.0/24", "192.0.2.10-192.0.2.20", "2001:db8::/64"],
    avoidBuggyIPs: true,
    serviceAllocation: {
      priority: 10,
      namespaces: ["shop"],
      namespaceSelectors: [{ matchLabels: { tier: "front" } }],
      serviceSelectors: [{ matchExpressions: [{ key: "app", operator: "In", values: ["web"] }] }],
    },
  }),
  L2Advertisement: metallb("l2advertisements", { ipAddressPools: ["lan"], interfaces: ["eth0"] }),
  BGPAdvertisement: metallb("bgpadvertisements", {
    ipAddressPools: ["lan"],
    aggregationLength: 24,
    localPref: 4_294_967_295,
    communities: ["large:64500:1:2"],
  }),
  BGPPeer: metallb("bgppeers", { ...PEER, holdTime: "90s", connectTime: "10s" }, "v1beta2"),
  BFDProfile: metallb("bfdprofiles", { receiveInterval: 300, detectMultiplier: 3 }),
  Community: metallb("communities", { communities: [{ name: "no-export", value: "65535:65281" }] }),
  ServiceL2Status: metallb("servicel2statuses", {}),
  ServiceBGPStatus: metallb("servicebgpstatuses", {}),
  ConfigurationState: metallb("configurationstates", undefined),
  AddressReservation: ours("addressreservations", {
    addresses: ["192.0.2.10", "2001:db8::10"],
    service: { namespace: "shop", name: "web" },
  }),
  AddressConflict: ours("addressconflicts", {
    address: "192.0.2.10",
    mac: "02:00:5e:10:00:01",
    reportedBy: "n1",
  }),
} satisfies Readonly<Record<string, Kind>>;

type KindName = keyof typeof KINDS;

/** What an API server must refuse although nobody but itself looks at it. */
const REFUSED: readonly (readonly [what: string, kind: KindName, spec: Spec | undefined])[] = [
  ["a pool without spec", "IPAddressPool", undefined],
  ["a pool without addresses", "IPAddressPool", {}],
  [
    "aggregation besides a choice of Services",
    "BGPAdvertisement",
    { aggregationLength: 24, serviceSelectors: [{ matchLabels: { app: "web" } }] },
  ],
  ["a peer's port 16385", "BGPPeer", { ...PEER, peerPort: 16_385 }],
  ["half a second between attempts", "BGPPeer", { ...PEER, connectTime: "500ms" }],
  ["a second and a half between attempts", "BGPPeer", { ...PEER, connectTime: "1500ms" }],
  ["a detection multiplier of 1", "BFDProfile", { detectMultiplier: 1 }],
  ["a reservation of nothing", "AddressReservation", { addresses: [] }],
  ["a reservation of a prefix", "AddressReservation", { addresses: ["192.0.2.0/24"] }],
  [
    "a reservation of 65 addresses",
    "AddressReservation",
    { addresses: Array.from({ length: 65 }, (_, index) => `192.0.2.${index}`) },
  ],
  [
    "a conflict with what is no Ethernet address",
    "AddressConflict",
    { address: "192.0.2.10", mac: "02-00-5e-10-00-01", reportedBy: "n1" },
  ],
];

const at = (kind: KindName, version: string = KINDS[kind].version): string =>
  `/apis/${version}/namespaces/${NAMESPACE}/${KINDS[kind].plural}`;

const isKindName = (name: string): name is KindName => Object.hasOwn(KINDS, name);

const objectOf = (kind: KindName, name: string, spec: Spec | undefined): unknown => ({
  apiVersion: KINDS[kind].version,
  kind,
  metadata: { name, namespace: NAMESPACE },
  ...(spec === undefined ? {} : { spec }),
});

type Definition = KubeObject & {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
};

const isEstablished = ({ status }: Definition): boolean =>
  status?.conditions?.some(({ type, status }) => type === "Established" && status === "True") === true;

const established = (admin: Api, name: string): Promise<Definition> =>
  eventually(`${name} established`, 10_000, async () => {
    const read = await admin.get<Definition>(
      `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}`,
    );
    return isEstablished(read) ? read : undefined;
  });

type List = { readonly items: readonly KubeObject[] };

/** The objects of a kind; a kind that is new is not ready at once, which the server says by 429. */
const listed = (admin: Api, kind: KindName): Promise<List> =>
  eventually(`a list of ${KINDS[kind].plural}`, 10_000, async () => {
    const { status, body } = await admin.request("GET", at(kind));
    return status === 429 ? undefined : (body as List);
  });

const inCluster = sharedControlPlane();

describe("our custom resource definitions", () => {
  it(
    "are accepted, with everything in them understood, and served",
    inCluster(async ({ admin, apply }) => {
      await createNamespace(admin, NAMESPACE);
      const files = readdirSync(FOLDER).filter((name) => name.endsWith(".yaml"));
      assert.equal(files.length, Object.keys(KINDS).length);
      const applied = await Promise.all(files.map((file) => apply(readFileSync(join(FOLDER, file), "utf8"))));
      const names = applied.flat().map(({ metadata }) => metadata.name);
      await Promise.all(names.map((name) => established(admin, name)));
    }),
  );

  for (const kind of Object.keys(KINDS).filter(isKindName)) {
    it(
      `let ${kind} be created and listed as ${KINDS[kind].plural}`,
      inCluster(async ({ admin }) => {
        const object = objectOf(kind, "accepted", KINDS[kind].spec);
        await admin.create(`${at(kind)}?fieldValidation=Strict`, object);
        const { items } = await listed(admin, kind);
        assert.deepEqual(
          items.map(({ metadata }) => metadata.name),
          ["accepted"],
        );
      }),
    );
  }

  for (const [what, kind, spec] of REFUSED) {
    it(
      `refuse ${what}`,
      inCluster(async ({ admin }) => {
        const body = objectOf(kind, "refused", spec);
        const { status, body: answer } = await admin.request("POST", at(kind), { body });
        assert.equal(status, 422, JSON.stringify(answer));
      }),
    );
  }

  it(
    "refuse to change what a BGP session was opened with",
    inCluster(async ({ admin }) => {
      const spec = { ...PEER, enableGracefulRestart: false };
      await admin.create(at("BGPPeer"), objectOf("BGPPeer", "graceful", spec));
      const { status } = await admin.request("PATCH", `${at("BGPPeer")}/graceful`, {
        body: { spec: { enableGracefulRestart: true } },
        contentType: patchContentType("merge-patch"),
      });
      assert.equal(status, 422);
    }),
  );

  it(
    "let a pool's status be written without its spec, and its spec without its status",
    inCluster(async ({ admin }) => {
      const pool = `${at("IPAddressPool")}/accepted`;
      const counts = { assignedIPv4: 1, assignedIPv6: 0, availableIPv4: 255, availableIPv6: 1 };
      const before = await admin.get(pool);
      const told = await admin.patch(`${pool}/status`, {
        spec: { addresses: ["198.51.100.0/24"] },
        status: counts,
      });
      assert.deepEqual(told.status, counts);
      assert.deepEqual(told.spec, before.spec);
      assert.equal(told.metadata.generation, before.metadata.generation);
      const changed = await admin.patch(pool, { spec: { autoAssign: false }, status: { assignedIPv4: 7 } });
      assert.deepEqual(changed.status, counts);
      assert.equal(changed.metadata.generation, (before.metadata.generation ?? 0) + 1);
    }),
  );

  it(
    "still serve BGPPeer in the old version",
    inCluster(async ({ admin }) => {
      const { items } = await admin.get<List>(at("BGPPeer", "metallb.io/v1beta1"));
      assert.deepEqual(new Set(items.map(({ apiVersion }) => apiVersion)), new Set(["metallb.io/v1beta1"]));
    }),
  );
});
