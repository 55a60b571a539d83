import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { millis, seconds } from "#base/time";
import type { VirtualRouterConfig } from "#core/vrrp/config";
import { address, virtualRouter } from "#testing/values";
import { createBed, type Machine, spoofer } from "./bed.ts";

const router = (): VirtualRouterConfig =>
  virtualRouter({ name: "front", advertisementInterval: millis(100) });

describe("conflicts", () => {
  const said = (machine: Machine): readonly string[] =>
    machine
      .take("router-conflict")
      .map(({ router: name, conflict, state, detail }) =>
        [name, conflict, state, detail].filter(Boolean).join(" "),
      );

  it("report a stranger's virtual router id once, and its end half a minute after the last packet", async () => {
    const bed = createBed();
    const machine = bed.add(1);
    machine.configure(router());
    const send = spoofer(bed, "192.0.2.66");
    for (let count = 0; count < 5; count += 1) send({ vrid: 77 });
    assert.deepEqual(said(machine), [
      "front vrid-unexpected begun virtual router id 77 is not configured here",
    ]);
    assert.equal(machine.counts.get("vrrp-dropped front vrid-mismatch"), 5);
    await bed.run(seconds(29));
    assert.deepEqual(said(machine), []);
    await bed.run(seconds(2));
    assert.deepEqual(said(machine), [
      "front vrid-unexpected ended virtual router id 77 is not configured here",
    ]);
  });

  it("end with the router that reported them", async () => {
    const bed = createBed();
    const machine = bed.add(1);
    machine.configure(router());
    const send = spoofer(bed, "192.0.2.66");
    send({ vrid: 77 });
    send({ addresses: [address("192.0.2.99")] });
    assert.deepEqual(said(machine), [
      "front vrid-unexpected begun virtual router id 77 is not configured here",
      "front address-list-mismatch begun",
    ]);
    machine.configure();
    assert.deepEqual(said(machine), [
      "front address-list-mismatch ended",
      "front vrid-unexpected ended virtual router id 77 is not configured here",
    ]);
  });

  it("stay few under a flood of strangers, who do not hide what concerns our own router", async () => {
    const bed = createBed();
    const machine = bed.add(1);
    machine.configure(router());
    for (let host = 10; host < 100; host += 1) spoofer(bed, `192.0.2.${host}`)({ vrid: 77 });
    assert.equal(said(machine).length, 32);
    spoofer(bed, "192.0.2.101")({ addresses: [address("192.0.2.99")] });
    assert.deepEqual(said(machine), ["front address-list-mismatch begun"]);
    assert.equal(machine.counts.size, 1);
  });
});
