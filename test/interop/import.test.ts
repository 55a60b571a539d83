import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import type { Lab } from "#lab/index";
import { type Box, inPair, type Pair, type Picture, type Program } from "./pair.ts";

/** One file for both boxes, as keepalived's `@` lines allow. The inner side is a cable that leads nowhere. */
const TEXT = `
global_defs {
  router_id pair
  vrrp_version 3
  script_user root
}
$SERVICE=/run/service-works

vrrp_script service {
  script "/usr/bin/test -e \${SERVICE}"
  interval 1
  fall 2
  weight 20
}

vrrp_script gateway {
  script "/usr/bin/test -e /run/gateway-answers"
  interval 1
  weight -50
}

vrrp_instance pair {
  @e1 state MASTER
  @^e1 state BACKUP
  interface eth0
  virtual_router_id 77
  @e1 priority 110
  @e2 priority 100
  advert_int 0.2
  garp_master_delay 1
  virtual_ipaddress {
    10.2.0.100/24
    10.2.0.101 dev eth0 label eth0:web
    10.9.0.1/24 dev in0
  }
  virtual_ipaddress_excluded {
    10.2.0.102/32
  }
  track_interface { in0 }
  track_script {
    service
    gateway
  }
}
`;

const ADDRESSES = ["10.2.0.100", "10.2.0.101", "10.2.0.102", "10.9.0.1"];

const prepare = async (lab: Lab, box: Box): Promise<void> => {
  const host = lab.host(box);
  await host.write("/run/service-works", "");
  await host.write("/run/gateway-answers", "");
  await host.expect(["ip", "link", "add", "in0", "type", "veth", "peer", "name", "in1"]);
  for (const device of ["in0", "in1"]) await host.expect(["ip", "link", "set", device, "up"]);
};

/**
 * One router of each version and family in a group: what one member loses, both lose. Weights count for nothing there,
 * so the script has none.
 */
const GROUP = `
global_defs {
  router_id pair
  script_user root
}

vrrp_script service {
  script "/usr/bin/test -e /run/service-works"
  interval 1
  fall 2
  rise 2
}

vrrp_sync_group both {
  group { old new }
}

vrrp_instance old {
  version 2
  @e1 state MASTER
  @^e1 state BACKUP
  interface eth0
  virtual_router_id 21
  @e1 priority 110
  @e2 priority 100
  advert_int 1
  authentication {
    auth_type PASS
    auth_pass hunter22
  }
  virtual_ipaddress {
    10.2.0.100/24
    10.2.0.101/32
  }
  track_interface { in0 }
}

vrrp_instance new {
  version 3
  state BACKUP
  interface eth0
  virtual_router_id 22
  @e1 priority 110
  @e2 priority 100
  advert_int 0.2
  virtual_ipaddress {
    fe80::100/64
    fd02::100/64
  }
  virtual_ipaddress_excluded {
    10.2.0.102/32
  }
  track_script { service }
}
`;

/** What is done to the pair, and who has to hold the addresses afterwards. */
type Steps = readonly (readonly [title: string, holder: Box, act: (pair: Pair) => Promise<unknown>])[];

const STEPS: Steps = [
  ["start", "e1", async () => {}],
  ["the service of e1 fails", "e2", ({ lab }) => lab.host("e1").expect(["rm", "/run/service-works"])],
  ["the service of e2 fails too", "e1", ({ lab }) => lab.host("e2").expect(["rm", "/run/service-works"])],
  ["the gateway of e1 is gone", "e2", ({ lab }) => lab.host("e1").expect(["rm", "/run/gateway-answers"])],
  [
    "all is well again",
    "e1",
    async ({ lab }) => {
      await lab.host("e1").write("/run/service-works", "");
      await lab.host("e1").write("/run/gateway-answers", "");
      await lab.host("e2").write("/run/service-works", "");
    },
  ],
  [
    "the inner cable of e1 is pulled",
    "e2",
    ({ lab }) => lab.host("e1").expect(["ip", "link", "set", "in0", "down"]),
  ],
  ["it is back", "e1", ({ lab }) => lab.host("e1").expect(["ip", "link", "set", "in0", "up"])],
];

const GROUP_STEPS: Steps = [
  ["start", "e1", async () => {}],
  [
    "the service of e1 fails, which the new router looks at",
    "e2",
    ({ lab }) => lab.host("e1").expect(["rm", "/run/service-works"]),
  ],
  ["it works again", "e1", ({ lab }) => lab.host("e1").write("/run/service-works", "")],
  [
    "the cable of e1 is pulled, which the old router looks at",
    "e2",
    ({ lab }) => lab.host("e1").expect(["ip", "link", "set", "in0", "down"]),
  ],
  ["it is back", "e1", ({ lab }) => lab.host("e1").expect(["ip", "link", "set", "in0", "up"])],
];

type Scene = { readonly text: string; readonly addresses: readonly string[]; readonly steps: Steps };

const play = async (
  context: TestContext,
  program: Program,
  { text, addresses, steps }: Scene,
): Promise<ReadonlyMap<string, Picture>> => {
  const pictures = new Map<string, Picture>();
  await inPair(context, { program, text, addresses, prepare }, async (pair) => {
    for (const [title, holder, act] of steps) {
      await act(pair);
      pictures.set(title, await pair.settle(holder));
    }
  });
  return pictures;
};

/** keepalived's pictures and ours, in a lab each at the same time: most of it is waiting. */
const playBoth = (context: TestContext, scene: Scene) =>
  Promise.all([play(context, "keepalived", scene), play(context, "steelyard", scene)]);

describe("a pair that runs from an imported keepalived.conf", () => {
  it("shows the same holders, addresses, priorities and advertisements as keepalived from the file itself", async (context) => {
    const scene = { text: TEXT, addresses: ADDRESSES, steps: STEPS };
    const [theirs, ours] = await playBoth(context, scene);
    assert.deepEqual(ours, theirs);
    assert.deepEqual(
      [...theirs.values()].map(({ advertised }) => /priority (\d+)/.exec(advertised.join())?.[1]),
      ["130", "120", "110", "100", "130", "120", "130"],
    );
  });

  it("does so too as a group of a version 2 router with a password and an IPv6 one, with a script that one tracks", async (context) => {
    const addresses = ["10.2.0.100", "10.2.0.101", "10.2.0.102", "fe80::100", "fd02::100"];
    const scene = { text: GROUP, addresses, steps: GROUP_STEPS };
    const [theirs, ours] = await playBoth(context, scene);
    assert.deepEqual(ours, theirs);
    const at = (priority: number): readonly string[] => [
      `version 2 vrid 21 priority ${priority} every 1000 ms to 224.0.0.18 with password hunter22`,
      `version 3 vrid 22 priority ${priority} every 200 ms to ff02::12`,
    ];
    assert.deepEqual(
      [...theirs.values()].map(({ advertised }) => advertised),
      [110, 100, 110, 100, 110].map(at),
    );
  });
});
