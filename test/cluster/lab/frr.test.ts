/** Speakers that announce through the FRR of their node, whose own configuration is somebody else's. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { OWN } from "#core/frr/names";
import { FRR_SOCKETS, type FrrDaemons, startFrrDaemons } from "#test/interop/frr-daemons";
import { NAMESPACE, pool } from "../controller.ts";
import { eventually } from "../eventually.ts";
import { NODES_ASN, ROUTER_ADDRESS, ROUTER_ASN, startRouter } from "./router.ts";
import { sharedSpeakerBed } from "./speaker-bed.ts";
import { ask } from "./traffic.ts";

const inSpeakerBed = sharedSpeakerBed({
  nodes: 2,
  args: ["--bgp-engine=frr", `--frr-sockets=${FRR_SOCKETS}`, "--bgp-drain=1s"],
});
const NODES = ["n1", "n2"];

const THEIRS = "router bgp 65001\n neighbor 10.2.0.99 remote-as 65002\nexit\n";

const object = (kind: string, name: string, spec: object, version = "v1beta1"): string =>
  JSON.stringify({
    ...{ apiVersion: `metallb.io/${version}`, kind, spec },
    metadata: { name, namespace: NAMESPACE },
  });

describe("a Service that an FRR announces for us", () => {
  it(
    "is spread over the nodes by a real router, is what the status says, and is gone with the speaker",
    inSpeakerBed(async ({ cluster, speakers }) => {
      const { plane, node, pods } = cluster;
      const frrs = new Map<string, FrrDaemons>();
      const hosts = { host: (name: string) => node(name).host };
      for (const name of NODES) {
        // Without bfdd: speakers watch each other on its port.
        const frr = await startFrrDaemons(hosts, name, () => {}, ["zebra", "bgpd"]);
        // The speaker of a pod is root without the right to open what belongs to others.
        await node(name).host.expect(["chmod", "-R", "o+rwX", FRR_SOCKETS]);
        await frr.load(THEIRS);
        frrs.set(name, frr);
      }
      const frrOf = (name: string): FrrDaemons => frrs.get(name) ?? assert.fail(name);
      const before = await frrOf("n1").running();
      const router = await startRouter(cluster);
      await plane.apply(pool("routed", ["203.0.113.0/24", "fd0b::/120"]));
      await plane.apply(object("BGPAdvertisement", "routed", { ipAddressPools: ["routed"] }));
      await plane.apply(
        object("BFDProfile", "fast", { receiveInterval: 100, transmitInterval: 100, detectMultiplier: 5 }),
      );
      const peer = { myASN: NODES_ASN, peerASN: ROUTER_ASN, peerAddress: ROUTER_ADDRESS };
      const spec = { ...peer, dualStackAddressFamily: true, bfdProfile: "fast", connectTime: "2s" };
      await plane.apply(object("BGPPeer", "router", spec, "v1beta2"));
      await Promise.all(NODES.map((name) => pods.start("near", name)));
      for (const name of NODES) await router.established(name, 60_000);
      const at = ["203.0.113.1", "fd0b::1"] as const;
      const service = await cluster.service({ name: "routed", app: "near", addresses: at, policy: "Local" });
      for (const each of at) {
        await router.spreads(each, NODES, 60_000);
        const { pods: answering, errors } = await ask(cluster.farClient, each, { millis: 1_500 });
        assert.deepEqual([answering.length, errors], [2, []], each);
      }
      const told = await eventually("the router's facts", 20_000, async () => {
        const { bgp } = await speakers.on("n1").status();
        const [found] = bgp.peers;
        return found?.announced === 2 ? found : undefined;
      });
      assert.deepEqual([told.state, told.session?.asn, told.bfd], ["established", ROUTER_ASN, undefined]);
      const { bgp } = await speakers.on("n1").status();
      assert.match(bgp.troubles.join(), /^peer router in FRR: .* FRR runs without bfdd/);

      await frrOf("n2").restart();
      await node("n2").host.expect(["chmod", "-R", "o+rwX", FRR_SOCKETS]);
      await eventually("our part in the FRR that was started anew", 40_000, async () =>
        (await frrOf("n2").running()).includes(OWN) ? true : undefined,
      );
      await router.established("n2", 60_000);
      for (const each of at) await router.spreads(each, NODES, 60_000);

      await speakers.on("n1").retire();
      for (const each of at) await router.spreads(each, ["n2"]);
      assert.equal(await frrOf("n1").running(), before);
      assert.ok((await frrOf("n2").running()).includes(OWN));
      await service.delete();
      for (const each of at) await router.spreads(each, [], 30_000);
    }),
  );
});
