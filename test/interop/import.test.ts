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

/** What is done to the pair, and who has to hold the addresses afterwards. */
const STEPS: readonly (readonly [title: string, holder: Box, act: (pair: Pair) => Promise<unknown>])[] = [
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

const play = async (context: TestContext, program: Program): Promise<ReadonlyMap<string, Picture>> => {
  const pictures = new Map<string, Picture>();
  await inPair(context, { program, text: TEXT, addresses: ADDRESSES, prepare }, async (pair) => {
    for (const [title, holder, act] of STEPS) {
      await act(pair);
      pictures.set(title, await pair.settle(holder));
    }
  });
  return pictures;
};

describe("a pair that runs from an imported keepalived.conf", () => {
  it("shows the same holders, addresses, priorities and advertisements as keepalived from the file itself", async (context) => {
    const theirs = await play(context, "keepalived");
    const ours = await play(context, "steelyard");
    assert.deepEqual(ours, theirs);
    assert.deepEqual(
      [...theirs.values()].map(({ advertised }) => /priority (\d+)/.exec(advertised)?.[1]),
      ["130", "120", "110", "100", "130", "120", "130"],
    );
  });
});
