/** `steelyard controller` as tests run it: the built program, under the rights that our manifests give it. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { get } from "node:http";
import { join } from "node:path";
import type { ControllerStatus } from "#api/controller";
import type { Access, Identity } from "./access.ts";
import type { KubeObject } from "./api.ts";
import { type AuditEntry, isWrite } from "./audit.ts";
import { type ControlPlane, freePort } from "./bed.ts";
import { eventually } from "./eventually.ts";
import { readLaunch } from "./launch.ts";
import { readManifest } from "./manifest.ts";
import { openServer, type ServerProgram } from "./server-program.ts";

const ROOT = join(import.meta.dirname, "../..");
/** Where our manifests put everything. */
export const NAMESPACE = "steelyard-system";
const ACCOUNT: Identity = {
  type: "service-account",
  namespace: NAMESPACE,
  name: "steelyard-controller",
};

const manifestsIn = (folder: string): readonly string[] =>
  readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith(".yaml"))
    .map((name) => readFileSync(join(ROOT, folder, name), "utf8"));

/** The definitions of all resources, each a text of YAML. */
export const ourDefinitions = (): readonly string[] => manifestsIn("packaging/crds");

/** What a controller needs to live; nobody here could run the rest. In the order in which it is applied. */
const NEEDED = [
  "Namespace",
  "ServiceAccount",
  "Role",
  "RoleBinding",
  "ClusterRole",
  "ClusterRoleBinding",
  "CustomResourceDefinition",
  "Service",
  "ValidatingWebhookConfiguration",
];

/**
 * Installs our definitions and rights, word for word; gives the account that they are for. Without `webhook` the API server
 * is not told to ask for reviews; without `definitions` those of others must be there.
 */
export const install = async (
  plane: Pick<ControlPlane, "apply" | "access">,
  { webhook = false, definitions = true } = {},
): Promise<Access> => {
  const unwanted = [
    ...(webhook ? [] : ["ValidatingWebhookConfiguration"]),
    ...(definitions ? [] : ["CustomResourceDefinition"]),
  ];
  const needed = NEEDED.filter((kind) => !unwanted.includes(kind));
  const objects = [...ourDefinitions(), ...manifestsIn("packaging/manifests")].flatMap(readManifest);
  const isRight = ({ kind, metadata }: KubeObject): boolean =>
    kind === "ClusterRole" && metadata.name === "steelyard-controller";
  if (!objects.some(isRight)) throw new Error("our manifests hold no rights");
  const ordered = needed.flatMap((wanted) => objects.filter(({ kind }) => kind === wanted));
  await plane.apply(ordered.map((object) => JSON.stringify(object)).join("\n---\n"));
  return await plane.access(ACCOUNT, []);
};

export type ControllerOptions = {
  /** Whether it answers the API server's reviews. */
  readonly webhook?: boolean;
  /** Who it is among the others; default `c1`. */
  readonly identity?: string;
  readonly access: Access;
  /**
   * Seconds by which its time of day differs from ours, as in `+7200`, or the path of a file that says so and may change
   * while it runs; needs libfaketime.
   */
  readonly clock?: string;
  /** Further arguments. */
  readonly args?: readonly string[];
};

export type Controller = ServerProgram & {
  readonly identity: string;
  readonly webhookPort: number;
  /** One of the pages that it serves over TCP. */
  page(path: string): Promise<{ readonly status: number; readonly text: string }>;
  status(): Promise<ControllerStatus>;
  /** Why a Service has what it has, by `namespace/name`. */
  explain(service: string): Promise<unknown>;
  /** Everything that it said. */
  log(): string;
};

const read = (
  options: { readonly port?: number; readonly socketPath?: string },
  path: string,
): Promise<{ readonly status: number; readonly text: string }> =>
  new Promise((resolve, reject) => {
    const asked = get({ host: "127.0.0.1", ...options, path, timeout: 2_000 }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
    });
    asked.on("timeout", () => asked.destroy(new Error(`${path}: no answer in time`)));
    asked.on("error", reject);
  });

/** A lease that runs out soon, so that a takeover takes a test only seconds. */
export const LEASE_SECONDS = 3;

const LIBRARIES: Readonly<Record<string, string>> = { x64: "x86_64-linux-gnu", arm64: "aarch64-linux-gnu" };

/** What makes a program believe in another time of day; how fast time passes stays true. */
const otherTime = (clock: string): Readonly<Record<string, string>> => {
  const library = `/usr/lib/${LIBRARIES[process.arch]}/faketime/libfaketimeMT.so.1`;
  if (!existsSync(library)) throw new Error("there is no libfaketime: apt-get install libfaketime");
  const time = clock.startsWith("/")
    ? { FAKETIME_TIMESTAMP_FILE: clock, FAKETIME_CACHE_DURATION: "1" }
    : { FAKETIME: clock };
  return { LD_PRELOAD: library, ...time, FAKETIME_DONT_FAKE_MONOTONIC: "1" };
};

/** Describes a controller; it does not run yet. */
export const openController = async (
  plane: ControlPlane,
  { identity = "c1", access, args = [], webhook = false, clock }: ControllerOptions,
): Promise<Controller> => {
  const program = join(ROOT, "dist/main.js");
  if (!existsSync(program)) throw new Error('run "npm run build" first');
  const [port, webhookPort] = [await freePort(), await freePort()];
  const { folder } = plane;
  const socketPath = join(folder, `${identity}.sock`);
  const log = join(folder, `${identity}.log`);
  const { flags, environment } = readLaunch();
  const server = openServer({
    name: `controller ${identity}`,
    command: [
      ...[process.execPath, ...flags, program, "controller"],
      ...[`--kubeconfig=${access.kubeconfig}`, `--namespace=${NAMESPACE}`],
      ...[`--listen=127.0.0.1:${port}`, `--admin=${socketPath}`, `--lease-duration=${LEASE_SECONDS}s`],
      ...(webhook ? [`--webhook-address=127.0.0.1:${webhookPort}`] : ["--webhook-mode=disabled"]),
      ...args,
    ],
    environment: { ...environment, POD_NAME: identity, ...(clock === undefined ? {} : otherTime(clock)) },
    log,
    isReady: () =>
      read({ port }, "/readyz").then(
        ({ status }) => status === 200,
        () => false,
      ),
    readyWithinMs: 30_000,
  });
  plane.own(server);
  const admin = async (path: string): Promise<unknown> => {
    const { status, text } = await read({ socketPath }, path);
    if (status !== 200) throw new Error(`${identity} ${path}: ${status} ${text}`);
    return JSON.parse(text);
  };
  return {
    ...server,
    identity,
    webhookPort,
    page: (path) => read({ port }, path),
    status: async () => (await admin("/v1/status")) as ControllerStatus,
    explain: (service) => admin(`/v1/explain?service=${encodeURIComponent(service)}`),
    log: () => (existsSync(log) ? readFileSync(log, "utf8") : ""),
  };
};

/** Resolves with the one that leads. */
export const leaderOf = (controllers: readonly Controller[], withinMs = 20_000): Promise<Controller> =>
  eventually("a leader", withinMs, async () => {
    for (const controller of controllers) {
      const status = await controller.status().catch(() => undefined);
      if (status?.leadership.state === "leading") return controller;
    }
    return undefined;
  });

/** Writes by our account, without those that keep the lease. */
export const writesSince = (plane: ControlPlane, { user }: Access, mark: number): readonly AuditEntry[] =>
  plane
    .audit()
    .slice(mark)
    .filter((entry) => entry.user === user && isWrite(entry) && entry.resource !== "leases");

/** A pool as it is applied. */
export const pool = (
  name: string,
  addresses: readonly string[],
  spec: Readonly<Record<string, unknown>> = {},
): string =>
  JSON.stringify({
    apiVersion: "metallb.io/v1beta1",
    kind: "IPAddressPool",
    metadata: { name, namespace: NAMESPACE },
    spec: { addresses, ...spec },
  });
