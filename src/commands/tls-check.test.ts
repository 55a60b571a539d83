import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import {
  adminKubeconfig,
  closedPort,
  openAuthority,
  startApiServer,
  startImpostor,
  TOKEN,
} from "./test-api-servers.ts";
import { type TlsCheckOptions, tlsCheck } from "./tls-check.ts";

const VIRTUAL = "192.0.2.253";

const folderFor = (test: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), "steelyard-tls-"));
  test.after(() => rmSync(folder, { recursive: true }));
  return folder;
};

const bed = (test: TestContext) => {
  const authority = openAuthority();
  const ca = join(folderFor(test), "ca.crt");
  writeFileSync(ca, authority.certificate);
  const check = async (changes: Partial<TlsCheckOptions>) => {
    const [lines, complaints]: [string[], string[]] = [[], []];
    const status = await tlsCheck({
      ...{ address: [VIRTUAL], server: [], kubeconfig: undefined, ca },
      ...{ soon: "30", timeout: "20", output: "table" },
      print: (line) => lines.push(line),
      complain: (line) => complaints.push(line),
      ...changes,
    });
    return { status, text: lines.join("\n"), complaints };
  };
  const results = async (server: readonly string[], changes: Partial<TlsCheckOptions> = {}) => {
    const { status, text } = await check({ server, output: "json", ...changes });
    const { servers } = JSON.parse(text) as {
      servers: { result: string; findings: { type: string; message: string }[]; unknown: string | null }[];
    };
    return {
      status,
      servers: servers.map(({ result, findings, unknown }) => ({
        result,
        types: findings.map(({ type }) => type),
        unknown,
      })),
    };
  };
  return { authority, ca, check, results };
};

describe("`tls check`", () => {
  it("is content with servers whose certificates carry the address", async (test) => {
    const { authority, check } = bed(test);
    const names = ["kubernetes", "127.0.0.1", VIRTUAL, "fd00::253"];
    const servers = await Promise.all([1, 2].map(() => startApiServer(test, { authority, names })));
    const { status, text } = await check({
      address: [VIRTUAL, "fd00:0::253"],
      server: servers.map(({ at }) => at),
    });
    assert.equal(status, 0, text);
    for (const { at, asked } of servers) {
      assert.match(
        text,
        new RegExp(`^${at} +fine +\\d{4}-\\d\\d-\\d\\d +kubernetes, 127.0.0.1, ${VIRTUAL}`, "m"),
      );
      assert.deepEqual(asked, [], "nothing but the handshake");
    }
  });

  it("tells the servers apart whose certificates lack it, have expired, soon will, or come from elsewhere", async (test) => {
    const { authority, results } = bed(test);
    const names = ["127.0.0.1", VIRTUAL];
    const servers = await Promise.all([
      startApiServer(test, { authority, names }),
      startApiServer(test, { authority, names: ["127.0.0.1"] }),
      startApiServer(test, { authority, names, age: 400 }),
      startApiServer(test, { authority, names, age: 350 }),
      startApiServer(test, { authority: openAuthority(), names }),
    ]);
    const found = await results(servers.map(({ at }) => at));
    assert.equal(found.status, 1);
    assert.deepEqual(
      found.servers.map(({ types }) => types),
      [[], ["lacks-name"], ["expired"], ["expires-soon"], ["other-authority"]],
    );
    assert.equal((await results([servers[3]?.at ?? ""], { soon: "10" })).status, 0);
  });

  it("knows an impostor that talks from one that says nothing, and from nobody", async (test) => {
    const { authority, results } = bed(test);
    const fine = await startApiServer(test, { authority, names: [VIRTUAL] });
    const talker = await startImpostor(test, "SSH-2.0-OpenSSH_9.9\r\n");
    const silent = await startImpostor(test, undefined);
    const found = await results([talker]);
    assert.deepEqual([found.status, found.servers[0]?.types], [1, ["not-tls"]]);
    const nobody = await results([fine.at, await closedPort()]);
    assert.equal(nobody.status, 2);
    assert.deepEqual(
      nobody.servers.map(({ result, unknown }) => [result, unknown]),
      [
        ["fine", null],
        ["unknown", "nothing listens there"],
      ],
    );
    const mute = await results([silent], { timeout: "1" });
    assert.deepEqual(
      [mute.status, mute.servers[0]?.unknown],
      [2, "it takes connections and says nothing within 1s"],
    );
  });

  it("says how a certificate that lacks the address is mended", async (test) => {
    const { authority, check } = bed(test);
    const { at } = await startApiServer(test, { authority, names: ["127.0.0.1"] });
    const { status, text } = await check({ server: [at] });
    assert.equal(status, 1);
    assert.match(text, new RegExp(`${at} +lacks ${VIRTUAL}`));
    assert.match(text, /steelyard tls fix/);
  });

  it("finds the servers in the cluster that a kubeconfig leads to, and its authority with them", async (test) => {
    const { authority, check } = bed(test);
    const objects: Record<string, unknown> = {};
    const [one, two] = await Promise.all([
      startApiServer(test, { authority, names: ["127.0.0.1", VIRTUAL], objects }),
      startApiServer(test, { authority: openAuthority(), names: ["127.0.0.2", VIRTUAL], host: "127.0.0.2" }),
    ]);
    const slice = (address: string, port: number) => ({
      metadata: { name: `kubernetes-${port}`, labels: { "kubernetes.io/service-name": "kubernetes" } },
      endpoints: [{ addresses: [address] }],
      ports: [{ port }],
    });
    objects["/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"] = {
      items: [slice("127.0.0.1", one.port), slice("127.0.0.2", two.port)],
    };
    const kubeconfig = join(folderFor(test), "config");
    writeFileSync(kubeconfig, adminKubeconfig({ server: `https://${one.at}`, authority }));
    const { status, text, complaints } = await check({ kubeconfig, ca: undefined });
    assert.equal(status, 1, complaints.join());
    assert.match(text, new RegExp(`${one.at} +fine`));
    assert.match(text, new RegExp(`${two.at} +signed by another authority`));
    assert.ok(!`${text}${complaints.join()}`.includes(TOKEN));
  });

  it("says that nobody's signature was checked when it knows no authority", async (test) => {
    const { authority, check } = bed(test);
    const { at } = await startApiServer(test, { authority, names: [VIRTUAL] });
    const { status, text } = await check({ server: [at], ca: undefined });
    assert.equal(status, 0);
    assert.match(text, /Who signed them was not checked/);
  });

  it("refuses what it does not understand, all at once", async (test) => {
    const { check, ca } = bed(test);
    const { status, complaints } = await check({
      ...{ address: ["192.0.2.300"], server: ["a"], ca: `${ca}.none`, soon: "x", timeout: "0" },
    });
    assert.equal(status, 2);
    assert.equal(complaints.length, 4, complaints.join("\n"));
    assert.equal((await check({ address: [] })).status, 2);
    assert.equal((await check({ server: ["a b"] })).status, 2);
    const garbage = join(folderFor(test), "garbage.crt");
    writeFileSync(garbage, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    const unreadable = await check({ ca: garbage });
    assert.deepEqual([unreadable.status, /cannot be read/.test(unreadable.complaints.join())], [2, true]);
  });
});
