/** Renders the configuration of conntrackd 1.4 (conntrackd.conf(5)). */
import { type IpAddress, isIpv4 } from "#base/address";
import type { VirtualServer } from "#core/balance/model";
import type { ConnectionSyncConfig } from "./config.ts";

/** Where the daemon keeps its files. */
export type DaemonFiles = { readonly lock: string; readonly socket: string };

/** Room for as many connections in each of the daemon's tables. */
const CAPACITY = 262_144;
const BUCKETS = 32_768;
/** Bursts of events: 2 MB to begin with, and at most 16 MB, of the kernel's memory. */
const EVENT_BUFFER = 2_097_152;
const EVENT_BUFFER_LIMIT = 16_777_216;
const SOCKET_BUFFER = 1_249_280;

const line = (address: IpAddress): string => `${isIpv4(address) ? "IPv4" : "IPv6"}_address ${address}`;

/**
 * The addresses by which the daemon knows our connections: those of the backends behind `masquerade` and `nat`, and of
 * sorry servers, sorted. It looks at the client's address and at the one that answers, never at the virtual one.
 */
export const syncedAddresses = (servers: readonly VirtualServer[]): readonly IpAddress[] => {
  const addresses = servers
    .filter(({ mode }) => mode !== "dsr")
    .flatMap(({ backends, sorryServer }) => [
      ...backends.map(({ address }) => address),
      ...(sorryServer === undefined ? [] : [sorryServer.address]),
    ]);
  return [...new Set(addresses)].sort();
};

/** The file's text; `addresses` are those of `syncedAddresses`, at least one. */
export const renderDaemonConfig = (
  config: ConnectionSyncConfig,
  { addresses, files }: { readonly addresses: readonly IpAddress[]; readonly files: DaemonFiles },
): string => {
  const family = isIpv4(config.address) ? "IPv4" : "IPv6";
  return `# Written by steelyard for ConnectionSync/${config.name}; changes are lost.
Sync {
  Mode FTFW {
    DisableExternalCache yes
    StartupResync yes
  }
  UDP {
    ${family}_address ${config.address}
    ${family}_Destination_Address ${config.peer}
    Port ${config.port}
    Interface ${config.interface}
    SndSocketBuffer ${SOCKET_BUFFER}
    RcvSocketBuffer ${SOCKET_BUFFER}
    Checksum on
  }
}
General {
  HashSize ${BUCKETS}
  HashLimit ${CAPACITY}
  LockFile ${files.lock}
  UNIX {
    Path ${files.socket}
  }
  NetlinkBufferSize ${EVENT_BUFFER}
  NetlinkBufferSizeMaxGrowth ${EVENT_BUFFER_LIMIT}
  NetlinkOverrunResync 5
  Filter From Userspace {
    Protocol Accept {
      TCP
      UDP
    }
    Address Accept {
${addresses.map((address) => `      ${line(address)}\n`).join("")}    }
    State Accept {
      ESTABLISHED CLOSED TIME_WAIT CLOSE_WAIT for TCP
    }
  }
}
`;
};
