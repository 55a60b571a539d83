import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { parseAddress } from "#base/address";
import { type Lab, openLab } from "#lab/lab";
import { startDownloads, startHttpLoad, startServers, startUdpProbe, urlOf } from "#lab/probe/start";
import { standardTopology } from "#lab/topology";
import { reaches } from "./lab-bed.ts";

const E1 = "10.2.0.11";
const E2 = "10.2.0.12";
const N1 = "10.2.0.21";
const address = (text: string) => parseAddress(text) ?? assert.fail(text);

describe("an open lab", () => {
  let lab: Lab;
  before(async () => {
    lab = await openLab(standardTopology());
  });
  afterEach(() => lab.fault("restore"));
  after(() => lab.close());

  const carrier = async (host: string): Promise<string> =>
    (await lab.host(host).expect(["cat", "/sys/class/net/eth0/carrier"])).trim();

  it("gives every host a name, a network and a /run of its own", async () => {
    await lab.host("e1").write("/run/own", "e1");
    assert.equal(await lab.host("e1").expect(["sh", "-c", "hostname; cat /run/own"]), "e1\ne1");
    assert.equal((await lab.host("e2").run(["cat", "/run/own"])).code, 1);
    assert.deepEqual((await lab.host("e2").expect(["ls", "/sys/class/net"])).trim().split("\n"), [
      "eth0",
      "lo",
    ]);
    const shared = await lab.write("note", "for all");
    assert.equal(await lab.host("e2").expect(["cat", shared]), "for all");
  });

  it("connects everybody over IPv4 and IPv6 from the first moment on", async () => {
    const fresh = await openLab(standardTopology());
    try {
      for (const target of [E1, E2, N1, "fd02::11", "fd02::23"]) {
        assert(await reaches(fresh, "cl", target), target);
      }
    } finally {
      await fresh.close();
    }
  });

  it("gives back what a command says and how it ends", async () => {
    const { code, stdout, stderr } = await lab
      .host("n1")
      .run(["sh", "-c", "cat; echo no >&2; exit 3"], { input: "hello" });
    assert.deepEqual([code, stdout, stderr], [3, "hello", "no\n"]);
    assert.equal((await lab.host("n1").run(["sleep", "60"], { timeoutMs: 50 })).signal, "SIGKILL");
    await assert.rejects(lab.host("n1").expect(["false"]), /false in n1 ended with code 1/);
    assert.throws(() => lab.host("n9"), /no host n9; there are cl, rt/);
  });

  it("keeps a large output whole", async () => {
    const text = await lab.host("n1").expect(["seq", "200000"]);
    assert.equal(text.length, 1_288_895);
  });

  it("cuts a silent host off both ways while its carrier stays", async () => {
    await lab.fault("silence e1");
    assert.equal(await reaches(lab, "cl", E1), false);
    assert.equal(await reaches(lab, "e1", E2), false);
    assert.equal(await carrier("e1"), "1");
    assert(await reaches(lab, "cl", E2), "others are not touched");
    await lab.fault("restore e1");
    assert(await reaches(lab, "cl", E1));
  });

  it("pulls and plugs cables, and the host sees it", async () => {
    await lab.fault("link-down e1");
    assert.equal(await carrier("e1"), "0");
    assert.equal(await reaches(lab, "cl", E1), false);
    await lab.fault("link-up e1");
    assert(await reaches(lab, "cl", E1));
  });

  it("partitions hosts from each other and from nobody else", async () => {
    await lab.fault("partition e1,n1 e2");
    assert.equal(await reaches(lab, "e1", E2), false);
    assert.equal(await reaches(lab, "e2", N1), false);
    assert(await reaches(lab, "e1", N1));
    assert(await reaches(lab, "cl", E2));
  });

  it("lets two hosts claim one address", async () => {
    await lab.fault("duplicate-address n1 10.2.0.12");
    assert.match(await lab.host("n1").expect(["ip", "address", "show", "dev", "eth0"]), /10\.2\.0\.12\/32/);
  });

  it("kills everything in a host, also what would start something new", async () => {
    const phoenix = await lab.host("e2").spawn(["sh", "-c", "while :; do sh -c 'sleep 0.01' & wait; done"]);
    const bystander = await lab.host("n2").spawn(["sleep", "60"]);
    await lab.host("e2").signalAll("SIGKILL");
    assert.deepEqual(await phoenix.exited, { code: null, signal: "SIGKILL" });
    const { hosts } = await lab.status();
    assert.deepEqual(hosts.find(({ name }) => name === "e2")?.processes, []);
    assert.equal((await bystander.stop()).signal, "SIGTERM");
  });

  it("stops and continues a host's programs", async () => {
    const ticker = await lab.host("e2").spawn(["sh", "-c", "while read x; do echo $x; done"]);
    await lab.fault("stop e2");
    await ticker.write("frozen\n");
    await assert.rejects(ticker.said(/frozen/, 100), /took more than 100 ms/);
    await lab.fault("continue e2");
    await ticker.said(/frozen/);
    await ticker.stop();
  });

  it("leaves no dead process behind that nobody has reaped", async () => {
    await lab.host("n3").expect(["sh", "-c", "for i in 1 2 3; do (sleep 0.01 &) ; done"]);
    const states = await lab.host("n3").expect(["sh", "-c", "sleep 0.1; cat /proc/[0-9]*/stat"]);
    assert.doesNotMatch(states, /\(sleep\) Z/);
  });
});

describe("the probes", () => {
  let lab: Lab;
  before(async () => {
    lab = await openLab(standardTopology({ nodes: 1, edges: 0 }));
    await startServers(lab.host("n1"));
  });
  after(() => lab.close());

  for (const target of [address(N1), address("fd02::21")]) {
    it(`measure requests, datagrams and downloads to ${target}`, async () => {
      const client = lab.host("cl");
      const http = await startHttpLoad(client, { url: urlOf(target, 80), clients: 3, rate: 100 });
      const udp = await startUdpProbe(client, { address: target, port: 9000 });
      const wish = { url: urlOf(target, 8080), streams: 3, duration: 0.3, bytes: 200_000 };
      const { downloads } = await (await startDownloads(client, wish)).finish();
      const { requests } = await http.finish();
      const { byBackend } = await udp.finish();
      assert.deepEqual(
        downloads.map(({ whole, bytes, backend }) => ({ whole, bytes, backend })),
        Array.from({ length: 3 }, () => ({ whole: true, bytes: 200_000, backend: "n1" })),
      );
      assert(requests.length > 10, `${requests.length} requests`);
      assert(requests.every(({ backend }) => backend === "n1"));
      assert((byBackend.n1 ?? 0) > 50, `${byBackend.n1} answers`);
    });
  }

  it("see that nobody answers", async () => {
    await lab.fault("silence n1");
    const http = await startHttpLoad(lab.host("cl"), {
      url: urlOf(address(N1), 80),
      clients: 1,
      timeout: 100,
    });
    const udp = await startUdpProbe(lab.host("cl"), { address: address(N1), port: 9000 });
    await new Promise((resolve) => setTimeout(resolve, 150));
    const { requests } = await http.finish();
    assert(requests.length > 0 && requests.every(({ error }) => error === "timeout"));
    assert.deepEqual((await udp.finish()).answers, []);
    await lab.fault("restore");
  });

  it("see about as much loss as there is", async () => {
    await lab.fault("loss 30 cl");
    const udp = await startUdpProbe(lab.host("cl"), { address: address(N1), port: 9000 });
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const { sent, answers } = await udp.finish();
    await lab.fault("restore");
    // 30 % of about 1,000: nine standard deviations to either side.
    const lost = 1 - answers.length / sent;
    assert(lost > 0.17 && lost < 0.43, `${answers.length} of ${sent} answered`);
  });
});
