/**
 * How the API server of a test reaches a webhook: nothing here carries the addresses of Services, so it is told to use a
 * proxy, and the proxy leads to one port of this machine, whatever Service is asked for.
 *
 * The webhook configuration stays word for word what it is in a cluster, and the certificate must name the Service.
 */
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";

export type WebhookWay = {
  /** What makes a Go program take this way. */
  readonly environment: Readonly<Record<string, string>>;
  /** Leads to this port from now on; `undefined`, as at first, leads nowhere. */
  leadTo(port: number | undefined): void;
  close(): Promise<void>;
};

/** Opens a way that leads nowhere yet. */
export const openWebhookWay = async (): Promise<WebhookWay> => {
  let target: number | undefined;
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
  };
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const server = createServer();
  server.on("connect", (_request, outer: Socket, head: Buffer) => {
    keep(outer);
    if (target === undefined) {
      outer.end("HTTP/1.1 502 Bad Gateway\r\n\r\n");
      return;
    }
    const inner = connect(target, "127.0.0.1", () => {
      outer.write("HTTP/1.1 200 Connection Established\r\n\r\n");
      inner.write(head);
      inner.pipe(outer);
      outer.pipe(inner);
    });
    keep(inner);
    inner.on("close", () => outer.destroy());
    outer.on("close", () => inner.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    environment: { HTTPS_PROXY: `http://127.0.0.1:${port}`, NO_PROXY: "127.0.0.1,localhost" },
    leadTo: (next) => {
      target = next;
      cut();
    },
    close: () => {
      cut();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
};
