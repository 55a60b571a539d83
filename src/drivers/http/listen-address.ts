/** Where a server listens over TCP, as it is written. */

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
