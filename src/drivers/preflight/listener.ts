/** Where a TCP port of this machine is waited on. */
import { readFileSync } from "node:fs";
import { addressFromBytes, type IpAddress } from "#base/address";

const LISTENING = "0A";

/** The kernel prints an address as words of 32 bits in its own byte order. */
const addressOf = (hex: string): IpAddress | undefined => {
  if (!/^([0-9A-F]{8}|[0-9A-F]{32})$/.test(hex)) return undefined;
  const words = Uint32Array.from(hex.match(/.{8}/g) ?? [], (word) => Number.parseInt(word, 16));
  return addressFromBytes(new Uint8Array(words.buffer));
};

const rowsOf = (path: string): readonly string[] => {
  try {
    return readFileSync(path, "latin1").split("\n").slice(1);
  } catch {
    return [];
  }
};

/** The addresses at which somebody waits for connections to this port, `0.0.0.0` and `::` among them. `proc` is /proc but in tests. */
export const listeningAddresses = (port: number, proc = "/proc"): readonly IpAddress[] => {
  const wanted = port.toString(16).toUpperCase().padStart(4, "0");
  const found = ["tcp", "tcp6"].flatMap((table) =>
    rowsOf(`${proc}/net/${table}`).flatMap((row) => {
      const [, local = "", , state] = row.trim().split(/\s+/);
      const [hex = "", its] = local.split(":");
      const address = its === wanted && state === LISTENING ? addressOf(hex) : undefined;
      return address === undefined ? [] : [address];
    }),
  );
  return [...new Set(found)];
};
