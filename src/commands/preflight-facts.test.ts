import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { parseAddress } from "#base/address";
import { seconds } from "#base/time";
import { checkFacts } from "./preflight-facts.ts";

describe("the check of a preflight", () => {
  it("says of an API server that passes by a 401 that it tells nobody how it is", async (test) => {
    let status = 401;
    const server = createServer((_, response) => response.writeHead(status).end()).listen(0, "127.0.0.1");
    test.after(() => server.close());
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const address = parseAddress("127.0.0.1");
    assert(address !== undefined);
    const statuses = [
      { from: 200, to: 299 },
      { from: 401, to: 401 },
    ];
    const probe = { type: "http", path: "/livez", statuses, verify: false } as const;
    const check = () => checkFacts({ probe, address, port, timeout: seconds(10) });
    assert.deepEqual(
      [(await check()).ok, (await check()).detail],
      [true, "status 401: it tells nobody how it is"],
    );
    status = 200;
    assert.deepEqual([(await check()).ok, (await check()).detail], [true, ""]);
  });
});
