import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseResources } from "#core/config/parse";
import { formatPath } from "#core/config/problem";

type Fields = Readonly<Record<string, unknown>>;

const server = (name: string, address: string, labels: Fields = {}): unknown => ({
  apiVersion: "steelyard.dev/v1alpha1",
  kind: "VirtualServer",
  metadata: { name, labels },
  spec: {
    address,
    port: 80,
    backends: [{ address: address.includes(":") ? "2001:db8::21" : "192.0.2.21" }],
    health: {},
  },
});

const VERSIONS: Readonly<Record<string, string>> = { BGPPeer: "v1beta2" };

const routing = (kind: string, name: string, spec: Fields): unknown => ({
  apiVersion: `metallb.io/${VERSIONS[kind] ?? "v1beta1"}`,
  kind,
  metadata: { name },
  spec,
});

const PEER = { myASN: 64_500, peerASN: 64_501, peerAddress: "10.0.0.1" };
const peer = (spec: Fields = PEER): unknown => routing("BGPPeer", "tor", spec);
const ad = (name: string, spec: Fields = {}): unknown => routing("BGPAdvertisement", name, spec);

const parsedOf = (...documents: readonly unknown[]) => {
  const parsed = parseResources(documents);
  if (!parsed.ok) assert.fail(parsed.problems.map(({ message }) => message).join("; "));
  return parsed;
};

const routesOf = (...documents: readonly unknown[]): readonly string[] =>
  parsedOf(...documents).desired.routes.map(({ name, servers }) => `${name} for ${servers.join(", ")}`);

const problemsOf = (...documents: readonly unknown[]): readonly string[] => {
  const parsed = parseResources(documents);
  const problems = parsed.ok ? parsed.warnings : parsed.problems;
  return problems.map(
    ({ severity, document, path, message, hint }) =>
      `${severity} in ${document} ${formatPath(path)}: ${message}. ${hint ?? ""}`,
  );
};

describe("readEdgeRouting", () => {
  it("says nothing where no router is meant", () => {
    const { desired } = parsedOf(server("web", "192.0.2.10"));
    assert.deepEqual([desired.peers, desired.routes], [[], []]);
  });

  it("opens a session for each BGPPeer, and leaves the identifier of the router to the machine", () => {
    const { peers } = parsedOf(server("web", "192.0.2.10"), peer(), ad("all")).desired;
    assert.deepEqual(
      peers.map(({ name, localAsn, routerId, port }) => ({ name, localAsn, routerId, port })),
      [{ name: "tor", localAsn: 64_500, routerId: "0.0.0.0", port: 179 }],
    );
    const given = parsedOf(server("web", "192.0.2.10"), peer({ ...PEER, routerID: "10.0.0.7" }), ad("all"));
    assert.equal(given.desired.peers[0]?.routerId, "10.0.0.7");
  });

  it("announces the address of each virtual server", () => {
    const all = [server("web", "192.0.2.10"), server("www", "2001:db8::1")];
    assert.deepEqual(routesOf(...all, peer(), ad("all")), [
      "192.0.2.10/32 for web",
      "2001:db8::1/128 for www",
    ]);
  });

  it("aggregates as an advertisement says, within its pool", () => {
    const pool = routing("IPAddressPool", "p", { addresses: ["192.0.2.0/24"] });
    const wide = ad("wide", { aggregationLength: 28, ipAddressPools: ["p"] });
    const all = [server("a", "192.0.2.1"), server("b", "192.0.2.2"), server("c", "198.51.100.1")];
    assert.deepEqual(routesOf(...all, pool, peer(), wide), ["192.0.2.0/28 for a, b"]);
  });

  it("means virtual servers by their labels", () => {
    const some = ad("some", { serviceSelectors: [{ matchLabels: { tier: "gold" } }] });
    const all = [server("a", "192.0.2.1", { tier: "gold" }), server("b", "192.0.2.2")];
    assert.deepEqual(routesOf(...all, peer(), some), ["192.0.2.1/32 for a"]);
  });

  it("does not miss a virtual router for an address that routers are told of", () => {
    assert.deepEqual(problemsOf(server("web", "192.0.2.10"), peer(), ad("all")), []);
    assert.match(problemsOf(server("web", "192.0.2.10"))[0] ?? "", /held by no VirtualRouter/);
  });

  it("says in which document something is wrong, and refuses all of it", () => {
    const problems = problemsOf(server("web", "192.0.2.10"), peer({ ...PEER, holdTime: "2s" }), ad("all"));
    assert.match(problems.join("\n"), /^error in 1 spec\.holdTime: /m);
  });

  it("refuses what only a cluster has", () => {
    const web = server("web", "192.0.2.10");
    const selected = { ...PEER, nodeSelectors: [{ matchLabels: { a: "b" } }] };
    assert.match(
      problemsOf(web, peer(selected), ad("all")).join(),
      /in 1 spec.nodeSelectors: is for clusters/,
    );
    const secret = { ...PEER, passwordSecret: { name: "x" } };
    assert.match(problemsOf(web, peer(secret), ad("all")).join(), /passwordSecret: .*Write password/);
    const l2 = routing("L2Advertisement", "l2", {});
    assert.match(problemsOf(web, l2).join(), /in 1 kind: "L2Advertisement" is not read by an edge/);
  });

  it("refuses a peer that cannot be as it says, with what to do", () => {
    const both = { ...PEER, disableMP: true, dualStackAddressFamily: true };
    assert.match(
      problemsOf(server("web", "192.0.2.10"), peer(both), ad("all")).join(),
      /error in 1 spec: has both .* Remove disableMP or dualStackAddressFamily\./,
    );
  });

  it("warns of sessions without routes and of routes without sessions", () => {
    const web = server("web", "192.0.2.10");
    assert.match(problemsOf(web, peer()).join(), /warning in 1 : routers are told of no VirtualServer/);
    assert.match(problemsOf(web, ad("all")).join(), /warning in 1 : no router is told of anything/);
  });
});
