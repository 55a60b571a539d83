/** A whole edge that forwards by IPVS. Runs inside user-mode Linux. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { type Edge, inBed, until, WITH_NODES } from "#test/kernel/edge-bed";
import { config, router, server, VIP } from "#test/kernel/edge-config";

const BY_IPVS = ["--engine", "ipvs"];
/** Nobody serves on the nodes here, so nobody is asked: what the table holds does not depend on how far checks have come. */
const DIRECT = { mode: "dsr", scheduler: "round-robin", tableSize: undefined, health: undefined };
const SETTINGS = ["expire_nodest_conn", "expire_quiescent_template", "sloppy_tcp"];

const shell = async ({ host }: Edge, command: string): Promise<string> =>
  (await host.run(["sh", "-c", command])).stdout.trim();
const services = (edge: Edge): Promise<string> => shell(edge, "ipvsadm -S -n");
const settings = (edge: Edge): Promise<string> =>
  shell(edge, SETTINGS.map((name) => `cat /proc/sys/net/ipv4/vs/${name}`).join("; "));

it("forwards by IPVS alone where the kernel has no nftables, and says who does not carry what and why", async (context) => {
  await inBed(context, WITH_NODES, async ({ e1 }) => {
    const front = router({ priority: 200 });
    await e1.start(config(front, server(DIRECT)), { further: BY_IPVS });
    const { servers } = await e1.until("it is carried", (status) => status.servers.length === 1);
    assert.deepEqual([servers[0]?.engine, servers[0]?.engineReason], ["ipvs", undefined]);
    assert.match(await services(e1), new RegExp(`^-A -t ${VIP}:80 -s rr\\n(?:-a .* -g -w 1\\n?){3}$`));
    assert.equal(await settings(e1), "1\n1\n0");
    const made = await services(e1);
    const translated = server({ mode: "masquerade", port: 81 }, "translated");
    await e1.configure(config(front, server(DIRECT), translated));
    await e1.event(({ event }) => event.type === "forwarding-failed");
    assert.equal(await services(e1), made);
  });
});

it("keeps what it made when it is killed, adopts it, repairs it, and takes it away at the end", async (context) => {
  await inBed(context, WITH_NODES, async ({ e1 }) => {
    const text = config(router({ priority: 200 }), server(DIRECT));
    await e1.start(text, { further: BY_IPVS });
    const made = await services(e1);
    await e1.signal("SIGKILL");
    assert.equal(await services(e1), made);
    await e1.start(text, { further: BY_IPVS });
    assert.equal(await services(e1), made);
    await shell(e1, `ipvsadm -d -t ${VIP}:80 -r 10.2.0.21:80`);
    await until("repaired", async () => (await services(e1)).split("\n").length === 4, { withinMs: 30_000 });
    await e1.event(({ event }) => event.type === "forwarding-applied" && event.repaired === true);
    await e1.stop();
    assert.equal(await services(e1), "");
    assert.equal(await settings(e1), "0\n0\n0");
  });
});

it("leaves to `clean` what a killed edge made, and nothing of others", async (context) => {
  await inBed(context, WITH_NODES, async ({ e1 }) => {
    await e1.start(config(router({ priority: 200 }), server(DIRECT)), { further: BY_IPVS });
    await shell(e1, "ipvsadm -A -t 10.2.0.77:80 -s wlc");
    await e1.signal("SIGKILL");
    await until("it is gone", async () => (await e1.status()) === undefined, { withinMs: 30_000 });
    const { code, stdout } = await e1.command("clean");
    assert.equal(code, 0, stdout);
    assert.equal(await services(e1), "-A -t 10.2.0.77:80 -s wlc");
  });
});
