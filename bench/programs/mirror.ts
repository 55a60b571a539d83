/**
 * What a mirror of many Services weighs and how long it holds up the event loop: an API server in another process, over
 * real TLS and HTTP/2, and a mirror in this one, which keeps what the controller keeps.
 *
 * `node --max-semi-space-size=2 --expose-gc bench/programs/mirror.ts [OBJECTS] [stream|pages]` prints one line of JSON.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createSecureServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { createHistogram } from "node:perf_hooks";
import { openCluster } from "#drivers/kubernetes/cluster";

const SERVICES = { group: "", version: "v1", plural: "services", namespaced: true };
const PAGE = 500;

const pem = (name: string): string =>
  readFileSync(new URL(`../../src/drivers/kubernetes/testdata/${name}.pem`, import.meta.url), "utf8");

/** A Service as an API server has it after MetalLB and kubectl: about 1.7 kB. */
const service = (index: number, version: number) => ({
  metadata: {
    name: `shop-${index}`,
    namespace: `team-${index % 50}`,
    uid: `3f0c7f0e-5b1d-4f60-9d54-${`${index}`.padStart(12, "0")}`,
    resourceVersion: `${version}`,
    creationTimestamp: "2026-11-30T04:00:00Z",
    labels: { app: `shop-${index % 200}`, tier: "frontend", "app.kubernetes.io/managed-by": "Helm" },
    annotations: {
      "metallb.io/ip-allocated-from-pool": "public",
      "kubectl.kubernetes.io/last-applied-configuration": JSON.stringify({
        apiVersion: "v1",
        kind: "Service",
        metadata: { annotations: {}, name: `shop-${index}`, namespace: `team-${index % 50}` },
        spec: { ports: [{ name: "http", port: 80, targetPort: 8080 }], selector: { app: `shop-${index}` } },
      }),
    },
    managedFields: ["kubectl-client-side-apply", "controller"].map((manager) => ({
      manager,
      operation: "Update",
      apiVersion: "v1",
      time: "2026-11-30T04:00:00Z",
      fieldsType: "FieldsV1",
      fieldsV1: {
        "f:metadata": {
          "f:annotations": { ".": {}, "f:kubectl.kubernetes.io/last-applied-configuration": {} },
        },
        "f:spec": { "f:ports": { ".": {}, 'k:{"port":80,"protocol":"TCP"}': { ".": {}, "f:port": {} } } },
      },
    })),
  },
  spec: {
    type: "LoadBalancer",
    clusterIP: `10.96.${index >> 8}.${index & 255}`,
    clusterIPs: [`10.96.${index >> 8}.${index & 255}`],
    ipFamilies: ["IPv4"],
    ipFamilyPolicy: "SingleStack",
    externalTrafficPolicy: "Cluster",
    internalTrafficPolicy: "Cluster",
    allocateLoadBalancerNodePorts: true,
    selector: { app: `shop-${index}` },
    sessionAffinity: "None",
    ports: [
      { name: "http", protocol: "TCP", port: 80, targetPort: 8080, nodePort: 30_000 + (index % 2_768) },
    ],
  },
  status: { loadBalancer: { ingress: [{ ip: `198.51.${index >> 8}.${index & 255}`, ipMode: "VIP" }] } },
});

const END = {
  type: "BOOKMARK",
  object: { metadata: { resourceVersion: "900000", annotations: { "k8s.io/initial-events-end": "true" } } },
};

/** Sends as fast as the other side takes. */
const sendAll = async (stream: ServerHttp2Stream, lines: Iterable<string>): Promise<void> => {
  for (const line of lines) if (!stream.write(line)) await once(stream, "drain");
};

const serve = (objects: number): void => {
  const server = createSecureServer({ key: pem("server-key"), cert: pem("server") });
  server.on("stream", (stream, headers) => {
    stream.on("error", () => undefined);
    const { searchParams: query } = new URL(String(headers[":path"]), "https://host");
    const isWatch = query.get("watch") === "true";
    if (isWatch && query.get("sendInitialEvents") === "true" && query.get("labelSelector") === "pages") {
      stream.respond({ ":status": 422 });
      stream.end("{}");
      return;
    }
    stream.respond({ ":status": 200 });
    if (!isWatch) {
      const start = Number(query.get("continue") ?? 0);
      const items = Array.from({ length: Math.min(PAGE, objects - start) }, (_, index) =>
        service(start + index, index + 1),
      );
      const more = start + PAGE < objects ? { continue: `${start + PAGE}` } : {};
      stream.end(JSON.stringify({ metadata: { resourceVersion: "900000", ...more }, items }));
      return;
    }
    const change = (type: string, round: number) =>
      Array.from(
        { length: objects },
        (_, index) => `${JSON.stringify({ type, object: service(index, round * objects + index + 1) })}\n`,
      );
    if (query.get("resourceVersion") !== null) return;
    void sendAll(stream, change("ADDED", 0)).then(() => stream.write(`${JSON.stringify(END)}\n`));
    process.on("message", () => void sendAll(stream, change("MODIFIED", 1)));
  });
  server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
};

type Fields = Readonly<Record<string, unknown>>;
const fields = (value: unknown): Fields => (typeof value === "object" && value !== null ? { ...value } : {});

/** What the controller keeps of a Service. */
const project = (object: unknown) => {
  const { metadata, spec, status } = fields(object);
  const { name, namespace, uid, resourceVersion, labels } = fields(metadata);
  const { type, clusterIPs, ipFamilies, ipFamilyPolicy, externalTrafficPolicy, selector, ports } =
    fields(spec);
  const { ingress } = fields(fields(status).loadBalancer);
  return {
    meta: { name: String(name), namespace: String(namespace), uid, resourceVersion, labels, annotations: {} },
    ...{ type, clusterIPs, ipFamilies, ipFamilyPolicy, externalTrafficPolicy, selector, ports, ingress },
  };
};

const rssMb = (): number => Math.round(process.memoryUsage.rss() / 2 ** 20);

/**
 * The longest turns of the event loop in milliseconds: by the clock, and by the processor time of this thread, which does not
 * count what other processes took meanwhile.
 */
const watchTurns = () => {
  const [turns, work] = [createHistogram(), createHistogram()];
  const cpu = (): number => {
    const { user, system } = process.threadCpuUsage();
    return user + system;
  };
  let [last, lastCpu, isOver] = [performance.now(), cpu(), false];
  const turn = (): void => {
    const [now, used] = [performance.now(), cpu()];
    turns.record(Math.max(1, Math.round((now - last) * 1_000)));
    work.record(Math.max(1, used - lastCpu));
    [last, lastCpu] = [now, used];
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  return () => {
    isOver = true;
    return {
      longestMs: turns.max / 1_000,
      longestCpuMs: work.max / 1_000,
      p99CpuMs: work.percentile(99) / 1_000,
    };
  };
};

const measure = async (objects: number, mode: string, server: ChildProcess): Promise<void> => {
  const [port] = await once(server, "message");
  const before = rssMb();
  const ended = watchTurns();
  const cluster = openCluster({
    server: `https://127.0.0.1:${port}`,
    namespace: "default",
    serverName: undefined,
    verify: true,
    authority: { type: "inline", pem: pem("authority") },
    certificate: undefined,
    user: { type: "certificate-only" },
  });
  const beganAt = performance.now();
  let [peak, changes] = [0, 0];
  let onChange = (): void => undefined;
  const watch = await new Promise<{ readonly items: ReadonlyMap<string, unknown> }>((resolve) => {
    const opened = cluster.watch(
      {
        resource: SERVICES,
        ...(mode === "pages" ? { labelSelector: "pages" } : {}),
        project,
        keyOf: ({ meta }) => `${meta.namespace}/${meta.name}`,
      },
      {
        changed: () => {
          changes += 1;
          if (changes % 500 === 0) peak = Math.max(peak, rssMb());
          onChange();
        },
        removed: () => undefined,
        synced: () => resolve(opened),
        trouble: (trouble) => {
          if (trouble !== undefined) console.error(trouble.failure);
        },
      },
    );
  });
  const syncMs = Math.round(performance.now() - beganAt);
  const turns = ended();
  const afterSync = rssMb();
  const heapMb = () => Math.round(process.memoryUsage().heapUsed / 2 ** 20);
  const endedChanges = watchTurns();
  if (mode !== "pages")
    await new Promise<void>((resolve) => {
      changes = 0;
      onChange = () => {
        if (changes === objects) resolve();
      };
      server.send("change");
    });
  const changeTurns = endedChanges();
  const afterChanges = rssMb();
  globalThis.gc?.();
  const report = {
    objects: watch.items.size,
    mode,
    syncMs,
    turns,
    turnsOfChanges: mode === "pages" ? undefined : changeTurns,
    rssMb: { before, peak, afterSync, afterChanges, afterGc: rssMb() },
    heapMbAfterGc: heapMb(),
  };
  console.log(JSON.stringify(report));
  cluster.close();
  server.kill();
};

const [objects = "10000", mode = "stream"] = process.argv.slice(2);
if (mode === "serve") serve(Number(objects));
else {
  const server = fork(import.meta.filename, [objects, "serve"], { execArgv: [] });
  await measure(Number(objects), mode, server);
}
