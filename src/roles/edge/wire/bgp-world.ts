/** BGP, BFD and router advertisements of this machine. */
import { randomInt } from "node:crypto";
import { hostname } from "node:os";
import { join } from "node:path";
import { LONGEST_ESTATE } from "#core/bfd/legacy-words";
import { digest } from "#drivers/bfd/digest";
import { openBfdPort } from "#drivers/bfd/linux";
import { openBgpPort } from "#drivers/bgp/linux";
import { openBequest } from "#drivers/files/bequest";
import { readBootId } from "#drivers/host/linux";
import { openAdvertisementPort } from "#drivers/router-advertisement/linux";
import type { BgpWorld } from "./bgp-parts.ts";

const LARGEST_NUMBER = 2 ** 32;

/** In the runtime directory: BFD sessions with routers, for the next run. */
const BFD_BEQUEST = "bfd.json";

/** Opens nothing yet that the kernel would notice. */
export const openBgpWorld = (runtimeDirectory: string): BgpWorld => ({
  bequest: openBequest(join(runtimeDirectory, BFD_BEQUEST), LONGEST_ESTATE),
  bootId: readBootId(),
  ...{ tcp: openBgpPort(), bfd: openBfdPort(), routers: openAdvertisementPort(), hostname: hostname() },
  random: () => randomInt(LARGEST_NUMBER) / LARGEST_NUMBER,
  digest,
  // After the sockets that are ready now.
  afterReading: (run) => void setImmediate(run),
});
