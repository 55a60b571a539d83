/** What every driver of Router Advertisements must do: two machines on one link, real ones and fakes. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { IpAddress } from "#base/address";
import { encodeRouterAdvertisement } from "#core/ndp/router-advertisement";
import type { AdvertisementPort, AdvertisementSocket } from "./port.ts";

export type AdvertisementStation = {
  readonly port: AdvertisementPort;
  readonly link: { readonly index: number; readonly name: string };
  /** Link-local. */
  readonly address: IpAddress;
};

export type AdvertisementLan = {
  readonly left: AdvertisementStation;
  readonly right: AdvertisementStation;
  /** Lets packets arrive until `done` holds, or until it is clear that it never will. */
  readonly settle: (done: () => boolean) => Promise<void>;
  readonly close: () => void;
};

/** Registers the tests. `open` builds a fresh link for each. */
export const advertisementContract = (open: () => AdvertisementLan): void => {
  describe("Router Advertisements on a link", () => {
    let lan: AdvertisementLan;
    const sockets: AdvertisementSocket[] = [];
    beforeEach(() => {
      lan = open();
    });
    afterEach(() => {
      for (const socket of sockets.splice(0)) socket.close();
      lan.close();
    });
    const listen = (station: AdvertisementStation) => {
      const heard: string[] = [];
      const opened = station.port.open({
        link: station.link,
        onAdvertisement: (payload, source) => heard.push(`${source} ${payload.length}`),
        onError: ({ code }) => assert.fail(code),
      });
      assert.ok(opened.ok);
      sockets.push(opened.value);
      return { heard, socket: opened.value };
    };

    it("are heard by the other machine, with who sent them, and not by their sender", async () => {
      const [left, right] = [listen(lan.left), listen(lan.right)];
      assert.ok(left.socket.send(encodeRouterAdvertisement(undefined)).ok);
      await lan.settle(() => right.heard.length > 0);
      assert.deepEqual([left.heard, right.heard], [[], [`${lan.left.address} 16`]]);
    });

    it("are neither heard nor sent once a socket is closed", async () => {
      const [left, right] = [listen(lan.left), listen(lan.right)];
      right.socket.close();
      right.socket.close();
      assert.ok(left.socket.send(encodeRouterAdvertisement(undefined)).ok);
      const sent = right.socket.send(encodeRouterAdvertisement(undefined));
      assert.equal(sent.ok ? "sent" : sent.error.code, "EBADF");
      const third = listen(lan.right);
      assert.ok(left.socket.send(encodeRouterAdvertisement(undefined)).ok);
      await lan.settle(() => third.heard.length > 0);
      assert.deepEqual([right.heard.length, third.heard.length], [0, 1]);
    });
  });
};
