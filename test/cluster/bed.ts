/**
 * A real control plane for tests: etcd and kube-apiserver on loopback, with a folder of their own, gone with the test.
 *
 *     const inCluster = sharedControlPlane({ families: "ipv4+ipv6" });
 *     it("...", inCluster(async (plane) => { await plane.apply(manifest); ... }));
 *
 * There is no controller manager and no node: nobody else writes, namespaces that are deleted stay in `Terminating`, and
 * Services have no endpoints unless a test makes some. What both servers said is shown when a test fails.
 */
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, type TestContext } from "node:test";
import { type Access, type Grant, type Identity, openAccess } from "./access.ts";
import type { Api, KubeObject } from "./api.ts";
import { type ApiServer, type Families, openApiServer } from "./api-server.ts";
import { findAssets } from "./assets.ts";
import { type AuditEntry, readAudit } from "./audit.ts";
import { type Authority, openAuthority } from "./certificates.ts";
import { type Door, openDoor } from "./door.ts";
import { type Etcd, openEtcd } from "./etcd.ts";
import { openFolder } from "./folders.ts";
import { applyManifest } from "./manifest.ts";
import { openWebhookWay, type WebhookWay } from "./webhook-way.ts";

export type ControlPlaneOptions = {
  /** Default `ipv4`. */
  readonly families?: Families;
  /** Further flags of kube-apiserver. */
  readonly flags?: readonly string[];
  /** Path of another etcd than the one that belongs to the release. */
  readonly etcd?: string;
};

export type ControlPlane = {
  /** How webhooks are reached: nowhere at first. */
  readonly webhookWay: WebhookWay;
  readonly url: string;
  readonly folder: string;
  /** Who has signed the certificates; files of `folder`. */
  readonly authority: Authority;
  /** A client that may do everything. */
  readonly admin: Api;
  /** Stopped and started again it has the same port, certificates and data. */
  readonly apiServer: ApiServer;
  readonly etcd: Etcd;
  /** What lies between the two. */
  readonly door: Door;
  /** Applies every document of a YAML text. */
  apply(manifest: string): Promise<readonly KubeObject[]>;
  /** Makes a user with exactly these rights. */
  access(identity: Identity, grants: readonly Grant[]): Promise<Access>;
  /** Every request so far except the API server's own, oldest first. */
  audit(): readonly AuditEntry[];
  /** What both servers said last. */
  lastWords(): string;
  /** Ends a program with the control plane. */
  own(program: { stop(signal: "SIGKILL"): Promise<void> }): void;
  close(): Promise<void>;
};

/** Below the ports from which outgoing connections are made, so that none of these takes one in between. */
const FIRST_PORT = 20_000;
const LAST_PORT = 32_000;

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => server.close(() => resolve(true)));
  });

/** A port of 127.0.0.1 on which nobody listens. */
export const freePort = async (): Promise<number> => {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT));
    if (await isFree(port)) return port;
  }
};

/** Starts a control plane; ready after three to four seconds. */
export const startControlPlane = async (options: ControlPlaneOptions = {}): Promise<ControlPlane> => {
  const assets = findAssets(["etcd", "kube-apiserver"]);
  const home = openFolder();
  const folder = home.path;
  const [client, peer, port] = [await freePort(), await freePort(), await freePort()];
  const etcd = openEtcd({ program: options.etcd ?? join(assets, "etcd"), folder, ports: { client, peer } });
  const [door, webhookWay] = [await openDoor(client), await openWebhookWay()];
  let apiServer: ApiServer | undefined;
  const owned: { stop(signal: "SIGKILL"): Promise<void> }[] = [];
  const close = async (): Promise<void> => {
    apiServer?.admin.close();
    await Promise.all(owned.map((program) => program.stop("SIGKILL")));
    await Promise.all([apiServer?.stop("SIGKILL"), etcd.stop("SIGKILL"), door.close(), webhookWay.close()]);
    home.remove();
  };
  try {
    const [authority] = await Promise.all([openAuthority(folder), etcd.start()]);
    const server = await openApiServer({
      program: join(assets, "kube-apiserver"),
      folder,
      port,
      etcd: `127.0.0.1:${door.port}`,
      families: options.families ?? "ipv4",
      flags: options.flags ?? [],
      authority,
      environment: webhookWay.environment,
    });
    apiServer = server;
    await server.start();
    const { url, admin } = server;
    return {
      url,
      folder,
      authority,
      admin,
      apiServer: server,
      etcd,
      door,
      webhookWay,
      apply: (manifest) => applyManifest(admin, manifest),
      access: (identity, grants) => openAccess({ folder, url, authority, admin }, identity, grants),
      audit: () => readAudit(server.auditLog),
      lastWords: () => `etcd:\n${etcd.lastWords(20)}\nkube-apiserver:\n${server.lastWords(40)}`,
      own: (program) => void owned.push(program),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
};

/** A test in the control plane that it is given. */
export type ClusterTest = (plane: ControlPlane, context: TestContext) => Promise<void>;

/** One control plane for all tests of a file or suite; gives what makes a function a test in it. */
export const sharedControlPlane = (
  options: ControlPlaneOptions = {},
): ((test: ClusterTest) => (context: TestContext) => Promise<void>) => {
  let plane: ControlPlane | undefined;
  before(async () => {
    plane = await startControlPlane(options);
  });
  after(() => plane?.close());
  return (test) => async (context) => {
    if (plane === undefined) throw new Error("there is no control plane");
    try {
      await test(plane, context);
    } catch (error) {
      context.diagnostic(plane.lastWords());
      throw error;
    }
  };
};
