/** From which port a request goes out, as long as its connection is new. */
import type { ClientRequest } from "node:http";

/** Tells the port that the kernel chose for the request's new connection. */
export const onOwnPort = (request: ClientRequest, tell: (port: number) => void): void => {
  request.once("socket", (socket) => {
    if (!socket.connecting) return;
    const look = (): void => {
      if (socket.localPort !== undefined) tell(socket.localPort);
    };
    // The kernel has chosen when it has been asked to connect, which Node.js does after this turn.
    setImmediate(look);
    socket.once("connect", look);
  });
};
