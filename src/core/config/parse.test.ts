import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { millis, seconds } from "#base/time";
import { parseResources } from "./parse.ts";
import { formatPath, type Problem } from "./problem.ts";

const resource = (kind: string, name: string, spec: unknown) => ({
  apiVersion: "steelyard.dev/v1alpha1",
  kind,
  metadata: { name },
  spec,
});
const ROUTER = { interface: "eth0", vrid: 51, addresses: ["192.0.2.10/24"] };
const SERVER = { address: "192.0.2.10", port: 80, backends: [{ address: "192.0.2.21" }], health: {} };

const problemsOf = (...documents: readonly unknown[]): readonly Problem[] => {
  const parsed = parseResources(documents);
  return parsed.ok ? parsed.warnings : parsed.problems;
};
const textsOf = (...documents: readonly unknown[]): readonly string[] =>
  problemsOf(...documents).map(({ path, message, hint }) =>
    `${formatPath(path)}: ${message}. ${hint ?? ""}`.trim(),
  );

describe("parseResources", () => {
  it("fills in every default of a virtual router", () => {
    const parsed = parseResources([resource("VirtualRouter", "home", ROUTER)]);
    assert.deepEqual(parsed.ok && parsed.desired.routers, [
      {
        name: "home",
        interface: "eth0",
        vrid: 51,
        version: 3,
        family: "IPv4",
        priority: 100,
        advertisementInterval: seconds(1),
        preempt: true,
        preemptDelay: 0,
        transport: { type: "multicast" },
        acceptMode: true,
        checksum: "auto",
        addresses: [{ address: "192.0.2.10", prefixLength: 24 }],
        unadvertisedAddresses: [],
        track: [],
        gratuitous: { repeat: 5, interval: millis(50), delay: seconds(5), refresh: seconds(100) },
      },
    ]);
  });

  it("takes interfaces of any name that ends nothing in a ruleset", () => {
    const accepts = (name: string): boolean =>
      parseResources([resource("VirtualRouter", "a", { ...ROUTER, interface: name })]).ok;
    for (const name of ["wan#1;{@}", "br-lan", "10g0", "ü"]) assert.ok(accepts(name), name);
    for (const name of ['et"h', "et\\h", "et\u0001h", "et\u007fh"]) assert.ok(!accepts(name), name);
  });

  it("carries every field of a virtual router over", () => {
    const spec = {
      interface: "eth0",
      vrid: 7,
      version: 2,
      priority: 200,
      advertisementInterval: "2s",
      preempt: true,
      preemptDelay: "1.5s",
      unicast: { peers: ["192.0.2.3"] },
      acceptMode: false,
      sourceAddress: "192.0.2.2",
      checksum: "message",
      authentication: { simplePassword: "abc" },
      addresses: [{ address: "192.0.2.10/24", device: "eth1", label: "eth1:v" }],
      unadvertisedAddresses: ["2001:DB8:0::1/64"],
      track: { interfaces: [{ name: "eth2", fault: true }], checks: [{ name: "up", weight: 20 }] },
      syncGroup: "both",
      gratuitous: { repeat: 1, interval: "0s", delay: "0s", refresh: "0s" },
    };
    const check = resource("TrackedCheck", "up", { script: { command: ["/bin/true"] } });
    const parsed = parseResources([resource("VirtualRouter", "a", spec), check]);
    assert.deepEqual(parsed.ok && parsed.desired.routers[0], {
      name: "a",
      interface: "eth0",
      vrid: 7,
      version: 2,
      family: "IPv4",
      priority: 200,
      advertisementInterval: seconds(2),
      preempt: true,
      preemptDelay: millis(1500),
      transport: { type: "unicast", peers: ["192.0.2.3"] },
      acceptMode: false,
      sourceAddress: "192.0.2.2",
      checksum: "message",
      password: "abc",
      addresses: [{ address: "192.0.2.10", prefixLength: 24, device: "eth1", label: "eth1:v" }],
      unadvertisedAddresses: [{ address: "2001:db8::1", prefixLength: 64 }],
      track: [
        { subject: { kind: "interface", name: "eth2" }, effect: { type: "fault" } },
        { subject: { kind: "check", name: "up" }, effect: { type: "weight", weight: 20 } },
      ],
      syncGroup: "both",
      gratuitous: { repeat: 1, interval: 0, delay: 0, refresh: 0 },
    });
  });

  it("carries every field of a virtual server over", () => {
    const spec = {
      address: "2001:db8::10",
      port: 443,
      protocol: "TCP",
      mode: "masquerade",
      scheduler: "consistent-hash",
      tableSize: 251,
      backends: [
        { address: "2001:db8::21", port: 8443, weight: 3 },
        { name: "b", address: "2001:db8::22" },
      ],
      whenAllFail: "reject",
      sourceRanges: ["2001:db8:1::/48", "::/0"],
      health: {
        https: {
          path: "/up",
          host: "a.example",
          statuses: [204, "300-399"],
          verify: false,
          serverName: "b.example",
        },
        port: 9000,
        interval: "3s",
        timeout: "2s",
        retries: 1,
        retryDelay: "1s",
        rise: 3,
        fall: 2,
      },
    };
    const parsed = parseResources([resource("VirtualServer", "web", spec)]);
    assert.deepEqual(parsed.ok && parsed.desired.servers[0], {
      name: "web",
      address: "2001:db8::10",
      protocol: "tcp",
      ports: { first: 443, last: 443 },
      mode: "masquerade",
      scheduler: { type: "consistent-hash", tableSize: 251 },
      sourceRanges: [
        { address: "2001:db8:1::", prefixLength: 48 },
        { address: "::", prefixLength: 0 },
      ],
      backends: [
        { name: "[2001:db8::21]:8443", address: "2001:db8::21", port: 8443, weight: 3 },
        { name: "b", address: "2001:db8::22", port: 443, weight: 1 },
      ],
      whenAllFail: "reject",
      health: {
        probe: {
          type: "https",
          path: "/up",
          host: "a.example",
          statuses: [
            { from: 204, to: 204 },
            { from: 300, to: 399 },
          ],
          verify: false,
          serverName: "b.example",
        },
        port: 9000,
        interval: seconds(3),
        timeout: seconds(2),
        retries: 1,
        retryDelay: seconds(1),
        rise: 3,
        fall: 2,
      },
    });
  });

  it("gives a tracked check its target, and a script none", () => {
    const router = resource("VirtualRouter", "r", {
      ...ROUTER,
      track: { checks: [{ name: "proxy", weight: 5 }, { name: "script" }] },
    });
    const parsed = parseResources([
      router,
      resource("TrackedCheck", "proxy", { http: {}, address: "127.0.0.1", port: 8404 }),
      resource("TrackedCheck", "script", { script: { command: ["/bin/true"] } }),
    ]);
    assert.deepEqual(parsed.ok && parsed.desired.checks.map(({ name, target }) => ({ name, target })), [
      { name: "proxy", target: { address: "127.0.0.1", port: 8404 } },
      { name: "script", target: undefined },
    ]);
  });

  it("reports all problems of all documents at once, each with its path", () => {
    const router = resource("VirtualRouter", "home", {
      interfce: "eth0",
      vrid: 300,
      priority: "150",
      preempt: "yes",
      advertisementInterval: 200,
      addresses: ["10.0.0.300/24", { address: "10.0.0.1/24", lable: "x" }, 3],
      track: null,
    });
    const server = resource("VirtualServer", "web", {
      ...SERVER,
      backends: {},
      scheduler: "wrr",
      health: { tpc: {} },
    });
    assert.deepEqual(textsOf(router, server), [
      "spec.interfce: is not a known key. Did you mean interface?",
      "spec.addresses[1].lable: is not a known key. Did you mean label?",
      "spec.vrid: 300 is above 255. Use 1..255.",
      'spec.addresses[0]: "10.0.0.300/24" is not an address with a prefix length. Write it as ADDRESS/LENGTH: 192.0.2.10/24 or 2001:db8::10/64.',
      "spec.addresses[2]: is no address. Write 192.0.2.10/24, or a section with the key address.",
      'spec.priority: "150" is text, not a number. Write it without quotes: 150.',
      "spec.advertisementInterval: 200 has no unit. Write a number and a unit: 200ms, 1.5s, 2m.",
      'spec.preempt: "yes" is not true or false. Write true or false, without quotes.',
      "spec.track: has no value. It may have: interfaces, checks.",
      "spec.health.tpc: is not a known key. Did you mean tcp?",
      'spec.scheduler: "wrr" is none of consistent-hash, source-hash, round-robin, weighted, least-connections. Did you mean weighted?',
      "spec.backends: a section with keys is not a list. Start each entry on its own line with a dash, or write [a, b].",
    ]);
  });

  it("lists the words of a closed list once, when none is near", () => {
    const server = resource("VirtualServer", "web", { ...SERVER, mode: "tunnel" });
    assert.deepEqual(textsOf(server), [
      'spec.mode: "tunnel" is not known here. Use one of masquerade, nat, dsr.',
    ]);
  });

  it("says of a misspelt key once what is wrong, and calls missing what nothing stands for", () => {
    const { vrid: _, ...rest } = ROUTER;
    assert.deepEqual(textsOf(resource("VirtualRouter", "a", { ...rest, vird: 51 })), [
      "spec.vird: is not a known key. Did you mean vrid?",
    ]);
    assert.deepEqual(textsOf(resource("VirtualRouter", "a", { ...rest, colour: 51 })).slice(1), [
      "spec.vrid: is missing. It has no default: give a value.",
    ]);
  });

  it("names the space that is missing behind a dash", () => {
    const router = resource("VirtualRouter", "a", { ...ROUTER, addresses: "-192.0.2.10/24" });
    assert.deepEqual(textsOf(router), [
      'spec.addresses: "-192.0.2.10/24" is not a list. Put a space after each dash.',
    ]);
  });

  const envelopes: readonly {
    readonly document: unknown;
    readonly path: string;
    readonly message: RegExp;
  }[] = [
    { document: 3, path: "", message: /^3 is not a resource/ },
    { document: [], path: "", message: /^a list is not a resource/ },
    {
      document: { ...resource("VirtualRouter", "a", ROUTER), apiVersion: "v1" },
      path: "apiVersion",
      message: /"v1"/,
    },
    {
      document: resource("virtualrouter", "a", ROUTER),
      path: "kind",
      message: /"virtualrouter" is not known/,
    },
    { document: { apiVersion: "steelyard.dev/v1alpha1" }, path: "kind", message: /missing/ },
    { document: resource("VirtualRouter", "VI_1", ROUTER), path: "metadata.name", message: /"VI_1"/ },
    { document: resource("VirtualRouter", "a", []), path: "spec", message: /is a list/ },
    { document: resource("VirtualRouter", "a", undefined), path: "spec", message: /has no value/ },
  ];
  for (const { document, path, message } of envelopes) {
    it(`refuses ${JSON.stringify(document).slice(0, 60)} at ${path === "" ? "its top" : path}`, () => {
      const [first] = problemsOf(document);
      assert.equal(first && formatPath(first.path), path);
      assert.match(first?.message ?? "", message);
      assert.equal(first?.severity, "error");
    });
  }

  it("accepts labels and annotations and ignores them", () => {
    const document = resource("VirtualRouter", "a", ROUTER);
    const metadata = { name: "a", labels: { "app.kubernetes.io/name": "x" }, annotations: {} };
    assert.deepEqual(problemsOf({ ...document, metadata }), []);
  });

  it("gives nothing when one of several resources is wrong", () => {
    const parsed = parseResources([
      resource("VirtualRouter", "a", ROUTER),
      resource("VirtualRouter", "b", { ...ROUTER, vrid: 0 }),
    ]);
    assert.equal(parsed.ok, false);
  });

  it("accepts no configuration at all as a wish for nothing", () => {
    assert.deepEqual(parseResources([]), {
      ok: true,
      desired: { routers: [], checks: [], servers: [], ...{ syncs: [], peers: [], routes: [] } },
      warnings: [],
    });
  });

  it("calls nothing missing or unused while documents are hidden from it", () => {
    const tracking = resource("VirtualRouter", "a", {
      ...ROUTER,
      track: { checks: [{ name: "elsewhere" }] },
    });
    const idle = resource("TrackedCheck", "idle", { script: { command: ["/bin/true"] } });
    const homeless = resource("VirtualServer", "web", { ...SERVER, address: "192.0.2.99" });
    assert.equal(problemsOf(tracking, idle, homeless).length, 3);
    const parsed = parseResources([tracking, idle, homeless], { hidden: true });
    assert.deepEqual(parsed.ok && parsed.warnings, []);
  });

  it("calls nothing unused while a document is unreadable", () => {
    const idle = resource("TrackedCheck", "idle", { script: { command: ["/bin/true"] } });
    const homeless = resource("VirtualServer", "web", { ...SERVER, address: "192.0.2.99" });
    const broken = resource("VirtualRouter", "a", { ...ROUTER, vrid: 0 });
    assert.deepEqual(textsOf(idle, homeless, broken), ["spec.vrid: 0 is below 1. Use 1..255."]);
  });
});
