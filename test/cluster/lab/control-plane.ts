/** etcd and kube-apiserver in a host of a lab; tests reach them through sockets, whatever the network does. */
import { join } from "node:path";
import type { Lab } from "#lab/index";
import { programCommand } from "#lab/programs";
import { openAccess } from "../access.ts";
import { type Families, openApiServer } from "../api-server.ts";
import { readAudit } from "../audit.ts";
import type { ControlPlane } from "../bed.ts";
import { openAuthority } from "../certificates.ts";
import { openEtcd } from "../etcd.ts";
import { applyManifest } from "../manifest.ts";
import type { OpenServer } from "../server-program.ts";
import { openLabServer } from "./program.ts";

const API_PORT = 6443;
const ETCD_PORTS = { client: 2379, peer: 2380 };

/** As a control plane outside of a lab; `url` is what nodes use. It ends with the lab. */
export type LabControlPlane = Pick<
  ControlPlane,
  "url" | "folder" | "admin" | "apiServer" | "etcd" | "apply" | "access" | "audit" | "lastWords"
>;

/** Starts both; ready after three to four seconds. */
export const startLabControlPlane = async (
  lab: Lab,
  options: {
    /** The folder that holds the programs. */
    readonly assets: string;
    readonly folder: string;
    /** The host. */
    readonly on: string;
    readonly address: string;
    readonly families: Families;
    readonly flags: readonly string[];
  },
): Promise<LabControlPlane> => {
  const { assets, folder, on, address, families, flags } = options;
  const cp = lab.host(on);
  const open: OpenServer = (server) => openLabServer(cp, server);
  const [apiSocket, etcdSocket] = [join(folder, "api.sock"), join(folder, "etcd.sock")];
  const ways = [`${apiSocket}=${address}:${API_PORT}`, `${etcdSocket}=127.0.0.1:${ETCD_PORTS.client}`];
  const relay = await cp.spawn(programCommand("relay", ...ways));
  const [authority] = await Promise.all([openAuthority(folder), relay.said(/^ready$/m)]);
  const etcd = openEtcd({
    ...{ program: join(assets, "etcd"), folder, ports: ETCD_PORTS },
    ...{ open, socketPath: etcdSocket },
  });
  await etcd.start();
  const apiServer = await openApiServer({
    ...{ program: join(assets, "kube-apiserver"), folder, authority, families, flags, environment: {} },
    ...{ address, port: API_PORT, etcd: `127.0.0.1:${ETCD_PORTS.client}` },
    ...{ open, socketPath: apiSocket },
  });
  await apiServer.start();
  const { url, admin } = apiServer;
  return {
    ...{ url, folder, admin, apiServer, etcd },
    apply: (manifest) => applyManifest(admin, manifest),
    access: (identity, grants) =>
      openAccess({ folder, url, authority, admin, socketPath: apiSocket }, identity, grants),
    audit: () => readAudit(apiServer.auditLog),
    lastWords: () => `etcd:\n${etcd.lastWords(10)}\nkube-apiserver:\n${apiServer.lastWords(20)}`,
  };
};
