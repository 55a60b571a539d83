/** Frames of ARP and NDP as tcpdump captured them, decoded by our own codecs. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { addressFromBytes } from "#base/address";
import { readU8, readU16 } from "#base/bytes";
import { macFromBytes } from "#base/mac";
import { type ArpPacket, decode as decodeArp } from "#core/arp/packet";
import { decode as decodeNdp, type NdpMessage } from "#core/ndp/packet";
import type { LabHostHandle } from "#lab/index";

/** One frame. A message that our codecs refuse is shown with the reason. */
export type Frame = {
  /** Microseconds since 1970. */
  readonly at: number;
  readonly source: string;
  readonly destination: string;
  readonly message:
    | ({ readonly protocol: "arp" } & ArpPacket)
    | ({ readonly protocol: "ndp" } & NdpMessage)
    | { readonly protocol: "refused"; readonly reason: string };
};

export type Capture = {
  /** What was captured so far. */
  frames(): readonly Frame[];
  /** Ends it and gives everything. */
  finish(): Promise<readonly Frame[]>;
};

const ETHERNET = 14;
const IPV6 = 40;
const ETHER_TYPE = { arp: 0x0806, ipv6: 0x86dd };
/** More than any of these frames has; with room for a burst of thousands, while others want the processors (KiB). */
const ROOM = ["-s", "256", "-B", "8192"];
const FILTER = "arp or (icmp6 and (ip6[40] == 135 or ip6[40] == 136))";

const decodeMessage = (frame: Uint8Array): Frame["message"] => {
  if (readU16(frame, 12) === ETHER_TYPE.arp) {
    const arp = decodeArp(frame.subarray(ETHERNET));
    return arp.ok ? { protocol: "arp", ...arp.value } : { protocol: "refused", reason: arp.reason };
  }
  const source = addressFromBytes(frame.subarray(ETHERNET + 8, ETHERNET + 24));
  const destination = addressFromBytes(frame.subarray(ETHERNET + 24, ETHERNET + IPV6));
  const start = ETHERNET + IPV6;
  const payload = frame.subarray(start, start + readU16(frame, ETHERNET + 4));
  const ndp = decodeNdp(payload, { source, destination, hopLimit: readU8(frame, ETHERNET + 7) });
  return ndp.ok ? { protocol: "ndp", ...ndp.value } : { protocol: "refused", reason: ndp.reason };
};

const FILE_HEADER = 24;
const RECORD_HEADER = 16;

/** Reads a file of libpcap in this machine's byte order; a record that is being written now is left out. */
const readFrames = (file: Uint8Array): readonly Frame[] => {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const frames: Frame[] = [];
  for (let at = FILE_HEADER; at + RECORD_HEADER <= file.length; ) {
    const length = view.getUint32(at + 8, true);
    const frame = file.subarray(at + RECORD_HEADER, at + RECORD_HEADER + length);
    if (frame.length < length) break;
    frames.push({
      at: view.getUint32(at, true) * 1_000_000 + view.getUint32(at + 4, true),
      destination: macFromBytes(frame.subarray(0, 6)),
      source: macFromBytes(frame.subarray(6, 12)),
      message: decodeMessage(frame),
    });
    at += RECORD_HEADER + length;
  }
  return frames;
};

let captures = 0;

/** Captures at an interface of a host: `eth0` of a client, or in `sw` the port that bears a host's name. */
export const startCapture = async (
  host: LabHostHandle,
  { folder, interface: device = "eth0" }: { readonly folder: string; readonly interface?: string },
): Promise<Capture> => {
  captures += 1;
  const file = join(folder, `capture-${captures}.pcap`);
  const flags = ["-n", "-U", "--immediate-mode", "-Z", "root", ...ROOM, "-w", file];
  const tcpdump = await host.spawn(["tcpdump", "-i", device, ...flags, FILTER]);
  await tcpdump.said(/listening on/);
  const frames = (): readonly Frame[] => readFrames(readFileSync(file));
  return {
    frames,
    finish: async () => {
      await tcpdump.stop();
      return frames();
    },
  };
};
