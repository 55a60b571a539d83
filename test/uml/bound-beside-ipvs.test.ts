/**
 * Addresses that a speaker binds beside the real kube-proxy in IPVS mode, without what strictARP sets and with it: who answers ARP, and whether anybody is
 * served. Runs inside user-mode Linux, whose kernel has IPVS and ipset. kube-proxy reads an API server at which nothing changes.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { before, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { startServers } from "#lab/probe/start";
import { standardTopology } from "#lab/topology";
import {
  ADDRESSES,
  eventually,
  inSpeakerBed,
  macOf,
  type SpeakerBed,
  type SpeakerHost,
} from "#test/kernel/speaker-bed";

const MAIN = join(import.meta.dirname, "../../dist/main.js");
const SERVER = join(import.meta.dirname, "still-api-server.ts");
const PROXY = join(process.env.KUBEBUILDER_ASSETS ?? "", "kube-proxy");

const [FOUR, SIX] = ADDRESSES;
const POD = { IPv4: "10.2.0.21", IPv6: "fd02::21" };
const PORTS = [{ name: "web", port: 80, protocol: "TCP" }];

const KUBECONFIG = JSON.stringify({
  ...{ apiVersion: "v1", kind: "Config", "current-context": "lab" },
  clusters: [{ name: "lab", cluster: { server: "http://127.0.0.1:8001" } }],
  users: [{ name: "lab", user: { token: "none" } }],
  contexts: [{ name: "lab", context: { cluster: "lab", user: "lab" } }],
});

const sliceOf = (family: "IPv4" | "IPv6"): object => ({
  kind: "EndpointSlice",
  metadata: {
    ...{ name: `web-${family.toLowerCase()}`, namespace: "default" },
    labels: { "kubernetes.io/service-name": "web" },
  },
  ...{ addressType: family, ports: PORTS },
  endpoints: [{ addresses: [POD[family]], conditions: { ready: true, serving: true, terminating: false } }],
});

/** Of a cluster whose one Service has the addresses. */
const COLLECTIONS = {
  "/api/v1/nodes": ["e1", "e2"].map((name, index) => ({
    kind: "Node",
    metadata: { name },
    spec: {},
    status: {
      addresses: [
        { type: "InternalIP", address: `10.2.0.1${index + 1}` },
        { type: "InternalIP", address: `fd02::1${index + 1}` },
      ],
    },
  })),
  "/api/v1/services": [
    {
      kind: "Service",
      metadata: { name: "web", namespace: "default" },
      spec: {
        ...{
          type: "LoadBalancer",
          ports: PORTS.map((port) => ({ ...port, targetPort: 80, nodePort: 30080 })),
        },
        ...{ clusterIP: "10.96.0.7", clusterIPs: ["10.96.0.7", "fd00:96::7"] },
        ...{ ipFamilies: ["IPv4", "IPv6"], ipFamilyPolicy: "RequireDualStack" },
        ...{ externalTrafficPolicy: "Cluster", internalTrafficPolicy: "Cluster", sessionAffinity: "None" },
      },
      status: { loadBalancer: { ingress: ADDRESSES.map((ip) => ({ ip, ipMode: "VIP" })) } },
    },
  ],
  "/apis/discovery.k8s.io/v1/endpointslices": [sliceOf("IPv4"), sliceOf("IPv6")],
  "/apis/networking.k8s.io/v1/servicecidrs": [
    {
      kind: "ServiceCIDR",
      metadata: { name: "kubernetes" },
      spec: { cidrs: ["10.96.0.0/16", "fd00:96::/108"] },
    },
  ],
};

/** The program that kube-proxy calls, of those that Debian has, is the one that this kernel carries whole. */
const LEGACY = `
mkdir -p /run/legacy
for name in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
  ln -sf "/usr/sbin/$(echo "$name" | sed 's/tables/tables-legacy/')" "/run/legacy/$name"
done`;

/** What iptables and kube-proxy would load themselves, and cannot find, where modules lie elsewhere than they think. */
const MODULES = [
  ...["ip_tables", "iptable_nat", "iptable_filter", "iptable_mangle"],
  ...["ip6_tables", "ip6table_nat", "ip6table_filter", "ip6table_mangle"],
  ...["ip_vs", "ip_vs_rr", "ip_set", "dummy"],
];
before(() => void execFileSync("/run/modprobe", ["-a", ...MODULES]));

const startProxy = async ({ host, name }: SpeakerHost): Promise<void> => {
  const folder = `/run/proxy-${name}`;
  await host.expect(["sh", "-ec", `mkdir -p ${folder}; ${LEGACY}`]);
  await host.write(`${folder}/objects.json`, JSON.stringify(COLLECTIONS));
  await host.write(`${folder}/kubeconfig`, KUBECONFIG);
  const server = await host.spawn([process.execPath, SERVER, `${folder}/objects.json`]);
  await server.said(/serves/);
  const proxy = await host.spawn(
    [
      ...[PROXY, `--kubeconfig=${folder}/kubeconfig`, "--kube-api-content-type=application/json"],
      ...[
        "--proxy-mode=ipvs",
        "--ipvs-strict-arp=false",
        "--ipvs-sync-period=10s",
        "--ipvs-min-sync-period=0s",
      ],
      // Settings of the whole machine, which no network namespace has.
      ...[
        "--conntrack-max-per-core=0",
        "--conntrack-tcp-timeout-established=0s",
        "--conntrack-tcp-timeout-close-wait=0s",
      ],
      ...[`--hostname-override=${name}`, "--cluster-cidr=10.244.0.0/16,fd00:244::/32"],
    ],
    { env: { PATH: `/run/legacy:${process.env.PATH}` } },
  );
  try {
    for (const address of ADDRESSES)
      await eventually(`kube-ipvs0 of ${name} has ${address}`, async () =>
        (await linksWith({ host }, address)).includes("kube-ipvs0") ? true : undefined,
      );
  } catch (error) {
    throw new Error(proxy.stderr().split("\n").slice(-25).join("\n"), { cause: error });
  }
};

/** The interfaces of a node that have an address. */
const linksWith = async (
  { host }: Pick<SpeakerHost, "host">,
  address: string,
): Promise<readonly string[]> => {
  const links: readonly { ifname: string; addr_info?: readonly { local?: string }[] }[] = JSON.parse(
    await host.expect(["ip", "-j", "address", "show"]),
  );
  return links
    .filter(({ addr_info = [] }) => addr_info.some(({ local }) => local === address))
    .map(({ ifname }) => ifname)
    .sort();
};

const areOn = async (node: SpeakerHost, links: readonly string[]): Promise<void> => {
  for (const address of ADDRESSES)
    await eventually(`${address} on ${links.join(" and ")} of ${node.name}`, async () =>
      (await linksWith(node, address)).join() === links.join() ? true : undefined,
    );
};

/** Everybody who answers when the client asks who has the IPv4 address, by name. */
const answering = async ({ client }: SpeakerBed): Promise<readonly string[]> => {
  const tap = await client.spawn(["tcpdump", "-lnne", "-i", "eth0", "arp[6:2] = 2"]);
  await tap.said(/listening on/);
  await client.run(["ip", "neighbour", "flush", "to", FOUR]);
  await client.run(["bash", "-c", `echo > /dev/udp/${FOUR}/9`]);
  await pause(1_000);
  await tap.stop();
  const answers = tap
    .stdout()
    .split("\n")
    .filter((line) => line.includes(`Reply ${FOUR} is-at`));
  return (["e1", "e2"] as const).filter((name) =>
    answers.some((line) => line.includes(`is-at ${macOf(name)}`)),
  );
};

/** Both addresses are served, by the pod behind the Service. */
const isServed = async ({ client }: SpeakerBed): Promise<void> => {
  for (const address of ADDRESSES) {
    const url = address.includes(":") ? `http://[${address}]/` : `http://${address}/`;
    const { stdout, stderr, code } = await client.run(["curl", "-sS", "--max-time", "10", url]);
    assert.equal(code, 0, `${address}: ${stderr}`);
    assert.match(stdout, /n1/, address);
  }
};

/** What the doctor finds on a node, without a look at the cluster: kube-proxy itself says its mode, the kernel the rest. */
const examined = async ({ host, name }: SpeakerHost): Promise<readonly string[]> => {
  const { stdout, stderr } = await host.run([
    process.execPath,
    MAIN,
    "doctor",
    "--bound",
    "--json",
    `--node=${name}`,
  ]);
  assert.notEqual(stdout, "", stderr);
  const { findings }: { findings: readonly { code: string; subject: string }[] } = JSON.parse(stdout);
  return findings.map(({ code, subject }) => `${code} ${subject}`);
};

/** When kube-proxy has last put in order what it has in the kernel, in seconds. */
const lookedAt = async ({ host }: SpeakerHost): Promise<number> => {
  const text = await host.expect(["curl", "-s", "http://127.0.0.1:10249/metrics"]);
  return Number(/^kubeproxy_sync_proxy_rules_last_timestamp_seconds(?:\{[^}]*\})? (.*)$/m.exec(text)?.[1]);
};

/** Resolves when it has done that once more. */
const hasLooked = async (node: SpeakerHost): Promise<void> => {
  const before = await lookedAt(node);
  assert.ok(before > 0);
  await eventually("kube-proxy has looked", async () => ((await lookedAt(node)) > before ? true : undefined));
};

/** What strictARP has kube-proxy set. */
const STRICT_ARP = ["net.ipv4.conf.all.arp_ignore=1", "net.ipv4.conf.all.arp_announce=2"];

/** Whoever is asked: by ARP every node answers, which the doctor says on each. By Neighbour Discovery Linux answers where an address is. */
const isLax = async (bed: SpeakerBed): Promise<void> => {
  const { e1, e2 } = bed;
  await eventually("the holder of the IPv6 address", async () =>
    (await linksWith(e1, SIX)).includes("eth0") ? true : undefined,
  );
  assert.deepEqual(await answering(bed), ["e1", "e2"]);
  for (const node of [e1, e2]) assert.deepEqual(await examined(node), ["strict-arp kube-proxy"], node.name);
};

const isStrict = async (bed: SpeakerBed): Promise<void> => {
  const { e1, e2, believes } = bed;
  await believes("e1");
  assert.deepEqual(await answering(bed), ["e1"]);
  await isServed(bed);
  // It leaves the speaker its own, and takes off kube-ipvs0 what it finds elsewhere.
  await hasLooked(e1);
  await areOn(e1, ["eth0"]);
  await areOn(e2, ["kube-ipvs0"]);
  await isServed(bed);
  for (const node of [e1, e2]) assert.deepEqual(await examined(node), [], node.name);
};

it("every node answers until kernels keep to strictARP; then the holder does, whatever kube-proxy makes of it", (context) =>
  inSpeakerBed(
    context,
    async (bed) => {
      const { e1, e2, believes } = bed;
      await startServers(bed.lab.host("n1"));
      await Promise.all([e1, e2].map(startProxy));
      assert.deepEqual(await answering(bed), ["e1", "e2"], "before a speaker runs");
      const first = await e1.start("--bind");
      await e2.start("--bind");
      await isLax(bed);
      for (const { host } of [e1, e2]) await host.expect(["sysctl", "-qw", ...STRICT_ARP]);
      await isStrict(bed);

      await first.signal("SIGTERM");
      await first.exited;
      await believes("e2");
      assert.deepEqual(await answering(bed), ["e2"]);
      await isServed(bed);
      // The speaker takes off what is its own, and kube-proxy comes back to what it has missed.
      await areOn(e1, ["kube-ipvs0"]);
      await areOn(e2, ["eth0"]);
    },
    // The pod is on the third machine.
    standardTopology({ nodes: 1, client: "lan" }),
  ));
