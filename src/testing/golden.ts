/** Golden packets: hex dumps that Wireshark's `text2pcap` reads too, one packet a file. */
import { readFileSync } from "node:fs";

const LINE = /^(?<offset>[0-9a-f]{4,8})\s+(?<bytes>(?:[0-9a-f]{2}(?:\s+|$)){1,16})$/;

/** Reads a dump: `#` lines are comments, the others are an offset and up to 16 bytes in hexadecimal. */
export const parseHexDump = (text: string): Uint8Array => {
  const bytes: number[] = [];
  for (const line of text.split("\n")) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const groups = LINE.exec(line.trim())?.groups;
    if (groups === undefined) throw new Error(`not a line of a hex dump: ${line}`);
    const offset = Number.parseInt(groups.offset ?? "", 16);
    if (offset !== bytes.length) throw new Error(`offset ${groups.offset} after ${bytes.length} bytes`);
    for (const byte of (groups.bytes ?? "").trim().split(/\s+/)) bytes.push(Number.parseInt(byte, 16));
  }
  return Uint8Array.from(bytes);
};

/** Reads the dump in a file, such as `new URL("testdata/x.hex", import.meta.url)`. */
export const readHexDump = (file: URL): Uint8Array => parseHexDump(readFileSync(file, "utf8"));
