import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseResources } from "./parse.ts";
import { formatPath } from "./problem.ts";

type Spec = Readonly<Record<string, unknown>>;

const resource = (kind: string, name: string, spec: Spec) => ({
  apiVersion: "steelyard.dev/v1alpha1",
  kind,
  metadata: { name },
  spec,
});
const router = (change: Spec, name = "r") =>
  resource("VirtualRouter", name, { interface: "eth0", vrid: 51, addresses: ["192.0.2.10/24"], ...change });
const check = (name: string, spec: Spec) => resource("TrackedCheck", name, spec);

const foundIn = (documents: readonly unknown[]): readonly string[] => {
  const parsed = parseResources(documents);
  return (parsed.ok ? parsed.warnings : parsed.problems).map(
    ({ severity, document, path, message }) => `${severity} ${document} ${formatPath(path)}: ${message}`,
  );
};

type Row = { readonly that: string; readonly given: readonly unknown[]; readonly found: readonly string[] };

const rows = (title: string, table: readonly Row[]) =>
  describe(title, () => {
    for (const { that, given, found } of table) it(that, () => assert.deepEqual(foundIn(given), found));
  });

rows("a witness", [
  {
    that: "is pinged, or asked by ARP on an interface",
    given: [
      check("a", { ping: {}, address: "192.0.2.1" }),
      check("b", { arp: { interface: "eth0" }, address: "192.0.2.1" }),
      check("c", { ping: { interface: "eth0" }, address: "fe80::1" }),
      router({ track: { checks: [{ name: "a" }, { name: "b" }, { name: "c" }] } }),
    ],
    found: [],
  },
  {
    that: "has an address that can be asked so",
    given: [
      check("a", { ping: {} }),
      check("b", { arp: { interface: "eth0" }, address: "2001:db8::1" }),
      check("c", { ping: {}, address: "fe80::1" }),
      router({ track: { checks: [{ name: "a" }, { name: "b" }, { name: "c" }] } }),
    ],
    found: [
      "error 0 spec.address: is missing",
      "error 1 spec.address: 2001:db8::1 is not IPv4, all that ARP knows",
      "error 2 spec.ping: needs an interface for fe80::1, which is link-local",
    ],
  },
  {
    that: "is asked in one way, and has no port",
    given: [
      check("a", { ping: {}, tcp: {}, address: "192.0.2.1", port: 80 }),
      router({ track: { checks: [{ name: "a" }] } }),
    ],
    found: [
      "error 0 spec: asks in 2 ways: tcp, ping",
      "warning 0 spec.port: means nothing to a machine that is asked itself",
    ],
  },
]);

rows("a virtual MAC address", [
  {
    that: "has an interface named after the virtual router id and family",
    given: [router({ virtualMac: true }), router({ virtualMac: true, addresses: ["fe80::10/64"] }, "six")],
    found: [],
  },
  {
    that: "has an interface of its own in each router",
    given: [
      router({ virtualMac: true }),
      router({ virtualMac: true, interface: "eth1", addresses: ["192.0.2.11/24"] }, "other"),
    ],
    found: ["error 1 spec.virtualMac: has its virtual MAC address on vrrp.51, and so does r"],
  },
  {
    that: "is not for the owner of the addresses",
    given: [router({ virtualMac: true, priority: 255 })],
    found: [
      "error 0 spec.virtualMac: is true, but an owner (priority 255) has the addresses on its interface for good",
    ],
  },
  {
    that: "is asked for when its interface is named",
    given: [router({ virtualMacInterface: "vip0" })],
    found: ["error 0 spec.virtualMacInterface: is given without virtualMac"],
  },
  {
    that: "is not on the router's own interface",
    given: [router({ virtualMac: true, virtualMacInterface: "eth0" })],
    found: ["error 0 spec.virtualMacInterface: eth0 is the interface itself"],
  },
  {
    that: "carries the labels of its interface",
    given: [router({ virtualMac: true, addresses: [{ address: "192.0.2.10/24", label: "vrrp.51:a" }] })],
    found: [],
  },
]);
