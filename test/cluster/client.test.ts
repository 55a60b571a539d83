/** Our client against the real API server: what every cluster does, and what becomes of a mirror when the server goes away. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { parse, stringify } from "yaml";
import { openCluster } from "#drivers/kubernetes/cluster";
import { clusterContract } from "#drivers/kubernetes/contract";
import { findCredentials } from "#drivers/kubernetes/in-cluster";
import type { ClusterPort, Failure, Resource, Watch } from "#drivers/kubernetes/port";
import { type Access, createNamespace, type Grant, type Identity } from "./access.ts";
import type { KubeObject } from "./api.ts";
import { type ControlPlane, sharedControlPlane, startControlPlane } from "./bed.ts";
import { type Door, openDoor } from "./door.ts";
import { eventually } from "./eventually.ts";

const CONFIG_MAPS: Resource = { group: "", version: "v1", plural: "configmaps", namespaced: true };
const VERBS = ["get", "list", "watch", "create", "update", "patch", "delete"];

const account = (name: string): Identity => ({ type: "service-account", namespace: "clients", name });

const rightsIn = (namespace: string): readonly Grant[] => [
  {
    namespace,
    rules: [{ apiGroups: [""], resources: ["configmaps", "services", "services/status"], verbs: VERBS }],
  },
];

/** Our client as it finds its way by a kubeconfig. */
const openClient = (kubeconfig: string): ClusterPort => {
  const credentials = findCredentials({ kubeconfig });
  assert.ok(credentials.ok, JSON.stringify(credentials));
  return openCluster(credentials.value);
};

/** As much as the contract asks for, of a server that tells one client in fifty to go and connect again. */
const openContractBed = (identity: Identity) => async () => {
  const plane = await startControlPlane({ flags: ["--goaway-chance=0.02"] });
  const access = await plane.access(identity, rightsIn("contract"));
  const cluster = openClient(access.kubeconfig);
  const close = async (): Promise<void> => {
    cluster.close();
    access.api.close();
    await plane.close();
  };
  return { cluster, namespace: "contract", close };
};

clusterContract(
  "kube-apiserver, by a client certificate",
  openContractBed({ type: "user", name: "jane", groups: ["dev"] }),
);
clusterContract("kube-apiserver, by a service account's token", openContractBed(account("contract")));

const inCluster = sharedControlPlane({ flags: ["--goaway-chance=0.02"] });

type Kept = { readonly name: string; readonly value: string };

type Told = {
  readonly watch: Watch<Kept>;
  /** `name=value` and `-name`, in the order in which they were told. */
  readonly changes: string[];
  readonly troubles: ({ readonly failure: Failure; readonly again: number } | undefined)[];
  /** The mirror as an object. */
  held(): Readonly<Record<string, string>>;
};

/** Watches the config maps of a namespace and writes down what it is told. */
const follow = (cluster: ClusterPort, namespace: string): Told => {
  const changes: string[] = [];
  const troubles: Told["troubles"] = [];
  const watch = cluster.watch<Kept>(
    {
      resource: CONFIG_MAPS,
      namespace,
      project: (object) => {
        const { metadata, data } = object as KubeObject & { readonly data?: { readonly value?: string } };
        return { name: metadata.name, value: data?.value ?? "" };
      },
      keyOf: ({ name }) => `${namespace}/${name}`,
      isSame: (left, right) => left.value === right.value,
    },
    {
      changed: ({ name, value }) => changes.push(`${name}=${value}`),
      removed: ({ name }) => changes.push(`-${name}`),
      synced: () => {},
      trouble: (trouble) => troubles.push(trouble),
    },
  );
  return {
    watch,
    changes,
    troubles,
    held: () => Object.fromEntries([...watch.items.values()].map(({ name, value }) => [name, value])),
  };
};

const maps = (namespace: string): string => `/api/v1/namespaces/${namespace}/configmaps`;

const put = (plane: ControlPlane, namespace: string, name: string, value: string): Promise<unknown> =>
  plane.admin.create(maps(namespace), {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name },
    data: { value },
  });

let clients = 0;

/** A test with a client of its own and a namespace in which it follows three config maps. */
const withMirror = (
  test: (scene: {
    readonly plane: ControlPlane;
    readonly cluster: ClusterPort;
    readonly access: Access;
    /** What lies between the client and the API server. */
    readonly door: Door;
    readonly namespace: string;
    readonly told: Told;
  }) => Promise<void>,
): ReturnType<typeof inCluster> =>
  inCluster(async (plane, context) => {
    clients += 1;
    const namespace = `mirror-${clients}`;
    await createNamespace(plane.admin, namespace);
    const access = await plane.access(account(namespace), rightsIn(namespace));
    const door = await openDoor(Number(new URL(plane.url).port));
    const text = readFileSync(access.kubeconfig, "utf8");
    writeFileSync(access.kubeconfig, text.replace(plane.url, `https://127.0.0.1:${door.port}`));
    const cluster = openClient(access.kubeconfig);
    context.after(async () => {
      cluster.close();
      access.api.close();
      await door.close();
    });
    for (const name of ["a", "b", "c"]) await put(plane, namespace, name, "1");
    const told = follow(cluster, namespace);
    await eventually("a mirror", 10_000, () => (told.watch.isSynced ? true : undefined));
    assert.deepEqual(told.held(), { a: "1", b: "1", c: "1" });
    told.changes.length = 0;
    try {
      await test({ plane, cluster, access, door, namespace, told });
    } catch (error) {
      for (const trouble of told.troubles) context.diagnostic(JSON.stringify(trouble) ?? "no trouble");
      const mine = plane.audit().filter(({ user }) => user === access.user);
      for (const { at, verb, path, code } of mine)
        context.diagnostic(`${new Date(at).toISOString()} ${verb} ${path} ${code}`);
      throw error;
    }
  });

const change = ({ admin }: ControlPlane, namespace: string, name: string, value: string): Promise<unknown> =>
  admin.patch(`${maps(namespace)}/${name}`, { data: { value } });

/** The paths by which somebody asked for everything that there is. */
const listsBy = (plane: ControlPlane, { user }: Access, mark: number): readonly string[] =>
  plane
    .audit()
    .slice(mark)
    .filter((entry) => entry.user === user && (entry.verb === "list" || isWholeWatch(entry.path)))
    .map(({ path }) => path);

/** Whether a watch begins with what there is: with the list of it in its stream, or at no version in particular. */
const isWholeWatch = (path: string): boolean => path.includes("sendInitialEvents=true");

/** Resolves once the mirror is this. */
const mirrors = (told: Told, held: Readonly<Record<string, string>>, withinMs = 40_000): Promise<unknown> =>
  eventually(`a mirror of ${JSON.stringify(held)}`, withinMs, () => {
    const seen = Object.entries(told.held()).sort();
    return JSON.stringify(seen) === JSON.stringify(Object.entries(held).sort()) ? true : undefined;
  });

describe("a mirror of a real API server", () => {
  it(
    "goes on where it was after the server was killed, told of nothing twice",
    withMirror(async ({ plane, namespace, told }) => {
      await plane.apiServer.stop("SIGKILL");
      await pause(1_000);
      await plane.apiServer.start();
      await change(plane, namespace, "b", "2");
      await mirrors(told, { a: "1", b: "2", c: "1" });
      assert.deepEqual(told.changes, ["b=2"]);
      assert.ok(told.troubles.length > 0);
      assert.equal(told.troubles.at(-1), undefined, "trouble that has not ended");
    }),
  );

  it(
    "goes on after the server ended in good order",
    withMirror(async ({ plane, namespace, told }) => {
      await plane.apiServer.stop("SIGTERM");
      await plane.apiServer.start();
      await plane.admin.delete(`${maps(namespace)}/a`);
      await put(plane, namespace, "d", "4");
      await mirrors(told, { b: "1", c: "1", d: "4" });
      assert.deepEqual([...told.changes].sort(), ["-a", "d=4"]);
    }),
  );

  it(
    "goes on where it was after its connections were cut, without a new list",
    withMirror(async ({ plane, access, door, namespace, told }) => {
      const mark = plane.audit().length;
      door.shut();
      await change(plane, namespace, "b", "2");
      await pause(500);
      door.open();
      await mirrors(told, { a: "1", b: "2", c: "1" });
      assert.deepEqual(told.changes, ["b=2"]);
      assert.deepEqual(listsBy(plane, access, mark), []);
    }),
  );

  it(
    "is mended by a new list when the history that it missed is gone",
    withMirror(async ({ plane, access, door, namespace, told }) => {
      const mark = plane.audit().length;
      door.shut();
      await plane.admin.delete(`${maps(namespace)}/a`);
      await change(plane, namespace, "b", "2");
      await plane.etcd.compact();
      // A server that has just started remembers nothing by itself.
      await plane.apiServer.stop("SIGKILL");
      await plane.apiServer.start();
      door.open();
      await mirrors(told, { b: "2", c: "1" });
      assert.deepEqual([...told.changes].sort(), ["-a", "b=2"]);
      assert.equal(listsBy(plane, access, mark).length, 1);
    }),
  );

  it(
    "notices that a server stands still although its connections are open, and goes on when it wakes up",
    withMirror(async ({ plane, namespace, told }) => {
      plane.apiServer.freeze();
      try {
        await eventually("trouble", 30_000, () => told.troubles.find((trouble) => trouble !== undefined));
      } finally {
        plane.apiServer.thaw();
      }
      await eventually("an answer", 20_000, () =>
        change(plane, namespace, "c", "3").then(
          () => true,
          () => undefined,
        ),
      );
      await mirrors(told, { a: "1", b: "1", c: "3" });
      assert.deepEqual(told.changes, ["c=3"]);
    }),
  );

  it(
    "outlives an etcd that stands still, and writes come to an end either way",
    withMirror(async ({ plane, cluster, namespace, told }) => {
      plane.etcd.freeze();
      const writes = ["a", "b", "c"].map((name) =>
        cluster.write(
          { resource: CONFIG_MAPS, namespace, name },
          { verb: "patch", type: "merge", body: { data: { value: "9" } } },
        ),
      );
      await pause(4_000);
      plane.etcd.thaw();
      const answers = await Promise.all(writes);
      for (const answer of answers)
        if (!answer.ok) assert.match(answer.failure.reason, /server-error|unreachable/);
      for (const name of ["a", "b", "c"]) {
        await eventually(`a write of ${name}`, 20_000, () =>
          change(plane, namespace, name, "10").then(
            () => true,
            () => undefined,
          ),
        );
      }
      await mirrors(told, { a: "10", b: "10", c: "10" });
    }),
  );

  it(
    "is not listed again when the door to etcd was shut for a moment",
    withMirror(async ({ plane, access, namespace, told }) => {
      const mark = plane.audit().length;
      plane.door.shut();
      await pause(500);
      plane.door.open();
      await eventually("a write", 20_000, () =>
        change(plane, namespace, "a", "5").then(
          () => true,
          () => undefined,
        ),
      );
      await mirrors(told, { a: "5", b: "1", c: "1" });
      assert.deepEqual(listsBy(plane, access, mark), []);
    }),
  );

  it(
    "loses no write although the server sends the connection away again and again",
    withMirror(async ({ cluster, namespace, told }) => {
      const target = { resource: CONFIG_MAPS, namespace, name: "a" };
      for (let round = 0; round < 10; round += 1) {
        const answers = await Promise.all(
          Array.from({ length: 50 }, (_, index) =>
            cluster.write(target, {
              verb: "patch",
              type: "merge",
              body: {
                data: { value: `${round * 50 + index}` },
                metadata: { annotations: { round: `${round}` } },
              },
            }),
          ),
        );
        for (const answer of answers) assert.ok(answer.ok, JSON.stringify(answer));
      }
      const { ok } = await cluster.write(target, {
        verb: "patch",
        type: "merge",
        body: { data: { value: "end" } },
      });
      assert.ok(ok);
      await mirrors(told, { a: "end", b: "1", c: "1" });
    }),
  );
});

type Kubeconfig = {
  readonly users: readonly [{ readonly name: string; readonly user: { readonly token: string } }];
};

/** A kubeconfig of a token turned into one that names the file of the token; and the token. */
const namingTokenFile = (
  kubeconfig: string,
  tokenFile: string,
): { readonly text: string; readonly token: string } => {
  const config: Kubeconfig = parse(readFileSync(kubeconfig, "utf8"));
  const [{ name, user }] = config.users;
  return { text: stringify({ ...config, users: [{ name, user: { tokenFile } }] }), token: user.token };
};

describe("credentials at a real API server", () => {
  it(
    "are read again when they are refused",
    inCluster(async (plane, context) => {
      const { kubeconfig, api } = await plane.access(account("rotated"), rightsIn("rotated"));
      const tokenFile = join(plane.folder, "rotated.token");
      const { text, token } = namingTokenFile(kubeconfig, tokenFile);
      const rotated = join(plane.folder, "rotated.kubeconfig");
      writeFileSync(rotated, text);
      writeFileSync(tokenFile, "expired");
      const cluster = openClient(rotated);
      context.after(() => {
        cluster.close();
        api.close();
      });
      const read = () => cluster.read({ resource: CONFIG_MAPS, namespace: "rotated" });
      const before = await read();
      assert.equal(!before.ok && before.failure.reason, "unauthorized");
      writeFileSync(tokenFile, token);
      assert.ok((await read()).ok);
    }),
  );

  it(
    "without rights are forbidden, and the message says what for",
    inCluster(async (plane, context) => {
      const { kubeconfig, api } = await plane.access(account("powerless"), []);
      const cluster = openClient(kubeconfig);
      context.after(() => {
        cluster.close();
        api.close();
      });
      const answer = await cluster.read({ resource: CONFIG_MAPS, namespace: "default" });
      assert.ok(!answer.ok);
      assert.deepEqual([answer.failure.reason, answer.failure.status], ["forbidden", 403]);
      assert.match(answer.failure.message, /configmaps/);
    }),
  );
});
