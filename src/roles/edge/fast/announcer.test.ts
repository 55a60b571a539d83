import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { seconds } from "#base/time";
import { FLAG } from "#core/ndp/constants";
import { virtualAddress, virtualRouter } from "#testing/values";
import { createBed, type Machine } from "./bed.ts";

const IPV6_HEADER_LENGTH = 40;
/** Flags are the first byte after type, code and checksum (RFC 4861 §4.4). */
const FLAGS_AT = IPV6_HEADER_LENGTH + 4;

const flagsAnnounced = async (prepare: (machine: Machine) => void): Promise<readonly number[]> => {
  const bed = createBed();
  const machine = bed.add(1);
  prepare(machine);
  machine.configure(virtualRouter({ family: "IPv6", addresses: [virtualAddress("2001:db8::100/64")] }));
  await bed.run(seconds(5));
  return machine.station.announced.map(
    ({ payload }) => (payload[FLAGS_AT] ?? 0) & (FLAG.router | FLAG.override),
  );
};

describe("an unsolicited neighbour advertisement", () => {
  it("calls the host what the kernel calls it in its own answers (RFC 4861 §7.2.5)", async () => {
    const asHost = await flagsAnnounced(() => {});
    const asRouter = await flagsAnnounced((machine) => machine.forwardIpv6());
    assert.ok(asHost.length > 0 && asHost.every((flags) => flags === FLAG.override), `${asHost}`);
    assert.ok(
      asRouter.length > 0 && asRouter.every((flags) => flags === (FLAG.override | FLAG.router)),
      `${asRouter}`,
    );
  });
});
