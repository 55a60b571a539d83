/** Serves a few GET routes over TCP, in plain text: for whoever must ask from elsewhere (kubelet, Prometheus). */
import type { ListenAddress } from "./listen-address.ts";
import { closeRouteServer, createRouteServer, type Route } from "./routes.ts";
import type { AdminError, AdminServer } from "./server.ts";

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
