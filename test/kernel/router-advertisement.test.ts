/** The real driver of Router Advertisements between two network namespaces. Needs root. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeRouterAdvertisement } from "#core/ndp/router-advertisement";
import { advertisementContract } from "#drivers/router-advertisement/contract";
import { openAdvertisementPort } from "#drivers/router-advertisement/linux";
import { ip, openKernelLan } from "./bgp-bed.ts";
import { quiet, settle, within } from "./namespaces.ts";

const openLan = () => {
  const lan = openKernelLan(0);
  const station = (host: "near" | "far") => ({
    port: {
      open: (request: Parameters<ReturnType<typeof openAdvertisementPort>["open"]>[0]) =>
        within(lan.namespaces.name(host), () => openAdvertisementPort().open(request)),
    },
    link: lan[host].link,
    address: lan[host].address["link-local"],
  });
  return {
    left: station("near"),
    right: station("far"),
    settle: async (done: () => boolean) => void (await settle(done)),
    close: () => lan.close(),
    lan,
  };
};

advertisementContract(openLan);

describe("Router Advertisements in the kernel", () => {
  it("are told apart from other messages of ICMPv6", async () => {
    const { left, right, close } = openLan();
    const heard: number[] = [];
    const onError = (): void => assert.fail("an error");
    const hears = right.port.open({
      link: right.link,
      onAdvertisement: (payload) => heard.push(payload[0] ?? 0),
      onError,
    });
    const says = left.port.open({ link: left.link, onAdvertisement: () => {}, onError });
    assert.ok(hears.ok && says.ok);
    const solicitation = encodeRouterAdvertisement(undefined).with(0, 133);
    for (const payload of [solicitation, encodeRouterAdvertisement(undefined)]) says.value.send(payload);
    await settle(() => heard.length > 0);
    await quiet();
    assert.deepEqual(heard, [134]);
    assert.equal(ip("fe80::1"), left.address);
    for (const { value } of [hears, says]) value.close();
    close();
  });

  it("say of a link that is not there that it is not", () => {
    const { left, close } = openLan();
    const opened = left.port.open({
      ...{ link: { index: 4_711, name: "absent0" }, onAdvertisement: () => {}, onError: () => {} },
    });
    assert.deepEqual(opened, { ok: false, error: { code: "ENODEV", operation: "hear routers on absent0" } });
    close();
  });
});
