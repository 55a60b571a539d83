/**
 * A lock that one process in a network namespace can hold: a listening unix socket of an abstract name, which the kernel
 * keeps once for each network namespace and lets go with the process, however that ends.
 *
 * Any user may take any abstract name. One who lacks what the lock's holder needs, such as the right to configure the network, is
 * no rival, and keeps nobody out: the kernel says who listens (SO_PEERCRED). Whom it cannot name, because they live in another process namespace or let
 * their queue fill up, is believed.
 */
import { readFileSync } from "node:fs";
import { type Capability, missingCapabilities } from "#core/host/capabilities";
import { type Door, errnoName, openDoor } from "#native/door";
import { unixSockaddr } from "#native/unix-address";

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
/** `struct ucred`: process, user, group, 32 bits each. */
const UCRED_LENGTH = 12;
/** Nobody is ever let in; room for those who only look who is there. */
const BACKLOG = 64;

export type Lock =
  /** Held until `release` or the end of the process. `detail`: a stranger sits on the name, so it keeps nobody else out. */
  | { readonly taken: true; readonly release: () => void; readonly detail?: string }
  | { readonly taken: false; readonly detail: string };

/** The process that listens at `address`, as numbered here; `undefined` when the kernel does not say. */
const listenerAt = (door: Door, address: Uint8Array): number | undefined => {
  const fd = door.socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd < 0) return undefined;
  const credentials = new Uint8Array(UCRED_LENGTH);
  const known =
    door.connect(fd, address) === 0 && door.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials) >= 0;
  door.close(fd);
  const pid = new DataView(credentials.buffer).getInt32(0, true);
  return known && pid > 0 ? pid : undefined;
};

const isAble = (pid: number, needs: Capability): boolean => {
  try {
    return missingCapabilities(readFileSync(`/proc/${pid}/status`, "utf8"), [needs]).length === 0;
  } catch {
    return true;
  }
};

type LockRequest = {
  /** What everybody has who takes this lock in earnest. */
  readonly needs?: Capability;
  readonly door?: Door;
};

/** Takes the lock of this name in the network namespace of this process, or says who holds it. */
export const takeLock = (
  name: string,
  { needs = "CAP_NET_ADMIN", door = openDoor() }: LockRequest = {},
): Lock => {
  const address = unixSockaddr(`@${name}`);
  const fd = address === undefined ? -1 : door.socket(AF_UNIX, SOCK_STREAM, 0);
  if (address === undefined || fd < 0) return { taken: false, detail: `no lock: ${errnoName(fd)}` };
  const release = (): void => void door.close(fd);
  const bound = door.bind(fd, address);
  if (bound >= 0) {
    door.listen(fd, BACKLOG);
    return { taken: true, release };
  }
  release();
  if (errnoName(bound) !== "EADDRINUSE") return { taken: false, detail: `no lock: ${errnoName(bound)}` };
  const pid = listenerAt(door, address);
  if (pid !== undefined && !isAble(pid, needs)) {
    const detail = `process ${pid} sits on the name @${name} without being one of us: a second one would not be noticed`;
    return { taken: true, release: () => {}, detail };
  }
  const who = pid === undefined ? "" : ` (process ${pid})`;
  return { taken: false, detail: `another ${name.replace("-", " ")} runs in this network namespace${who}` };
};
