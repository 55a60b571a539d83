/** The suite of single packets for the engines that this machine's kernel has. Needs root. */
import type { XdpOptions } from "#drivers/balance/xdp/engine";
import type { Bed } from "./balance-bed.ts";
import { describeSinglePackets, type Manner } from "./balance-frames.ts";

const NFTABLES: Manner = {
  open: (bed) => ({ engine: bed.combine("e1", undefined) }),
  ...{ table: "plan's", fragments: "apart", earlyErrors: "by hash" },
};

const openXdp = (bed: Bed, mode: XdpOptions["mode"]): ReturnType<Manner["open"]> => {
  const xdp = bed.openXdp("e1", mode);
  return { xdp, engine: bed.combine("e1", xdp) };
};

describeSinglePackets("single packets by nftables", NFTABLES);
describeSinglePackets("single packets by XDP in generic mode", {
  ...NFTABLES,
  open: (bed) => openXdp(bed, "generic"),
  sendsElsewhere: true,
});
describeSinglePackets("single packets by XDP in the driver", {
  ...NFTABLES,
  open: (bed) => {
    bed.receiveByDriver("e1");
    return openXdp(bed, "native");
  },
  sendsElsewhere: false,
});
