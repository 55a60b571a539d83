/** Serves a few GET routes over TCP, in plain text: for whoever must ask from elsewhere (kubelet, Prometheus). */
import { closeRouteServer, createRouteServer, type Route } from "./routes.ts";
import type { AdminError, AdminServer } from "./server.ts";

/** Where to listen. */
export type ListenAddress = {
  /** An address of this machine; `undefined` means all of them, both families. */
  readonly host: string | undefined;
  /** 0 lets the kernel choose. */
  readonly port: number;
};

const LISTEN_TEXT = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]*)):(\d{1,5})$/;

/** Reads `:9120`, `127.0.0.1:9120` or `[::1]:9120`; `undefined` if it is none of these. */
export const parseListenAddress = (text: string): ListenAddress | undefined => {
  const match = LISTEN_TEXT.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) return undefined;
  const host = match[1] ?? match[2];
  return { host: host === "" ? undefined : host, port };
};

/** Starts to listen; `port` is the one that is used. */
export const openTcpServer = async (
  { host, port }: ListenAddress,
  routes: Readonly<Record<string, Route>>,
): Promise<(AdminServer & { readonly port: number }) | AdminError> => {
  const server = createRouteServer(routes);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ port, ...(host === undefined ? {} : { host }) }, resolve);
    });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { message: `cannot listen on ${host ?? ""}:${port}: ${message}` };
  }
  // A connection that cannot be accepted (EMFILE) is the client's bad luck.
  server.on("error", () => {});
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : port,
    close: () => closeRouteServer(server),
  };
};
