import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { seconds, wallTime } from "#base/time";
import type { BgpPeerFacts } from "#core/speaker/bgp-facts";
import {
  BGP_STATUSES,
  CONFIGURATION_KINDS,
  CONFIGURATION_STATES,
  NODES,
  PODS,
  SECRETS,
} from "#runtime/cluster/resources";
import type { AgentToWire } from "../../messages.ts";
import { type AgentBed, createCluster } from "../test-bed.ts";

const NAMESPACE = "steelyard-system";

const put = (
  { cluster }: AgentBed,
  kind: string,
  name: string,
  spec: object,
  annotations: object = {},
): void => {
  const resource = CONFIGURATION_KINDS.get(kind) ?? assert.fail(kind);
  cluster.put(resource, { metadata: { name, namespace: NAMESPACE, annotations }, spec });
};

const peer = (bed: AgentBed, name: string, spec: object = {}, annotations: object = {}): void =>
  put(
    bed,
    "BGPPeer",
    name,
    { myASN: 64500, peerASN: 64501, peerAddress: "192.0.2.254", ...spec },
    annotations,
  );

const secret = ({ cluster }: AgentBed, password: string): void =>
  void cluster.put(SECRETS, {
    metadata: { name: "tor-password", namespace: NAMESPACE },
    type: "kubernetes.io/basic-auth",
    data: { password: Buffer.from(password).toString("base64") },
  });

/** A cluster with the Service `web`, all of whose addresses routers are to be told of, and one peer. */
const createBed = (): AgentBed => {
  const bed = createCluster({ web: ["192.0.2.100", "198.51.100.7"] });
  put(bed, "BGPAdvertisement", "all", {});
  peer(bed, "tor");
  return bed;
};

/** What the wire was told of peers last, and of routes in all. */
const told = (messages: readonly AgentToWire[]) => {
  const routes = new Map<string, string>();
  let peers: readonly string[] = [];
  for (const message of messages) {
    if (message.type === "bgp-peers") peers = message.peers.map(({ name }) => name);
    if (message.type !== "bgp-routes") continue;
    for (const { prefix, targets } of message.changed)
      routes.set(
        `${prefix.address}/${prefix.prefixLength}`,
        targets.flatMap((target) => target.peers).join(),
      );
    for (const { address, prefixLength } of message.removed)
      routes.set(`${address}/${prefixLength}`, "nobody");
  }
  return { peers, routes: Object.fromEntries(routes) };
};

const eventsIn = (messages: readonly AgentToWire[]) =>
  messages.flatMap((message) => (message.type === "event" ? [message.event] : []));

const FACTS: BgpPeerFacts = {
  ...{ name: "tor", address: "192.0.2.254", link: undefined, state: "established", since: wallTime(0) },
  session: {
    ...{ asn: 64501, routerId: "192.0.2.254", families: ["IPv4"], holdTime: 90, keepaliveTime: 30 },
    keepsRoutes: undefined,
  },
  ...{ wanted: 2, announced: 2, pending: 0, leftOut: [], bfd: undefined, failure: undefined },
  ...{ sent: {}, received: {}, ignoredRoutes: 0, ups: 1 },
};

describe("what an agent tells the wire of BGP", () => {
  it("is the peers of its node, its routes, and that this is all; and nothing of it twice", async () => {
    const bed = createBed();
    await bed.follow();
    const messages = bed.wire.take();
    assert.deepEqual(told(messages), {
      peers: ["tor"],
      routes: { "192.0.2.100/32": "tor", "198.51.100.7/32": "tor" },
    });
    const types = messages.map(({ type }) => type).filter((type) => type.startsWith("bgp-"));
    assert.deepEqual(types, ["bgp-peers", "bgp-stance", "bgp-routes", "bgp-complete"]);
    await bed.rest(seconds(60));
    assert.deepEqual(bed.wire.take(), []);
  });

  it("is what is different when a Service goes, a peer comes, or another node is meant", async () => {
    const bed = createBed();
    await bed.follow();
    bed.wire.take();
    bed.service("web", { ips: ["192.0.2.100"] });
    await bed.rest();
    assert.deepEqual(told(bed.wire.take()).routes, { "198.51.100.7/32": "nobody" });
    peer(bed, "second", { peerAddress: "192.0.2.253" });
    await bed.rest();
    const both = told(bed.wire.take());
    assert.deepEqual([both.peers, both.routes["192.0.2.100/32"]], [["second", "tor"], "second,tor"]);
    peer(bed, "tor", { nodeSelectors: [{ matchLabels: { rack: "b" } }] });
    await bed.rest();
    const one = told(bed.wire.take());
    assert.deepEqual([one.peers, one.routes["192.0.2.100/32"]], [["second"], "second"]);
  });

  it("waits for a Secret before it says anything of peers, and follows it without a restart", async () => {
    const bed = createBed();
    peer(bed, "tor", { passwordSecret: { name: "tor-password" } });
    secret(bed, "first");
    await bed.follow();
    const passwords = (messages: readonly AgentToWire[]) =>
      messages.flatMap((message) =>
        message.type === "bgp-peers" ? [message.peers.map(({ password }) => password).join()] : [],
      );
    assert.deepEqual(passwords(bed.wire.take()), ["first"]);
    secret(bed, "second");
    await bed.rest();
    assert.deepEqual(passwords(bed.wire.take()), ["second"]);
    bed.cluster.remove(SECRETS, `${NAMESPACE}/tor-password`);
    await bed.rest();
    const messages = bed.wire.take();
    assert.deepEqual(told(messages).peers, []);
    assert.deepEqual(eventsIn(messages), [
      {
        ...{ type: "bgp-refusal", peer: "tor", state: "begun", reason: "secret-absent" },
        detail: "names the Secret tor-password, which is not there",
      },
    ]);
    assert.ok(!JSON.stringify(eventsIn(messages)).includes("second"));
  });

  it("keeps the last valid peers where resources are refused, and holds up nothing on the link", async () => {
    const bed = createBed();
    const agent = await bed.follow();
    bed.wire.take();
    peer(bed, "second", { myASN: 0 });
    bed.service("more", { ips: ["192.0.2.101"] });
    await bed.rest();
    const messages = bed.wire.take();
    assert.deepEqual(told(messages).routes, { "192.0.2.101/32": "tor" });
    assert.ok(messages.some(({ type }) => type === "placements"));
    assert.deepEqual(
      eventsIn(messages).map(({ type }) => type),
      ["bgp-configuration-refused"],
    );
    assert.match(agent.status().bgp.refused.join(), /myASN/);
    assert.match(agent.metrics(), /^steelyard_bgp_config_stale 1$/m);
  });

  const stances = (messages: readonly AgentToWire[]) =>
    messages.flatMap((message) => (message.type === "bgp-stance" ? [message.node] : []));
  /** The pod of its speaker, which is replaced once it is being deleted. */
  const pod = (bed: AgentBed, isDeleted: boolean): void =>
    void bed.cluster.put(PODS, {
      metadata: {
        ...{ name: "speaker-node-a", namespace: NAMESPACE },
        labels: { "app.kubernetes.io/name": "steelyard", "app.kubernetes.io/component": "speaker" },
        ...(isDeleted ? { deletionTimestamp: "2026-11-30T00:00:00Z" } : {}),
      },
      ...{ spec: { nodeName: "node-a" }, status: { phase: "Running" } },
    });

  it("is that its node goes if it ends now, unless it is in a pod and that is being deleted", async () => {
    const bed = createBed();
    bed.cluster.remove(PODS, `${NAMESPACE}/speaker-node-a`);
    await bed.follow();
    assert.deepEqual(stances(bed.wire.take()), ["goes"]);
    pod(bed, false);
    await bed.rest();
    assert.deepEqual(stances(bed.wire.take()), []);
    pod(bed, true);
    await bed.rest();
    assert.deepEqual(stances(bed.wire.take()), ["stays"]);
  });

  it("is that its node is about to go, once it is cordoned, and that it stays", async () => {
    const bed = createBed();
    await bed.follow();
    pod(bed, true);
    await bed.rest();
    assert.deepEqual(stances(bed.wire.take()), ["goes", "stays"]);
    const cordon = (unschedulable: boolean) =>
      bed.cluster.put(NODES, {
        ...{ metadata: { name: "node-a" }, spec: { unschedulable } },
        status: {
          addresses: [{ type: "InternalIP", address: "192.0.2.1" }],
          conditions: [{ type: "Ready", status: "True" }],
        },
      });
    cordon(true);
    await bed.rest();
    const messages = bed.wire.take();
    assert.deepEqual(stances(messages), ["goes"]);
    const [route] = messages.flatMap((message) => (message.type === "bgp-routes" ? message.changed : []));
    assert.deepEqual(route?.targets[0]?.attributes.communities, [0xffff_0000]);
    cordon(false);
    await bed.rest();
    assert.deepEqual(stances(bed.wire.take()), ["stays"]);
  });

  it("divides what is told where a peer alone asks for the share of traffic", async () => {
    const bed = createBed();
    bed.service("web", { ips: ["192.0.2.100"], spec: { externalTrafficPolicy: "Local" } });
    peer(bed, "second", { peerAddress: "192.0.2.253" });
    await bed.follow();
    bed.wire.take();
    peer(bed, "second", { peerAddress: "192.0.2.253" }, { "steelyard.dev/link-bandwidth": "true" });
    await bed.rest();
    const [route] = bed.wire
      .take()
      .flatMap((message) => (message.type === "bgp-routes" ? message.changed : []))
      .slice(-1);
    assert.deepEqual(
      route?.targets.map(({ peers, attributes }) => [peers.join(), attributes.linkBandwidth]),
      [
        ["second", 125_000],
        ["tor", undefined],
      ],
    );
  });
});

describe("an agent beside MetalLB's speaker", () => {
  it("leaves it the sessions of its node, and takes them over when it is gone", async () => {
    const bed = createBed();
    const pod = (name: string, nodeName: string) =>
      bed.cluster.put(PODS, {
        metadata: { name, namespace: NAMESPACE, labels: { app: "metallb", component: "speaker" } },
        spec: { nodeName },
        status: { phase: "Running" },
      });
    pod("speaker-x1", "node-a");
    pod("speaker-x2", "node-b");
    const theirs = { node: "node-a", serviceName: "web", serviceNamespace: "shop", peers: ["tor"] };
    bed.cluster.put(BGP_STATUSES, { metadata: { name: "bgp-x1", namespace: NAMESPACE }, status: theirs });
    const agent = await bed.follow({ rules: "metallb" });
    assert.deepEqual(told(bed.wire.take()), { peers: [], routes: {} });
    assert.deepEqual(
      agent.status().bgp.refusedPeers.map(({ peer: name, reason }) => [name, reason]),
      [["tor", "metallb-speaker"]],
    );
    const names = () =>
      bed.cluster.store.list(BGP_STATUSES).map((object) => JSON.parse(JSON.stringify(object)).metadata.name);
    await bed.rest(seconds(10));
    assert.deepEqual(names(), ["bgp-x1"]);
    bed.cluster.remove(PODS, `${NAMESPACE}/speaker-x1`);
    await bed.rest(seconds(10));
    assert.deepEqual(names().length, 1);
    assert.notEqual(names()[0], "bgp-x1");
    const { peers, routes } = told(bed.wire.take());
    assert.deepEqual([peers, routes["192.0.2.100/32"]], [["tor"], "tor"]);
    assert.deepEqual(agent.status().bgp.refusedPeers, []);
  });
});

describe("what an agent writes of BGP", () => {
  const statuses = (bed: AgentBed) =>
    [...bed.cluster.store.list(BGP_STATUSES)].map((object) => JSON.parse(JSON.stringify(object)).status);

  it("is an object for each Service with its peers, until it tells nobody of it any more", async () => {
    const bed = createBed();
    await bed.follow();
    await bed.rest(seconds(5));
    assert.deepEqual(statuses(bed), [
      { node: "node-a", serviceName: "web", serviceNamespace: "shop", peers: ["tor"] },
    ]);
    peer(bed, "tor", { nodeSelectors: [{ matchLabels: { rack: "b" } }] });
    await bed.rest(seconds(10));
    assert.deepEqual(statuses(bed), []);
  });

  it("is whether it can use the configuration, and with which peers it has a session", async () => {
    const bed = createBed();
    peer(bed, "second", { peerAddress: "fe80::1" });
    const agent = await bed.follow();
    bed.wire.say({ type: "bgp", facts: [FACTS] });
    await bed.rest(seconds(10));
    const state = bed.cluster.store.get(CONFIGURATION_STATES, `${NAMESPACE}/speaker-node-a`);
    const { metadata, status } = JSON.parse(JSON.stringify(state));
    assert.equal(metadata.annotations["steelyard.dev/bgp-sessions"], '["tor"]');
    assert.equal(status.result, "Invalid");
    assert.match(status.errorSummary, /BGPPeer second has the peerAddress fe80::1/);
    const since = status.conditions[0].lastTransitionTime;
    await bed.end(agent);
    await bed.follow();
    bed.wire.say({ type: "bgp", facts: [FACTS] });
    await bed.rest(seconds(30));
    const again = bed.cluster.store.get(CONFIGURATION_STATES, `${NAMESPACE}/speaker-node-a`);
    assert.equal(JSON.parse(JSON.stringify(again)).status.conditions[0].lastTransitionTime, since);
    const writes = bed.cluster.requests.filter(
      ({ verb, target }) =>
        verb === "patch" && target.resource === CONFIGURATION_STATES && target.subresource === "status",
    );
    assert.equal(writes.length, 1);
  });
});

describe("what an agent says of BGP", () => {
  it("is how each peer is, in its status, its metrics and its explanations", async () => {
    const bed = createBed();
    const agent = await bed.follow();
    bed.wire.say({ type: "bgp", facts: [FACTS] });
    peer(bed, "second", { peerAddress: "fe80::1" });
    await bed.rest();
    const { bgp } = agent.status();
    assert.deepEqual(
      [bgp.engine, bgp.routes, bgp.peers.map(({ state }) => state), bgp.routerId],
      ["own", 2, ["established"], { id: "192.0.2.1", from: "address" }],
    );
    assert.deepEqual(
      bgp.refusedPeers.map(({ peer: name, reason }) => [name, reason]),
      [["second", "link-local"]],
    );
    const metrics = agent.metrics();
    for (const line of [
      'steelyard_bgp_session_up{peer="tor"} 1',
      'steelyard_bgp_peer_refused{peer="second",reason="link-local"} 1',
      'metallb_bgp_session_up{peer="192.0.2.254"} 1',
      `metallb_speaker_announced{ip="192.0.2.100",node="node-a",protocol="bgp",service="shop/web"} 1`,
    ])
      assert.ok(metrics.split("\n").includes(line), line);
    const explained = agent.explain("shop/web")?.addresses[0]?.bgp;
    assert.deepEqual(
      explained?.peers.map(({ peer: name, has }) => [name, has]),
      [
        ["tor", "yes"],
        ["second", "no"],
      ],
    );
    bed.wire.observe({ type: "bgp-damped", prefix: "192.0.2.100/32", state: "begun" });
    assert.deepEqual(agent.status().bgp.damped, ["192.0.2.100/32"]);
    const held = agent.explain("shop/web")?.addresses[0]?.bgp?.peers[0];
    assert.match(held?.text ?? "", /^192\.0\.2\.100\/32 came and went too often/);
    bed.wire.observe({ type: "bgp-damped", prefix: "192.0.2.100/32", state: "ended" });
    bed.wire.say({ type: "bgp", facts: [{ ...FACTS, state: "active", session: undefined }] });
    const without = agent.explain("shop/web")?.addresses[0]?.bgp?.peers[0];
    assert.deepEqual(without, { peer: "tor", has: "no", text: "There is no session: it is active." });
  });
});
