import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseResources } from "#core/config/parse";
import { endpointDocument, endpointWords, flagOf, type VipFlags } from "./flags.ts";

const EVERYTHING: VipFlags = {
  name: "api",
  address: ["192.0.2.10/24,192.0.2.11", "2001:db8::10"],
  interface: "eth0",
  peers: ["192.0.2.1, 192.0.2.2,2001:db8::1,2001:db8::2"],
  vrid: "7",
  priority: "90",
  preempt: true,
  advertisementInterval: "100ms",
  balance: true,
  apiServer: "127.0.0.2",
  port: "7443",
  check: "https",
  path: "/readyz",
  ca: "/ca.crt",
  serverName: "kubernetes",
  checkInterval: "2s",
  checkTimeout: "3s",
  rise: "4",
  fall: "5",
};

describe("the flags of steelyard vip", () => {
  it("spell the resource that a file would hold", () => {
    assert.deepEqual(endpointDocument(EVERYTHING), {
      apiVersion: "steelyard.dev/v1alpha1",
      kind: "ControlPlaneEndpoint",
      metadata: { name: "api" },
      spec: {
        addresses: ["192.0.2.10/24", "192.0.2.11", "2001:db8::10"],
        interface: "eth0",
        peers: ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"],
        ...{ vrid: 7, priority: 90, preempt: true, advertisementInterval: "100ms", balance: true },
        apiServer: {
          ...{ address: "127.0.0.2", port: 7443, check: "https", path: "/readyz", caFile: "/ca.crt" },
          ...{ serverName: "kubernetes", interval: "2s", timeout: "3s", rise: 4, fall: 5 },
        },
      },
    });
    assert(parseResources([endpointDocument(EVERYTHING)]).ok);
  });

  it("leave out what is not said, so that the schema's defaults hold", () => {
    assert.deepEqual(endpointDocument({ name: "api", address: ["192.0.2.10"], interface: "eth0" }), {
      apiVersion: "steelyard.dev/v1alpha1",
      kind: "ControlPlaneEndpoint",
      metadata: { name: "api" },
      spec: { addresses: ["192.0.2.10"], interface: "eth0", apiServer: {} },
    });
  });

  it("are named in what is wrong with them", () => {
    const flags: VipFlags = {
      ...EVERYTHING,
      ...{ name: "API", address: ["192.0.2.300"], vrid: "seven", fall: "0", checkTimeout: "5", ca: "ca.crt" },
    };
    const parsed = parseResources([endpointDocument(flags)]);
    assert.deepEqual(
      parsed.ok ? [] : parsed.problems.map(({ path, message }) => `${flagOf(path)}: ${message}`),
      [
        '--name: "API" is not accepted here',
        '--address: "192.0.2.300" is not an address with a prefix length',
        '--vrid: "seven" is not a whole number',
        '--ca: "ca.crt" is not accepted here',
        '--check-timeout: "5" is not a duration',
        "--fall: 0 is below 1",
      ],
    );
  });

  it("are spelt by the resource again", () => {
    const short = endpointDocument({ name: "api", address: ["192.0.2.10"], interface: "eth0" });
    assert.deepEqual(endpointWords(short), ["--address", "192.0.2.10", "--interface", "eth0"]);
    assert.deepEqual(endpointWords(endpointDocument({ ...EVERYTHING, name: "other" })), [
      ...["--name", "other", "--address", "192.0.2.10/24,192.0.2.11,2001:db8::10", "--interface", "eth0"],
      ...["--peers", "192.0.2.1,192.0.2.2,2001:db8::1,2001:db8::2", "--vrid", "7", "--priority", "90"],
      ...["--preempt", "--advertisement-interval", "100ms", "--balance", "--api-server", "127.0.0.2"],
      ...["--port", "7443", "--check", "https", "--path", "/readyz", "--ca", "/ca.crt"],
      ...["--server-name", "kubernetes", "--check-interval", "2s", "--check-timeout", "3s"],
      ...["--rise", "4", "--fall", "5"],
    ]);
  });
});
