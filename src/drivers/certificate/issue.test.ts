import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { connect, createServer } from "node:tls";
import { wallTime } from "#base/time";
import { carryOut, newAuthority, newServing } from "./issue.ts";

const DAY = 86_400_000;
const HOUR = 3_600_000;
const NOW = wallTime(Date.now());
const NAMES = ["w.n.svc", "w.n.svc.cluster.local"];

const shakeHands = async (
  context: { after: (undo: () => void) => void },
  identity: { certificate: string; key: string },
  client: { ca: string; servername: string; version: "TLSv1.2" | "TLSv1.3" },
): Promise<string> => {
  const server = createServer({ cert: identity.certificate, key: identity.key }).listen(0, "127.0.0.1");
  server.on("secureConnection", (socket) => socket.on("error", () => {}).end());
  context.after(() => void server.close());
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const { version, ...rest } = client;
  const socket = connect({ host: "127.0.0.1", port, minVersion: version, maxVersion: version, ...rest });
  context.after(() => void socket.destroy());
  return new Promise((resolve) => {
    socket.once("secureConnect", () => resolve(socket.authorized ? "trusted" : "not trusted"));
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
};

describe("certificates that were made", () => {
  const authority = newAuthority(NOW);
  const identity = newServing({ authority, names: NAMES, time: NOW });

  it("convince a client that asks for one of the names, in TLS 1.2 and 1.3", async (context) => {
    for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
      for (const servername of NAMES) {
        const client = { ca: authority.certificate, servername, version };
        assert.equal(await shakeHands(context, identity, client), "trusted");
      }
    }
  });

  it("convince nobody who asks for another name, or trusts another authority of the same name", async (context) => {
    const version = "TLSv1.3";
    const named = { ca: authority.certificate, servername: "x.n.svc", version } as const;
    assert.equal(await shakeHands(context, identity, named), "ERR_TLS_CERT_ALTNAME_INVALID");
    const other = { ca: newAuthority(NOW).certificate, servername: "w.n.svc", version } as const;
    assert.notEqual(await shakeHands(context, identity, other), "trusted");
  });

  it("convince a client that trusts the old and the new authority, in either order", async (context) => {
    const other = newAuthority(NOW).certificate;
    for (const ca of [authority.certificate + other, other + authority.certificate]) {
      const client = { ca, servername: "w.n.svc", version: "TLSv1.3" } as const;
      assert.equal(await shakeHands(context, identity, client), "trusted");
    }
  });

  it("begin an hour before they are made, and live ten years and one", () => {
    const [root, leaf] = [authority, identity].map(({ certificate }) => new X509Certificate(certificate));
    const whole = Math.floor((NOW - HOUR) / 1_000) * 1_000;
    assert.equal(root?.validFromDate.getTime(), whole);
    assert.equal(leaf?.validFromDate.getTime(), whole);
    assert.equal(root?.validToDate.getTime(), whole + 3_652 * DAY);
    assert.equal(leaf?.validToDate.getTime(), whole + 365 * DAY);
  });

  it("have serial numbers and keys of their own", () => {
    const again = newServing({ authority, names: NAMES, time: NOW });
    const [one, two] = [identity, again].map(({ certificate }) => new X509Certificate(certificate));
    assert.notEqual(one?.serialNumber, two?.serialNumber);
    assert.notEqual(identity.key, again.key);
  });

  it("do not outlive their authority", () => {
    const late = wallTime(NOW + 3_600 * DAY);
    const leaf = new X509Certificate(newServing({ authority, names: NAMES, time: late }).certificate);
    const root = new X509Certificate(authority.certificate);
    assert.equal(leaf.validToDate.getTime(), root.validToDate.getTime());
  });
});

describe("a change that was planned", () => {
  const input = { names: NAMES, time: NOW };
  const held = carryOut({
    ...input,
    held: undefined,
    change: { type: "create", reason: "absent", keep: ["kept"] },
  });
  const [root = ""] = held.authorities;

  it("creates an authority and what it signs, and keeps others", () => {
    assert.ok(new X509Certificate(held.certificate).verify(new X509Certificate(root).publicKey));
    assert.equal(held.authorities[1], "kept");
  });

  it("adds an authority and leaves the serving certificate", () => {
    const change = { type: "add-authority", reason: "authority-due", keep: [root] } as const;
    const after = carryOut({ ...input, held, change });
    assert.equal(after.certificate, held.certificate);
    assert.notEqual(after.authorityKey, held.authorityKey);
    assert.equal(after.authorities[1], root);
  });

  it("issues a serving certificate and leaves the authorities", () => {
    const change = { type: "issue", reason: "due", signer: root, keep: [root] } as const;
    const after = carryOut({ ...input, held, change });
    assert.notEqual(after.certificate, held.certificate);
    assert.ok(new X509Certificate(after.certificate).verify(new X509Certificate(root).publicKey));
    assert.deepEqual([after.authorities, after.authorityKey], [[root], held.authorityKey]);
  });

  it("drops authorities and leaves the rest", () => {
    const after = carryOut({ ...input, held, change: { type: "drop-authorities", keep: [root] } });
    assert.deepEqual(after, { ...held, authorities: [root] });
  });
});
