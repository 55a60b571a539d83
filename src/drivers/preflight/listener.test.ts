import assert from "node:assert/strict";
import { createServer } from "node:net";
import { it } from "node:test";
import { listeningAddresses } from "./listener.ts";

it("the kernel's table of connections says where somebody waits", async () => {
  const servers = await Promise.all(
    ["127.0.0.1", "::1"].map(
      (host) =>
        new Promise<{ readonly host: string; readonly port: number; readonly close: () => void }>(
          (resolve, reject) => {
            const server = createServer().once("error", reject);
            server.listen(0, host, () => {
              const address = server.address();
              resolve({
                host,
                port: typeof address === "object" ? (address?.port ?? 0) : 0,
                close: () => server.close(),
              });
            });
          },
        ),
    ),
  );
  for (const { host, port, close } of servers) {
    assert.deepEqual(listeningAddresses(port), [host]);
    close();
  }
  assert.deepEqual(listeningAddresses(1, "/nowhere"), []);
});
