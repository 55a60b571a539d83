import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer as createHttp, type RequestListener } from "node:http";
import { createServer as createHttps } from "node:https";
import { createServer as createTcp, type Server, type Socket } from "node:net";
import { afterEach, describe, it } from "node:test";
import { type IpAddress, parseAddress } from "#base/address";
import { type Duration, millis, seconds } from "#base/time";
import type { ProbeKind } from "#core/health/config";
import { checkContract } from "./contract.ts";
import { openChecks } from "./linux.ts";
import type { CheckPort, ProbeOutcome } from "./port.ts";

const CERTIFICATE = new URL("testdata/certificate.pem", import.meta.url).pathname;
const KEY = new URL("testdata/key.pem", import.meta.url).pathname;

const parsed = (text: string): IpAddress => parseAddress(text) ?? assert.fail(text);
const LOOPBACK = parsed("127.0.0.1");

type Target = { readonly address: IpAddress; readonly port: number };
type Http = Extract<ProbeKind, { type: "http" | "https" }>;

const http = (changes: Partial<Http> = {}): Http => ({
  type: "http",
  path: "/healthz",
  statuses: [{ from: 200, to: 299 }],
  verify: true,
  ...changes,
});

const open: { server: Server; sockets: Set<Socket> }[] = [];

const listen = (server: Server, address = LOOPBACK): Promise<Target> => {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
  });
  open.push({ server, sockets });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, address, () => {
      const bound = server.address();
      if (bound === null || typeof bound === "string") return reject(new Error("not bound"));
      resolve({ address, port: bound.port });
    });
  });
};

const closeAll = async (): Promise<void> => {
  for (const { server, sockets } of open.splice(0)) {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
};

const serveTcp = (onConnection: (socket: Socket) => void = () => undefined): Promise<Target> =>
  listen(createTcp(onConnection));
const serveHttp = (listener: RequestListener): Promise<Target> => listen(createHttp(listener));
const serveHttps = async (listener: RequestListener): Promise<Target> =>
  listen(createHttps({ cert: await readFile(CERTIFICATE), key: await readFile(KEY) }, listener));

/** A port on which nothing listens: one that was just given back. */
const refusingTarget = async (): Promise<Target> => {
  const server = createTcp();
  const target = await new Promise<Target>((resolve) => {
    server.listen(0, LOOPBACK, () => {
      const bound = server.address();
      resolve({ address: LOOPBACK, port: bound === null || typeof bound === "string" ? 1 : bound.port });
    });
  });
  await new Promise((resolve) => server.close(resolve));
  return target;
};

/** Long enough never to matter; tests of timeouts name a short one. */
const PATIENT = seconds(20);
const SHORT = millis(200);

const ask = (
  probe: ProbeKind,
  target?: Target,
  timeout: Duration = PATIENT,
  checks: CheckPort = openChecks(),
) => checks.probe(target === undefined ? { probe, timeout } : { probe, target, timeout });

const reasonOf = (outcome: ProbeOutcome): string => (outcome.ok ? "ok" : outcome.reason);
const detailOf = (outcome: ProbeOutcome): string => (outcome.ok ? "" : outcome.detail);

checkContract("the real one", async () => ({
  checks: openChecks(),
  answering: await serveTcp(),
  refusing: await refusingTarget(),
  silent: await serveTcp(),
  close: closeAll,
}));

afterEach(closeAll);

describe("tcp check", () => {
  it("closes with a reset, so that no connection lingers", async () => {
    let ended = (_: string): void => undefined;
    const end = new Promise<string>((resolve) => {
      ended = resolve;
    });
    const target = await serveTcp((socket) => {
      socket.resume();
      socket.once("error", (error) => ended(error.message));
      socket.once("end", () => ended("end"));
    });
    assert.equal(reasonOf(await ask({ type: "tcp" }, target)), "ok");
    assert.match(await end, /ECONNRESET/);
  });

  it("works over IPv6", async () => {
    const target = await listen(createTcp(), parsed("::1"));
    assert.equal(reasonOf(await ask({ type: "tcp" }, target)), "ok");
  });

  it("prefers an answer that has arrived over a timer that has run out while the program was busy", async () => {
    const target = await serveTcp();
    const outcome = ask({ type: "tcp" }, target, millis(5));
    const busyUntil = performance.now() + 30;
    while (performance.now() < busyUntil);
    assert.equal(reasonOf(await outcome), "ok");
  });
});

describe("http check", () => {
  it("sends path and host as configured", async () => {
    const seen: (string | undefined)[] = [];
    const target = await serveHttp((request, response) => {
      seen.push(request.method, request.url, request.headers.host);
      response.end("fine");
    });
    assert.equal(reasonOf(await ask(http({ path: "/up?deep=1", host: "web.example.test" }), target)), "ok");
    assert.deepEqual(seen, ["GET", "/up?deep=1", "web.example.test"]);
  });

  it("names the address as host when none is configured, IPv6 in brackets (RFC 9110 §7.2)", async () => {
    let host: string | undefined;
    const server = createHttp((request, response) => {
      host = request.headers.host;
      response.end();
    });
    const target = await listen(server, parsed("::1"));
    assert.equal(reasonOf(await ask(http(), target)), "ok");
    assert.equal(host, `[::1]:${target.port}`);
  });

  it("fails for a status that is not accepted, and says which are", async () => {
    const target = await serveHttp((_, response) => response.writeHead(503).end());
    const statuses = [
      { from: 200, to: 299 },
      { from: 401, to: 401 },
    ];
    const outcome = await ask(http({ statuses }), target);
    assert.equal(reasonOf(outcome), "status");
    assert.equal(detailOf(outcome), "status 503, accepted: 200-299, 401");
  });

  it("notes of an accepted status that it shows nothing", async () => {
    const statuses = [{ from: 200, to: 499 }];
    const noteOf = async (status: number): Promise<string | undefined> => {
      const outcome = await ask(
        http({ statuses }),
        await serveHttp((_, response) => response.writeHead(status).end()),
      );
      assert(outcome.ok);
      return outcome.note;
    };
    assert.equal(await noteOf(401), "status 401: it tells nobody how it is");
    assert.equal(await noteOf(403), "status 403: it tells nobody how it is");
    assert.deepEqual([await noteOf(200), await noteOf(429)], [undefined, undefined]);
  });

  it("takes a redirect for an answer and does not follow it", async () => {
    let requests = 0;
    const target = await serveHttp((_, response) => {
      requests += 1;
      response.writeHead(302, { location: "/elsewhere" }).end();
    });
    assert.equal(reasonOf(await ask(http(), target)), "status");
    assert.equal(reasonOf(await ask(http({ statuses: [{ from: 302, to: 302 }] }), target)), "ok");
    assert.equal(requests, 2);
  });

  it("times out when the headers never end, and says what was missing", async () => {
    const target = await serveTcp((socket) => socket.write("HTTP/1.1 200 OK\r\nx-slow:"));
    const outcome = await ask(http(), target, SHORT);
    assert.equal(reasonOf(outcome), "timeout");
    assert.equal(detailOf(outcome), "the response did not come within 200ms");
  });

  it("times out when the server stops in the middle of the body", async () => {
    const target = await serveTcp((socket) =>
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"),
    );
    const outcome = await ask(http(), target, SHORT);
    assert.equal(detailOf(outcome), "the end of the response did not come within 200ms");
  });

  it("is content with the first 64 kB of a body that never ends", async () => {
    const target = await serveHttp((_, response) => {
      const more = (): void => {
        while (response.write(Buffer.alloc(16_384)));
        response.once("drain", more);
      };
      more();
    });
    assert.equal(reasonOf(await ask(http(), target)), "ok");
  });

  const answers: readonly { says: string; bytes: string; reason: string }[] = [
    {
      says: "refuses headers above 16 kB",
      bytes: `HTTP/1.1 200 OK\r\nx: ${"y".repeat(40_000)}\r\n\r\n`,
      reason: "protocol",
    },
    { says: "refuses what is not HTTP", bytes: "SSH-2.0-OpenSSH_9.9\r\n", reason: "protocol" },
    { says: "calls it a reset when the server hangs up without an answer", bytes: "", reason: "reset" },
    {
      says: "calls it a reset when the server hangs up in the middle of the body",
      bytes: "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf",
      reason: "reset",
    },
    {
      says: "refuses another protocol",
      bytes: "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
      reason: "protocol",
    },
    {
      says: "waits through 16 interim responses",
      bytes: `${"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(16)}HTTP/1.1 204 No Content\r\n\r\n`,
      reason: "ok",
    },
    {
      says: "does not wait through more, whatever comes after them",
      bytes: `${"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(17)}HTTP/1.1 204 No Content\r\n\r\n`,
      reason: "protocol",
    },
  ];
  for (const { says, bytes, reason } of answers) {
    it(says, async () => {
      const target = await serveTcp((socket) => socket.once("data", () => socket.end(bytes)));
      assert.equal(reasonOf(await ask(http(), target)), reason);
    });
  }

  it("fails when the connection is reset", async () => {
    const target = await serveTcp((socket) => socket.once("data", () => socket.resetAndDestroy()));
    assert.equal(reasonOf(await ask(http(), target)), "reset");
  });

  it("does not throw for a path that cannot be sent", async () => {
    const outcome = await ask(http({ path: "/a b" }), await serveTcp());
    assert.equal(reasonOf(outcome), "not-started");
  });
});

describe("https check", () => {
  const https = (changes: Partial<Http> = {}): Http => http({ type: "https", ...changes });
  const fine: RequestListener = (_, response) => response.end("fine");

  it("accepts any certificate when told not to verify", async () => {
    assert.equal(reasonOf(await ask(https({ verify: false }), await serveHttps(fine))), "ok");
  });

  it("refuses a certificate that no trusted authority signed", async () => {
    const outcome = await ask(https({ host: "web.example.test" }), await serveHttps(fine));
    assert.equal(reasonOf(outcome), "tls");
    assert.match(detailOf(outcome), /self-signed certificate/);
  });

  it("accepts the authorities in its own file, and sends the host as server name", async () => {
    let name: unknown;
    const target = await serveHttps((request, response) => {
      name = "servername" in request.socket ? request.socket.servername : undefined;
      response.end();
    });
    const probe = https({ host: "web.example.test:8443", caFile: CERTIFICATE });
    assert.equal(reasonOf(await ask(probe, target)), "ok");
    assert.equal(name, "web.example.test");
  });

  it("refuses a certificate for another name", async () => {
    const target = await serveHttps(fine);
    const probe = https({ host: "web.example.test", serverName: "other.example.test", caFile: CERTIFICATE });
    assert.equal(reasonOf(await ask(probe, target)), "tls");
    const byAddress = await ask(https({ caFile: CERTIFICATE }), target);
    assert.equal(reasonOf(byAddress), "tls");
    assert.match(detailOf(byAddress), /127\.0\.0\.1/);
  });

  it("says when its file of authorities cannot be read", async () => {
    const outcome = await ask(https({ caFile: "/nonexistent/ca.pem" }), await serveHttps(fine));
    assert.equal(reasonOf(outcome), "not-started");
    assert.match(detailOf(outcome), /\/nonexistent\/ca\.pem/);
  });

  it("calls it a TLS failure when the port speaks plain HTTP", async () => {
    assert.equal(reasonOf(await ask(https({ verify: false }), await serveHttp(fine))), "tls");
  });

  it("names the handshake when that is what never comes", async () => {
    const outcome = await ask(https({ verify: false }), await serveTcp(), SHORT);
    assert.equal(detailOf(outcome), "the TLS handshake did not come within 200ms");
  });
});

describe("places", () => {
  it("are given back after every kind of attempt, so that one place serves all", async () => {
    const checks = openChecks({ connections: 1, scripts: 1 });
    const silent = await serveTcp();
    const wrong = await serveHttp((_, response) => response.writeHead(500).end("no"));
    const plain = await serveHttp((_, response) => response.end("x".repeat(100_000)));
    const secure = await serveHttps((_, response) => response.end());
    const https = http({ type: "https", caFile: CERTIFICATE, serverName: "web.example.test" });
    const outcomes = [
      ask({ type: "tcp" }, silent, PATIENT, checks),
      ask({ type: "tcp" }, await refusingTarget(), PATIENT, checks),
      ask(http(), wrong, PATIENT, checks),
      ask(http(), plain, PATIENT, checks),
      ask(http({ path: "/a b" }), plain, PATIENT, checks),
      ask(https, secure, PATIENT, checks),
      ask({ ...https, serverName: "no" }, secure, PATIENT, checks),
      ask({ ...https, caFile: "/nonexistent" }, secure, PATIENT, checks),
      ask({ ...https, caFile: KEY }, secure, PATIENT, checks),
      ask({ type: "script", command: ["/nonexistent"] }, undefined, PATIENT, checks),
      ask({ type: "script", command: [""] }, undefined, PATIENT, checks),
      ask({ type: "script", command: ["false"] }, undefined, PATIENT, checks),
      ask({ type: "script", command: ["true"] }, undefined, PATIENT, checks),
    ];
    const reasons = (await Promise.all(outcomes)).map(reasonOf);
    const expected =
      "ok refused status ok not-started ok tls not-started tls not-started not-started exit ok";
    assert.equal(reasons.join(" "), expected);
    const hung = await ask(http(), silent, SHORT, checks);
    assert.equal(reasonOf(hung), "timeout");
    assert.equal(reasonOf(await ask({ type: "tcp" }, silent, PATIENT, checks)), "ok");
  });

  it("that do not come in time are our own fault, not the subject's", async () => {
    const checks = openChecks({ connections: 1, scripts: 1 });
    const silent = await serveTcp();
    const first = ask(http(), silent, seconds(1), checks);
    const second = ask({ type: "tcp" }, silent, SHORT, checks);
    assert.equal(reasonOf(await second), "overloaded");
    assert.equal(reasonOf(await first), "timeout");
  });
});
