import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type IpAddress, parseAddress } from "#base/address";
import { millis, seconds } from "#base/time";
import type { Desired } from "#core/config/desired";
import { parseResources } from "#core/config/parse";
import { formatWorstCase } from "#core/health/worst-case";
import { resource } from "#testing/config-rows";
import type { Host } from "./host.ts";

const address = (text: string): IpAddress => parseAddress(text) ?? assert.fail(text);
const hostWith =
  (...texts: readonly string[]): Host =>
  (name) =>
    name === "eth0" ? texts.map(address) : [];

const PEERS = ["192.0.2.1", "192.0.2.2", "192.0.2.3"];
const SPEC = { addresses: ["192.0.2.10"], interface: "eth0", peers: PEERS };
const DUAL = {
  ...SPEC,
  addresses: ["192.0.2.10", "2001:db8::10/64"],
  peers: [...PEERS, "2001:db8::1", "2001:db8::2", "2001:db8::3"],
};

const desired = (spec: Readonly<Record<string, unknown>>, host: Host): Desired => {
  const parsed = parseResources([resource("ControlPlaneEndpoint", "api", spec)], { host });
  if (!parsed.ok) assert.fail(JSON.stringify(parsed.problems));
  return parsed.desired;
};

describe("a ControlPlaneEndpoint", () => {
  it("becomes a router that the check of this host's API server takes out", () => {
    const { routers, checks, servers } = desired(SPEC, hostWith("192.0.2.2"));
    assert.equal(routers.length, 1);
    assert.deepEqual(servers, []);
    const [router] = routers;
    assert.equal(router?.name, "api-ipv4");
    assert.deepEqual(router?.addresses, [{ address: "192.0.2.10", prefixLength: 32 }]);
    assert.deepEqual(router?.track, [
      { subject: { kind: "check", name: "api-api-server" }, effect: { type: "fault" } },
    ]);
    assert.equal(router?.preempt, false);
    assert.equal(router?.advertisementInterval, millis(200));
    assert.deepEqual(
      checks.map(({ name, target }) => ({ name, target })),
      [{ name: "api-api-server", target: { address: "127.0.0.1", port: 6443 } }],
    );
  });

  it("is the same file on every host: each finds its own place in it", () => {
    const routers = PEERS.map((own) => desired(SPEC, hostWith(own)).routers[0]);
    assert.deepEqual(
      routers.map((router) => [router?.priority, router?.sourceAddress, router?.transport]),
      [
        [250, "192.0.2.1", { type: "unicast", peers: ["192.0.2.2", "192.0.2.3"] }],
        [225, "192.0.2.2", { type: "unicast", peers: ["192.0.2.1", "192.0.2.3"] }],
        [200, "192.0.2.3", { type: "unicast", peers: ["192.0.2.1", "192.0.2.2"] }],
      ],
    );
  });

  it("stands behind all others while its interface has no address", () => {
    const [router] = desired(SPEC, hostWith()).routers;
    assert.equal(router?.priority, 1);
    assert.deepEqual(router?.transport, { type: "unicast", peers: PEERS });
    assert.equal(router?.sourceAddress, undefined);
  });

  it("speaks by multicast where no other host is listed", () => {
    for (const peers of [[], ["192.0.2.2"]]) {
      const [router] = desired({ ...SPEC, peers }, hostWith("192.0.2.2")).routers;
      assert.deepEqual(router?.transport, { type: "multicast" });
      assert.equal(router?.sourceAddress, undefined);
    }
  });

  it("prefers the same host for both families, whose routers change state together", () => {
    const crossed = hostWith("192.0.2.1", "fe80::1", "2001:db8::3");
    const { routers } = desired(DUAL, crossed);
    assert.deepEqual(
      routers.map(({ name, family, priority, syncGroup, sourceAddress }) => ({
        ...{ name, family, priority, syncGroup, sourceAddress },
      })),
      [
        { name: "api-ipv4", family: "IPv4", priority: 250, syncGroup: "api", sourceAddress: "192.0.2.1" },
        { name: "api-ipv6", family: "IPv6", priority: 250, syncGroup: "api", sourceAddress: "2001:db8::3" },
      ],
    );
  });

  it("has the priority that was given, on every host", () => {
    assert.equal(desired({ ...SPEC, priority: 77 }, hostWith("192.0.2.2")).routers[0]?.priority, 77);
  });

  it("takes a server for alive that answers nobody without credentials, or has too much to do", () => {
    const probe = desired(SPEC, hostWith()).checks[0]?.health.probe;
    const statuses = probe?.type === "https" ? probe.statuses : [];
    const isAlive = (status: number): boolean =>
      statuses.some(({ from, to }) => status >= from && status <= to);
    for (const status of [200, 204, 401, 403, 429]) assert(isAlive(status), String(status));
    for (const status of [301, 404, 500, 503]) assert(!isAlive(status), String(status));
  });

  it("verifies the certificate where an authority is named, by a name that every API server has", () => {
    const without = desired(SPEC, hostWith()).checks[0]?.health.probe;
    assert(without?.type === "https" && !without.verify);
    const probe = desired({ ...SPEC, apiServer: { caFile: "/ca.crt" } }, hostWith()).checks[0]?.health.probe;
    assert(probe?.type === "https" && probe.verify);
    assert.deepEqual([probe.caFile, probe.serverName], ["/ca.crt", "kubernetes.default.svc"]);
  });

  it("believes a refusal within two seconds, and a frozen server after three questions", () => {
    const health = desired(SPEC, hostWith()).checks[0]?.health ?? assert.fail();
    assert.equal(health.rise, 2);
    assert.equal(
      formatWorstCase(health),
      "at most 6.4s = 2s + 2 x (2s + 200ms), after a wait of up to 1s for the next round: 7.4s in all",
    );
    const quick = desired({ ...SPEC, apiServer: { fall: 2, timeout: "1s" } }, hostWith()).checks[0]?.health;
    assert.deepEqual([quick?.retries, quick?.timeout], [1, seconds(1)]);
    assert.match(formatWorstCase(quick ?? assert.fail()), /: 3\.2s in all$/, "as docs/vip.md has it");
  });
});

describe("a ControlPlaneEndpoint that balances", () => {
  it("has a server for each address over the API servers of that family, the same on every host", () => {
    const servers = (own: readonly string[]) =>
      desired({ ...DUAL, balance: true }, hostWith(...own)).servers.map(
        ({ name, address: at, backends }) => ({
          ...{ name, at },
          backends: backends.map((backend) => backend.name).sort(),
        }),
      );
    const expected = [
      {
        ...{ name: "api-ipv4", at: "192.0.2.10" },
        backends: ["192.0.2.1:6443", "192.0.2.2:6443", "192.0.2.3:6443"],
      },
      {
        ...{ name: "api-ipv6", at: "2001:db8::10" },
        backends: ["[2001:db8::1]:6443", "[2001:db8::2]:6443", "[2001:db8::3]:6443"],
      },
    ];
    assert.deepEqual(servers(["192.0.2.1", "2001:db8::1"]), expected);
    assert.deepEqual(servers(["192.0.2.3", "2001:db8::3"]), expected);
    assert.deepEqual(servers([]), expected);
  });

  it("asks whether they are ready, where holding the address asks whether they live", () => {
    const paths = (path?: string) => {
      const apiServer = path === undefined ? {} : { path };
      const { checks, servers } = desired({ ...SPEC, balance: true, apiServer }, hostWith("192.0.2.1"));
      return [...checks, ...servers].map(({ health }) =>
        health?.probe.type === "https" ? health.probe.path : assert.fail(),
      );
    };
    assert.deepEqual([...new Set(paths())], ["/livez", "/readyz"]);
    assert.deepEqual(
      [...new Set(paths("/livez?exclude=etcd"))],
      ["/livez?exclude=etcd", "/readyz?exclude=etcd"],
    );
    for (const path of ["/readyz", "/livezone", "/healthz/livez"])
      assert.deepEqual([...new Set(paths(path))], [path]);
  });

  it("knows which of the servers is this host's own, for as long as it has connections", () => {
    const serves = (own: readonly string[], balance = true) =>
      desired({ ...SPEC, balance }, hostWith(...own)).checks[0]?.serves;
    assert.deepEqual(serves(["192.0.2.1"]), ["api-ipv4/192.0.2.1:6443"]);
    assert.equal(serves(["192.0.2.1"], false), undefined);
    assert.equal(serves([]), undefined);
  });

  it("counts this host in, whether or not it is listed", () => {
    const spec = { ...SPEC, peers: ["192.0.2.1", "192.0.2.3"], balance: true };
    const [server] = desired(spec, hostWith("192.0.2.2")).servers;
    assert.equal(server?.backends.length, 3);
    assert.equal(server?.mode, "masquerade");
    assert.equal(server?.health?.probe.type, "https");
  });
});
