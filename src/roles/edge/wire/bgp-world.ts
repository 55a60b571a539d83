/** BGP, BFD and router advertisements of this machine. */
import { randomInt } from "node:crypto";
import { hostname } from "node:os";
import { digest } from "#drivers/bfd/digest";
import { openBfdPort } from "#drivers/bfd/linux";
import { openBgpPort } from "#drivers/bgp/linux";
import { openAdvertisementPort } from "#drivers/router-advertisement/linux";
import type { BgpWorld } from "./bgp-parts.ts";

const LARGEST_NUMBER = 2 ** 32;

/** Opens nothing yet that the kernel would notice. */
export const openBgpWorld = (): BgpWorld => ({
  ...{ tcp: openBgpPort(), bfd: openBfdPort(), routers: openAdvertisementPort(), hostname: hostname() },
  random: () => randomInt(LARGEST_NUMBER) / LARGEST_NUMBER,
  digest,
  // After the sockets that are ready now.
  afterReading: (run) => void setImmediate(run),
});
