/**
 * The station of the interoperation tests in a process that saves memory as a speaker's does: with SIGUSR2 it does what the speaker
 * does once nothing has happened for ten seconds, and with SIGHUP what it does when there is much to do again. With the word `realtime`
 * it asks for the scheduling that a speaker asks for.
 *
 * To be bundled into one file, in which the station takes itself for the program that was started, and begins.
 */
import { collectAlone, expectWork, rest } from "#drivers/host/memory";
import { beRealtimeWithHelpers } from "#drivers/host/realtime";
import "#test/interop/bgp-station";

if (process.argv.includes("realtime")) {
  collectAlone();
  beRealtimeWithHelpers();
}
process.on("SIGUSR2", rest);
process.on("SIGHUP", expectWork);
