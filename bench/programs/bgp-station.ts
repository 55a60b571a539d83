/**
 * The station of the interoperation tests in a process that saves memory as a speaker's does: with SIGUSR2 it does what the speaker
 * does once nothing has happened for ten seconds, and with SIGHUP what it does when there is much to do again.
 *
 * To be bundled into one file, in which the station takes itself for the program that was started, and begins.
 */
import { expectWork, rest } from "#drivers/host/memory";
import "#test/interop/bgp-station";

process.on("SIGUSR2", rest);
process.on("SIGHUP", expectWork);
