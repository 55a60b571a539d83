/** The pages of one program: all of them on its admin socket, and what anybody may read on a port as well. */
import type { ListenAddress } from "./listen-address.ts";
import type { Route } from "./routes.ts";
import { type AdminError, type AdminServer, openAdminServer } from "./server.ts";
import { openTcpServer } from "./tcp.ts";

type Routes = Readonly<Record<string, Route>>;

/** Opens the servers, or none of them. */
export const openServers = async (
  admin: { readonly path: string; readonly routes: Routes },
  listen: { readonly address: ListenAddress; readonly routes: Routes } | undefined,
): Promise<AdminServer | AdminError> => {
  const first = await openAdminServer(admin.path, admin.routes);
  if ("message" in first || listen === undefined) return first;
  const second = await openTcpServer(listen.address, listen.routes);
  if ("message" in second) {
    await first.close();
    return second;
  }
  return {
    close: async () => {
      await Promise.all([first.close(), second.close()]);
    },
  };
};
