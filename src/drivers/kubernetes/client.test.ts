/** One request at a time, and everything that can become of it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer as createTcp, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, type TestContext } from "node:test";
import { createServer as createTls, type TLSSocket, type TlsOptions } from "node:tls";
import { millis, seconds } from "#base/time";
import { openCluster, requestOf } from "./cluster.ts";
import type { ClusterCredentials } from "./credentials.ts";
import type { Answer, ClusterPort, Failure, Target } from "./port.ts";
import { credentialsFor, ManualTime, PKI, startProxy, startServer, type TestServer } from "./test-server.ts";
import { on } from "./test-watch.ts";

const directory = mkdtempSync(join(tmpdir(), "steelyard-kubernetes-"));
after(() => rmSync(directory, { recursive: true }));

const fileOf = (name: string, text: string): string => {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
};

const WEB: Target = {
  resource: { group: "", version: "v1", plural: "services", namespaced: true },
  namespace: "lb",
  name: "web",
};

const failureOf = (answer: Answer): Failure => {
  assert.ok(!answer.ok, JSON.stringify(answer));
  return answer.failure;
};

type Bed = { readonly server: TestServer; readonly cluster: ClusterPort; readonly time: ManualTime };

const open = async (
  test: TestContext,
  changes: Partial<ClusterCredentials> = {},
  options: Parameters<typeof startServer>[1] = {},
): Promise<Bed> => {
  const server = await startServer(test, options);
  const time = new ManualTime();
  const ping = seconds(1_000_000);
  const cluster = openCluster({ ...server.credentials, ...changes }, { time, connectionTimes: { ping } });
  test.after(() => cluster.close());
  return { server, cluster, time };
};

/** A port of 127.0.0.1 on which somebody listens who is no API server. */
const listen = async (
  test: TestContext,
  server: { listen(port: number, host: string): unknown; address(): unknown; close(): unknown },
): Promise<number> => {
  server.listen(0, "127.0.0.1");
  await once(server as ReturnType<typeof createTcp>, "listening");
  test.after(() => void server.close());
  return (server.address() as AddressInfo).port;
};

const readFrom = (test: TestContext, port: number, changes: Partial<ClusterCredentials> = {}) => {
  const time = new ManualTime();
  const cluster = openCluster(credentialsFor(port, changes), { time });
  test.after(() => cluster.close());
  return { answer: cluster.read(WEB), time };
};

describe("a request", () => {
  on("asks for what was meant, as who we are, and gives the answer", async (test) => {
    const { server, cluster } = await open(test);
    const answer = cluster.read(WEB);
    const received = await server.requests.take();
    assert.deepEqual(
      [received.method, received.path, received.authorization],
      ["GET", "/api/v1/namespaces/lb/services/web", "Bearer very-secret-token"],
    );
    received.answer(200, { kind: "Service" });
    assert.deepEqual(await answer, { ok: true, status: 200, body: { kind: "Service" } });
  });

  on("goes below the path of the server's URL", async (test) => {
    const { server } = await open(test);
    const cluster = openCluster({ ...server.credentials, server: `${server.credentials.server}/k8s/c-1/` });
    test.after(() => cluster.close());
    void cluster.read(WEB);
    assert.equal((await server.requests.take()).path, "/k8s/c-1/api/v1/namespaces/lb/services/web");
  });

  on("shares one connection with the others", async (test) => {
    const { server, cluster } = await open(test);
    const answers = [cluster.read(WEB), cluster.read(WEB), cluster.read(WEB)];
    for (const _ of answers) (await server.requests.take()).answer(200, {});
    await Promise.all(answers);
    assert.equal(server.sessions.length, 1);
  });

  const refusals: readonly (readonly [number, Failure["reason"]])[] = [
    [400, "invalid"],
    [403, "forbidden"],
    [404, "not-found"],
    [409, "conflict"],
    [410, "gone"],
    [415, "server-error"],
    [422, "invalid"],
    [429, "throttled"],
    [500, "server-error"],
    [503, "server-error"],
  ];
  for (const [status, reason] of refusals) {
    on(`that is answered by ${status} came to nothing because of: ${reason}`, async (test) => {
      const { server, cluster } = await open(test);
      const answer = cluster.read(WEB);
      (await server.requests.take()).answer(
        status,
        { kind: "Status", message: "no" },
        { "retry-after": "2" },
      );
      const retryAfter = 2_000;
      assert.deepEqual(failureOf(await answer), { reason, status, message: "no", retryAfter });
    });
  }

  on("tells what a server says in plain text, and no more than 1,024 characters", async (test) => {
    const { server, cluster } = await open(test);
    for (const [body, length] of [
      ["upstream is down\n", 16] as const,
      ["x".repeat(50_000), 1_024] as const,
    ]) {
      const answer = cluster.read(WEB);
      (await server.requests.take()).answer(502, body, { "retry-after": "-1" });
      const { message, retryAfter } = failureOf(await answer);
      assert.deepEqual([message.length, retryAfter], [length, undefined]);
    }
  });

  on("never repeats our secrets, even if the server does", async (test) => {
    const { server, cluster } = await open(test);
    const answer = cluster.read(WEB);
    const received = await server.requests.take();
    received.answer(403, { message: `nobody is allowed with ${received.authorization}` });
    assert.equal(failureOf(await answer).message, "nobody is allowed with Bearer ***");
  });

  on("whose answer is no JSON, or is cut off, came to nothing", async (test) => {
    const { server, cluster } = await open(test);
    const garbled = cluster.read(WEB);
    (await server.requests.take()).answer(200, "<html>");
    assert.equal(failureOf(await garbled).reason, "server-error");
    const cut = cluster.read(WEB);
    const received = await server.requests.take();
    received.begin().raw('{"kind":');
    await new Promise((resolve) => setImmediate(resolve));
    received.reset();
    assert.equal(failureOf(await cut).reason, "unreachable");
  });

  on("is given up when no answer comes, or its end does not", async (test) => {
    const { server, cluster, time } = await open(test);
    const silent = cluster.read(WEB);
    await server.requests.take();
    time.pass(seconds(30));
    assert.match(failureOf(await silent).message, /no answer within 30s/);
    const endless = cluster.read(WEB);
    (await server.requests.take()).begin().raw("{");
    let ended: Answer | undefined;
    void endless.then((answer) => {
      ended = answer;
    });
    while (ended === undefined) {
      time.pass(seconds(1));
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.match(failureOf(ended).message, /within 30s/);
  });

  on("after the client was closed comes to nothing, and so do those under way", async (test) => {
    const { server, cluster } = await open(test);
    const pending = cluster.read(WEB);
    await server.requests.take();
    cluster.close();
    assert.equal(failureOf(await pending).reason, "unreachable");
    assert.equal(failureOf(await cluster.read(WEB)).reason, "unreachable");
  });

  on("finds a new connection after the old one was closed", async (test) => {
    const { server, cluster } = await open(test);
    const first = cluster.read(WEB);
    const received = await server.requests.take();
    const closed = once(received.stream, "close");
    received.answer(200, {});
    await first;
    await closed;
    const [session] = server.sessions;
    assert.ok(session);
    session.destroy();
    // Until its end has come through, a request may still meet the old one; none is ever stuck to it.
    let arrival = server.requests.take();
    while (server.sessions.length < 2) {
      const next = cluster.read(WEB);
      const outcome = await Promise.race([next, arrival]);
      await new Promise((resolve) => setImmediate(resolve));
      if ("ok" in outcome) continue;
      outcome.answer(200, {});
      assert.equal((await next).ok, true);
      arrival = server.requests.take();
    }
  });
});

describe("a write", () => {
  on("is repeated by nobody", async (test) => {
    const { server, cluster } = await open(test);
    const answer = cluster.write(WEB, { verb: "create", body: { a: 1 } });
    const received = await server.requests.take();
    assert.deepEqual(
      [received.method, received.path, received.contentType, await received.body()],
      ["POST", "/api/v1/namespaces/lb/services", "application/json", '{"a":1}'],
    );
    received.reset();
    assert.equal(failureOf(await answer).reason, "unreachable");
    assert.ok(server.requests.isEmpty);
  });

  on("has the path, the query and the media type of its kind", async () => {
    const status = { ...WEB, subresource: "status" } as const;
    const told = (target: Target, write: Parameters<typeof requestOf>[1]) => {
      const { method, path, body } = requestOf(target, write);
      return [method, path, body?.contentType, body?.text].join(" ");
    };
    const path = "/api/v1/namespaces/lb/services/web";
    const body = { a: 1 };
    assert.equal(told(WEB, { verb: "update", body }), `PUT ${path} application/json {"a":1}`);
    const patch = { verb: "patch", body } as const;
    assert.equal(
      told(status, { ...patch, type: "strategic" }),
      `PATCH ${path}/status application/strategic-merge-patch+json {"a":1}`,
    );
    assert.equal(
      told(WEB, { ...patch, type: "apply", fieldManager: "steel yard", force: true }),
      `PATCH ${path}?fieldManager=steel+yard&force=true application/apply-patch+yaml {"a":1}`,
    );
    assert.match(told(WEB, { ...patch, type: "merge" }), /application\/merge-patch\+json/);
    assert.match(told(WEB, { ...patch, type: "json" }), /application\/json-patch\+json/);
    assert.equal(
      told(WEB, { verb: "delete", uid: "u" }),
      `DELETE ${path} application/json {"apiVersion":"v1","kind":"DeleteOptions","preconditions":{"uid":"u"}}`,
    );
    const pool = { group: "metallb.io", version: "v1beta1", plural: "ipaddresspools", namespaced: true };
    assert.match(
      told({ resource: pool, namespace: "lb", name: "../x?" }, { verb: "delete" }),
      /^DELETE \/apis\/metallb.io\/v1beta1\/namespaces\/lb\/ipaddresspools\/..%2Fx%3F /,
    );
    const nodes = { group: "", version: "v1", plural: "nodes", namespaced: false };
    assert.match(
      told({ resource: nodes, name: "n1" }, { ...patch, type: "merge" }),
      /^PATCH \/api\/v1\/nodes\/n1 /,
    );
  });
});

describe("credentials that are refused", () => {
  on("are read again, and the request is repeated once", async (test) => {
    const path = join(directory, "token");
    writeFileSync(path, "first-token\n");
    const { server, cluster } = await open(test, { user: { type: "token-file", path } });
    const answer = cluster.read(WEB);
    const first = await server.requests.take();
    assert.equal(first.authorization, "Bearer first-token");
    writeFileSync(path, "second-token\n");
    first.answer(401, { message: "token expired" });
    const second = await server.requests.take();
    assert.equal(second.authorization, "Bearer second-token");
    second.answer(200, {});
    assert.equal((await answer).ok, true);
  });

  on("twice are a failure, without the token in it", async (test) => {
    const { server, cluster } = await open(test);
    const answer = cluster.read(WEB);
    for (let round = 0; round < 2; round += 1)
      (await server.requests.take()).answer(401, { message: "very-secret-token is not valid" });
    assert.deepEqual(failureOf(await answer), {
      reason: "unauthorized",
      status: 401,
      message: "*** is not valid",
      retryAfter: undefined,
    });
    assert.ok(server.requests.isEmpty);
  });

  on("are read again after a minute as well, before they are refused", async (test) => {
    const path = join(directory, "rotating");
    writeFileSync(path, "first");
    const { server, cluster, time } = await open(test, { user: { type: "token-file", path } });
    const ask = async (): Promise<string | undefined> => {
      const answer = cluster.read(WEB);
      const received = await server.requests.take();
      received.answer(200, {});
      await answer;
      return received.authorization;
    };
    assert.equal(await ask(), "Bearer first");
    writeFileSync(path, "second");
    time.pass(seconds(59));
    assert.equal(await ask(), "Bearer first");
    time.pass(seconds(1));
    assert.equal(await ask(), "Bearer second");
    rmSync(path);
    time.pass(seconds(60));
    assert.match(failureOf(await cluster.read(WEB)).message, /rotating does not exist/);
    writeFileSync(path, "with\nlines");
    assert.match(failureOf(await cluster.read(WEB)).message, /rotating holds no token/);
  });

  on("may be a name and a password, or a certificate", async (test) => {
    const basic = await open(test, { user: { type: "basic", username: "ann", password: "pass-word" } });
    void basic.cluster.read(WEB);
    const { authorization } = await basic.server.requests.take();
    assert.equal(authorization, `Basic ${Buffer.from("ann:pass-word").toString("base64")}`);
    const certificate = {
      chain: { type: "inline", pem: PKI.client },
      key: { type: "inline", pem: PKI.clientKey },
    } as const;
    const user = { type: "certificate-only" } as const;
    const byCertificate = await open(test, { user, certificate }, { requestCert: true });
    void byCertificate.cluster.read(WEB);
    const received = await byCertificate.server.requests.take();
    assert.equal(received.authorization, undefined);
    const { socket } = received.stream.session ?? assert.fail();
    assert.equal((socket as TLSSocket).getPeerCertificate().subject.CN, "client");
  });
});

describe("a server that cannot be spoken to", () => {
  on("is not there", async (test) => {
    const closed = createTcp();
    const port = await listen(test, closed);
    closed.close();
    await once(closed, "close");
    const failure = failureOf(await readFrom(test, port).answer);
    assert.equal(failure.reason, "unreachable");
    assert.match(failure.message, /127\.0\.0\.1:\d+.*ECONNREFUSED/);
  });

  on("does not answer at all", async (test) => {
    const port = await listen(
      test,
      createTcp((socket) => test.after(() => socket.destroy())),
    );
    const { answer, time } = readFrom(test, port);
    let ended: Answer | undefined;
    void answer.then((each) => {
      ended = each;
    });
    while (ended === undefined) {
      await new Promise((resolve) => setImmediate(resolve));
      time.pass(millis(500));
    }
    assert.match(failureOf(ended).message, /no connection within 10s/);
  });

  on("is not waited for any more once the client is closed", async (test) => {
    const accepted: Socket[] = [];
    const server = createTcp((socket) => accepted.push(socket));
    const port = await listen(test, server);
    const cluster = openCluster(credentialsFor(port), { time: new ManualTime() });
    const answer = cluster.read(WEB);
    await once(server, "connection");
    const [socket] = accepted;
    assert.ok(socket);
    const gone = once(socket.resume(), "close");
    cluster.close();
    assert.match(failureOf(await answer).message, /the client was closed/);
    await gone;
  });

  on("hangs up", async (test) => {
    const port = await listen(
      test,
      createTcp((socket) => socket.destroy()),
    );
    assert.equal(failureOf(await readFrom(test, port).answer).reason, "unreachable");
  });

  on("speaks plain text", async (test) => {
    const port = await listen(
      test,
      createTcp((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")),
    );
    assert.equal(failureOf(await readFrom(test, port).answer).reason, "unreachable");
  });

  for (const [title, options] of [
    ["speaks HTTP/1.1 only", { ALPNProtocols: ["http/1.1"] }],
    ["does not say what it speaks", {}],
  ] as const) {
    on(`${title}: that is said`, async (test) => {
      const settings: TlsOptions = { key: PKI.serverKey, cert: PKI.server, ...options };
      const server = createTls(settings, (socket) => test.after(() => socket.destroy()));
      server.on("tlsClientError", () => undefined);
      const port = await listen(test, server);
      assert.match(failureOf(await readFrom(test, port).answer).message, /does not speak HTTP\/2/);
    });
  }

  const doubts: readonly (readonly [string, Partial<ClusterCredentials>, RegExp | undefined])[] = [
    ["has a certificate of nobody we trust", { authority: undefined }, /certificate/],
    ["has a certificate for another name", { serverName: "other.example.test" }, /other\.example\.test/],
    ["has the name that was asked for", { serverName: "api.example.test" }, undefined],
    ["is trusted although we know nobody, when told to", { authority: undefined, verify: false }, undefined],
    [
      "cannot be checked with a broken authority",
      { authority: { type: "inline", pem: "x" } },
      /certificate-authority-data of the kubeconfig holds no certificate in PEM/,
    ],
    [
      "cannot be checked with an empty authority, in place of which nobody else is trusted",
      { authority: { type: "inline", pem: "" } },
      /certificate-authority-data of the kubeconfig holds no certificate in PEM/,
    ],
    [
      "cannot be checked with an empty file",
      { authority: { type: "file", path: fileOf("empty.crt", "") } },
      /empty\.crt holds no certificate in PEM/,
    ],
    [
      "cannot be checked with a file that holds a key, not a certificate",
      { authority: { type: "file", path: fileOf("key.crt", PKI.serverKey) } },
      /key\.crt holds no certificate in PEM/,
    ],
    [
      "cannot be checked with a file that is cut off",
      {
        authority: {
          type: "file",
          path: fileOf("cut.crt", `${PKI.authority}${PKI.authority.slice(0, 200)}`),
        },
      },
      /cut\.crt holds a certificate that cannot be read/,
    ],
    [
      "is trusted by one authority of several, with words between them",
      { authority: { type: "file", path: fileOf("two.crt", `one\n${PKI.client}two\r\n${PKI.authority}`) } },
      undefined,
    ],
    [
      "cannot be checked with an authority that is not there",
      { authority: { type: "file", path: join(directory, "no.crt") } },
      /no\.crt does not exist/,
    ],
    [
      "is not sent a key that cannot be used",
      {
        certificate: { chain: { type: "inline", pem: PKI.client }, key: { type: "inline", pem: "secret" } },
      },
      /cannot be used/,
    ],
  ];
  for (const [title, changes, expected] of doubts) {
    on(title, async (test) => {
      const { server, cluster } = await open(test, changes);
      const answer = cluster.read(WEB);
      if (expected === undefined) (await server.requests.take()).answer(200, {});
      const given = await answer;
      if (expected === undefined) assert.equal(given.ok, true, JSON.stringify(given));
      else {
        assert.match(failureOf(given).message, expected);
        assert.doesNotMatch(failureOf(given).message, /secret/);
      }
    });
  }

  on("is found dead by pings while a request waits", async (test) => {
    const server = await startServer(test);
    const proxy = await startProxy(test, Number(new URL(server.credentials.server).port));
    const time = new ManualTime();
    const cluster = openCluster(credentialsFor(proxy.port), { time });
    test.after(() => cluster.close());
    const answer = cluster.read(WEB);
    await server.requests.take();
    proxy.freeze();
    let ended: Answer | undefined;
    void answer.then((each) => {
      ended = each;
    });
    const beganAt = time.now();
    while (ended === undefined) {
      time.pass(millis(100));
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.match(failureOf(ended).message, /PING/);
    assert.ok(time.now() - beganAt <= seconds(11));
  });
});
