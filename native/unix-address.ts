/** Addresses of unix sockets as the kernel lays them out (unix(7)). */

const AF_UNIX = 1;
/** Room for the name in `struct sockaddr_un`. */
const LONGEST_NAME = 108;

/** `struct sockaddr_un`; `undefined` when the name does not fit. An abstract name (`@`) begins with a zero byte instead. */
export const unixSockaddr = (name: string): Uint8Array | undefined => {
  const isAbstract = name.startsWith("@");
  const bytes = new TextEncoder().encode(isAbstract ? `\0${name.slice(1)}` : `${name}\0`);
  if (bytes.length > LONGEST_NAME || (!isAbstract && name.includes("\0"))) return undefined;
  const address = new Uint8Array(2 + bytes.length);
  address.set(new Uint8Array(Uint16Array.of(AF_UNIX).buffer));
  address.set(bytes, 2);
  return address;
};
