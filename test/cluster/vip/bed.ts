/**
 * Three control-plane hosts in a lab: a real kube-apiserver on each, one real etcd, and a client that uses their common address.
 *
 *     const bed = await openMasters();
 *     await bed.master("m1").apiServer.stop("SIGKILL");
 *
 * `plan.ts` says where everything is. Nobody has the common address yet: that is for `steelyard vip` (`vip.ts`), or another program.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Lab, type LabHostHandle, openLab } from "#lab/index";
import { programCommand } from "#lab/programs";
import { type ApiServer, openApiServer } from "../api-server.ts";
import { findAssets } from "../assets.ts";
import { type Authority, openAuthority, writeSigningKey } from "../certificates.ts";
import { type Etcd, openEtcd } from "../etcd.ts";
import { openFolder } from "../folders.ts";
import { openLabServer } from "../lab/program.ts";
import {
  API_PORT,
  ETCD_ADDRESS,
  innerAddress,
  lanAddress,
  MASTERS,
  type MasterName,
  planMasters,
  servedAddresses,
} from "./plan.ts";

const ETCD_PORTS = { client: 2379, peer: 2380 };
/** Of the doors through which API servers reach etcd. */
const doorPort = (name: MasterName): number => 2_400 + MASTERS.indexOf(name);
const DOOR = join(import.meta.dirname, "programs/door.ts");

export type Master = {
  readonly name: MasterName;
  readonly host: LabHostHandle;
  readonly apiServer: ApiServer;
  /** Every byte between this API server and etcd takes so many milliseconds from now on, in each direction. */
  slowStore(milliseconds: number): Promise<void>;
  /** The cable to the LAN is pulled, or plugged in again; etcd stays within reach. */
  linkDown(): Promise<void>;
  linkUp(): Promise<void>;
};

export type Masters = {
  readonly lab: Lab;
  readonly folder: string;
  readonly authority: Authority;
  readonly etcd: Etcd;
  readonly client: LabHostHandle;
  readonly all: readonly Master[];
  master(name: MasterName): Master;
  /** Starts what does not run: etcd, then one API server after the other. */
  start(): Promise<void>;
  /** What all servers said last. */
  lastWords(): string;
  close(): Promise<void>;
};

type Door = (order: string) => Promise<void>;

/** Starts the doors; the returned function has an order for one of them carried out. */
const startDoors = async (host: LabHostHandle): Promise<Door> => {
  const ports = MASTERS.map((name) => String(doorPort(name)));
  const program = await host.spawn([process.execPath, DOOR, String(ETCD_PORTS.client), ...ports]);
  await program.said(/^ready$/m, 60_000);
  let orders = 0;
  return async (order) => {
    orders += 1;
    await program.write(`${order}\n`);
    await program.said(new RegExp(`(?:^done\\n[^]*?){${orders}}`, "m"));
  };
};

const openMaster = async (
  lab: Lab,
  name: MasterName,
  context: {
    readonly assets: string;
    readonly folder: string;
    readonly authority: Authority;
    readonly signingKey: string;
    readonly door: Door;
    readonly flags: readonly string[];
  },
): Promise<Master> => {
  const { assets, authority, signingKey, door, flags } = context;
  const host = lab.host(name);
  const folder = join(context.folder, name);
  mkdirSync(folder);
  const apiServer = await openApiServer({
    ...{ program: join(assets, "kube-apiserver"), folder, authority, signingKey, name },
    ...{ address: lanAddress(name), furtherAddresses: servedAddresses(name), port: API_PORT },
    etcd: `${ETCD_ADDRESS}:${doorPort(name)}`,
    ...{ families: "ipv4+ipv6", flags, environment: {} },
    open: (server) => openLabServer(host, server),
    socketPath: join(context.folder, `${name}.sock`),
  });
  const plug = async (state: "up" | "down"): Promise<void> =>
    void (await lab.host("sw").expect(["ip", "link", "set", "dev", name, state]));
  return {
    ...{ name, host, apiServer },
    slowStore: (milliseconds) => door(`${MASTERS.indexOf(name)} delay ${milliseconds}`),
    linkDown: () => plug("down"),
    linkUp: () => plug("up"),
  };
};

/** Starts the way by which this process reaches all servers. */
const startRelay = async (host: LabHostHandle, folder: string): Promise<void> => {
  const relay = await host.spawn(
    programCommand(
      "relay",
      ...MASTERS.map((name) => `${join(folder, `${name}.sock`)}=${innerAddress(name)}:${API_PORT}`),
      `${join(folder, "etcd.sock")}=127.0.0.1:${ETCD_PORTS.client}`,
    ),
  );
  await relay.said(/^ready$/m, 60_000);
};

/** Builds it all; nothing of Kubernetes runs yet. `flags` are further ones of all API servers. */
export const openMasters = async (flags: readonly string[] = []): Promise<Masters> => {
  const assets = findAssets(["etcd", "kube-apiserver"]);
  const home = openFolder();
  const folder = home.path;
  const lab = await openLab(planMasters());
  const opened: Master[] = [];
  const close = async (): Promise<void> => {
    for (const { apiServer } of opened) apiServer.admin.close();
    await lab.close();
    home.remove();
  };
  try {
    const store = lab.host("et");
    const [authority, door] = await Promise.all([
      openAuthority(folder),
      startDoors(store),
      startRelay(store, folder),
    ]);
    const etcd = openEtcd({
      ...{ program: join(assets, "etcd"), folder, ports: ETCD_PORTS },
      ...{ open: (server) => openLabServer(store, server), socketPath: join(folder, "etcd.sock") },
    });
    const signingKey = writeSigningKey(folder);
    for (const name of MASTERS)
      opened.push(await openMaster(lab, name, { assets, folder, authority, signingKey, door, flags }));
    const master = (name: MasterName): Master => {
      const found = opened.find((each) => each.name === name);
      if (found === undefined) throw new Error(`there is no ${name}`);
      return found;
    };
    return {
      ...{ lab, folder, authority, etcd, all: opened, master, close },
      client: lab.host("cl"),
      start: async () => {
        if (etcd.pid() === undefined) await etcd.start();
        // One after the other: each takes all the processor that there is while it starts.
        for (const { apiServer } of opened) if (apiServer.pid() === undefined) await apiServer.start();
      },
      lastWords: () =>
        [
          `etcd:\n${etcd.lastWords(10)}`,
          ...opened.map(({ name, apiServer }) => `API server of ${name}:\n${apiServer.lastWords(10)}`),
        ].join("\n"),
    };
  } catch (error) {
    await close();
    throw error;
  }
};
