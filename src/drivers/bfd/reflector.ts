/** The socket that sends echo packets of neighbours back (RFC 5880 §6.4, RFC 5881 §4). */
import type { Datagram } from "#core/bfd/admission";
import { ECHO_PORT, HOP_LIMIT } from "#core/bfd/constants";
import type { Door } from "#native/door";
import * as linux from "./constants.ts";
import { int32, leavingFrom, sockaddr } from "./layout.ts";
import type { BfdPort, BfdReflector } from "./port.ts";
import { startReading } from "./receiver.ts";

/** One hop less than a neighbour's own packets have, so that nobody takes it for one that is to be sent back again. */
const HOPS_BACK = HOP_LIMIT - 1;

type Request = Parameters<BfdPort["openReflector"]>[0];

/** Starts to send back what comes to a socket that is bound; gives a negative errno if it cannot. */
export const startReflecting = (door: Door, fd: number, request: Request): BfdReflector | number => {
  const { family, isPeer, onError } = request;
  let reflected = 0;
  let refused = 0;
  const sendBack = (datagram: Datagram): void => {
    const { source, destination, linkIndex, payload } = datagram;
    const sent = isPeer(datagram)
      ? door.sendmsg(
          fd,
          payload,
          sockaddr(source, ECHO_PORT, linkIndex),
          leavingFrom(destination, linkIndex),
          0,
        )
      : -1;
    if (sent < 0) refused += 1;
    else reflected += 1;
  };
  const [level, name] =
    family === "IPv4" ? [linux.SOL_IP, linux.IP_TTL] : [linux.SOL_IPV6, linux.IPV6_UNICAST_HOPS];
  const set = door.setsockopt(fd, level, name, int32(HOPS_BACK));
  if (set < 0) return set;
  const reader = startReading(
    door,
    { news: fd },
    { family, path: "single-hop", onDatagram: sendBack, onError },
  );
  if (typeof reader === "number") return reader;
  let closed = false;
  return {
    counters: () => ({ reflected, refused }),
    close: () => {
      if (closed) return;
      closed = true;
      reader.stop();
      door.close(fd);
    },
  };
};
