/** The schema of a `VirtualRouter`: VRRP on one interface (RFC 9568, or RFC 3768 for old peers). */
import * as v from "valibot";
import { millis, seconds } from "#base/time";
import {
  address,
  duration,
  flag,
  integer,
  interfaceAddress,
  interfaceName,
  list,
  objectName,
  oneOf,
  section,
  text,
} from "./fields.ts";

const virtualAddress = v.union(
  [
    interfaceAddress("The address and its prefix length; without one, /32 or /128."),
    section("The address with its own device or label.", {
      address: interfaceAddress("The address and its prefix length; without one, /32 or /128."),
      device: v.exactOptional(interfaceName("Interface that carries it. Default: the router's.")),
      label: v.exactOptional(
        text("Label of an IPv4 address, `DEVICE:TEXT`. Default: none.", {
          pattern: /^[!-~]{1,15}$/,
          rule: "at most 15 characters without spaces",
          format: "label",
        }),
      ),
    }),
  ],
  "is no address\nWrite 192.0.2.10/24, or a section with the key address.",
);

const trackEffect = {
  weight: v.exactOptional(integer("How much its failure takes from the priority.", { min: 1, max: 253 })),
  fault: v.exactOptional(
    flag("`true`: its failure takes the router out altogether. This is what happens when neither is given."),
  ),
};

const track = section("What counts against this router when it fails.", {
  interfaces: v.optional(
    list(
      "Interfaces that must be up and have a carrier. The router's own always counts as `fault`.",
      section("One interface.", { name: interfaceName("Its name."), ...trackEffect }),
      { max: 64 },
    ),
    [],
  ),
  checks: v.optional(
    list(
      "`TrackedCheck` resources that must be healthy.",
      section("One check.", { name: objectName("Its `metadata.name`."), ...trackEffect }),
      { max: 64 },
    ),
    [],
  ),
});

const gratuitous = section("How the network is told that the addresses have moved here.", {
  repeat: v.optional(integer("Announcements in the burst at takeover.", { min: 1, max: 60 }), 5),
  interval: v.optional(
    duration("Pause between the announcements of a burst.", { min: millis(0), max: seconds(10) }),
    "50ms",
  ),
  delay: v.optional(
    duration("Pause until a second burst, for switches that were slow; `0s` for none.", {
      min: millis(0),
      max: seconds(300),
    }),
    "5s",
  ),
  refresh: v.optional(
    duration("Pause between refreshes while active, below the switches' ageing time; `0s` for none.", {
      min: millis(0),
      max: seconds(3600),
    }),
    "100s",
  ),
});

/** `VirtualRouter.spec`. */
export const routerSpec = section("One virtual router on one interface.", {
  interface: interfaceName("Interface that VRRP speaks on."),
  vrid: integer("Virtual Router Identifier; the same on all boxes of the group, unique on the wire.", {
    min: 1,
    max: 255,
  }),
  addresses: list(
    "Addresses that follow the active router, all of one family. They travel in every advertisement and must be the same on all boxes.",
    virtualAddress,
    { min: 1, max: 255 },
  ),
  priority: v.optional(
    integer("The highest one alive is active. 255 is for a box that owns the addresses for good.", {
      min: 1,
      max: 255,
      hint: "Use 1..254, or 255 for the owner of the addresses.",
    }),
    100,
  ),
  advertisementInterval: v.optional(
    duration(
      "Pause between advertisements. A silent peer is replaced after about three of them. Version 3: up to 40.95s in steps of 10ms. Version 2: whole seconds.",
      { min: millis(10), max: seconds(255) },
    ),
    "1s",
  ),
  version: v.optional(integer("VRRP version: 3, or 2 for old peers (IPv4 only).", { min: 2, max: 3 }), 3),
  preempt: v.optional(flag("Whether a better router takes over from a worse one that is alive."), true),
  preemptDelay: v.optional(
    duration("How long a better router waits before it takes over from a worse one that is alive.", {
      min: millis(0),
      max: seconds(3600),
    }),
    "0s",
  ),
  unicast: v.exactOptional(
    section("Advertise to these peers instead of the multicast group.", {
      peers: list("Addresses of the other boxes, of the router's family.", address("A peer."), {
        min: 1,
        max: 255,
      }),
    }),
  ),
  acceptMode: v.optional(
    flag(
      "`false`: packets to the addresses that no virtual server takes are dropped, pings included, instead of going to programs on this box (RFC 9568 Accept_Mode). An owner (priority 255) accepts them always.",
    ),
    true,
  ),
  virtualMac: v.optional(
    flag(
      "`true`: the addresses have the virtual router's own MAC address (RFC 9568), which moves with them, on a macvlan interface that is made for it.",
    ),
    false,
  ),
  virtualMacInterface: v.exactOptional(
    interfaceName("Name of that macvlan interface. Default: `vrrp.VRID`, for IPv6 `vrrp6.VRID`."),
  ),
  sourceAddress: v.exactOptional(
    address("Source of advertisements. Default: the interface's first address of the family."),
  ),
  checksum: v.optional(
    oneOf(
      "What the checksum of a version 3 IPv4 advertisement covers when we send. `auto`: as the peer heard last does, and `pseudo-header`, as keepalived, before any was heard. `message`: as RFC 9568 has it. All are accepted.",
      ["auto", "message", "pseudo-header"],
    ),
    "auto",
  ),
  authentication: v.exactOptional(
    section("Version 2 only.", {
      simplePassword: text(
        "Sent in clear with every advertisement: it protects nothing, and is here for old peers.",
        {
          pattern: /^[!-~]{1,8}$/,
          rule: "1 to 8 printable characters without spaces",
        },
      ),
    }),
  ),
  unadvertisedAddresses: v.optional(
    list("Addresses of either family that move along without being advertised.", virtualAddress, {
      max: 1024,
    }),
    [],
  ),
  track: v.optional(track, {}),
  syncGroup: v.exactOptional(
    objectName("Routers of this box with the same group name change state together."),
  ),
  gratuitous: v.optional(gratuitous, {}),
});

/** A checked `VirtualRouter.spec` with its defaults. */
export type RouterSpec = v.InferOutput<typeof routerSpec>;

/** A `VirtualRouter.spec` as it is written down. */
export type RouterInput = v.InferInput<typeof routerSpec>;
