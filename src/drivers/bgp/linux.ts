/** TCP of the network namespace of the calling thread; needs CAP_NET_BIND_SERVICE for port 179, CAP_NET_RAW for links. */
import { type Door, openDoor } from "#native/door";
import { connect } from "./connect.ts";
import { listen } from "./listen.ts";
import type { BgpPort } from "./port.ts";
import { createSocketMaker } from "./sockets.ts";

/** The real one; callbacks run on the event loop of this thread. */
export const openBgpPort = (door: Door = openDoor()): BgpPort => {
  const maker = createSocketMaker(door);
  return {
    connect: (request) => connect(maker, request),
    listen: (request) => listen(maker, request),
  };
};
