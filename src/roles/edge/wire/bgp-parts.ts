/** What talking to routers needs of the world. */

import type { BgpPort } from "#drivers/bgp/port";
import type { Bequest } from "#drivers/files/bequest";
import type { AdvertisementPort } from "#drivers/router-advertisement/port";
import type { BfdHubParts } from "#runtime/bfd/hub";
import type { BgpSpeakerParts } from "#runtime/bgp/parts";

/** Everything is real in `bgp-world.ts`; tests put their own in. */
export type BgpWorld = Pick<BfdHubParts, "bfd" | "digest"> &
  Pick<BgpSpeakerParts, "random" | "afterReading"> & {
    readonly tcp: BgpPort;
    readonly routers: AdvertisementPort;
    /** What the last run has left of BFD, and this one may. */
    readonly bequest: Bequest;
    /** Of this start of the machine. */
    readonly bootId: string;
    /** The name of this machine. */
    readonly hostname: string;
  };
