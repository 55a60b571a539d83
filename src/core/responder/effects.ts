/** What a responder asks to be done, and what it tells. */
import type { IpAddress, IpFamily } from "#base/address";
import type { MacAddress } from "#base/mac";
import type { Frame } from "#core/announce/frames";
import type { Stance } from "./config.ts";
import type { SendCause } from "./holding.ts";
import type { Evidence } from "./reading.ts";

/** Who claims an address, as far as it is known. */
export type Who = { readonly kind: "peer"; readonly node: string } | { readonly kind: "stranger" };

/** Why a frame is sent. Each is also the `cause` label of the counter of frames. */
export type FrameCause = SendCause | "answer" | "look";

export type Effect =
  /**
   * Have a socket on this link that listens for exactly these addresses; without any, close it. Comes before what is to be
   * sent there. The set is the responder's own: read it before the next call.
   */
  | {
      readonly type: "listen";
      readonly linkIndex: number;
      readonly family: IpFamily;
      readonly addresses: ReadonlySet<IpAddress>;
      /** Where these alone are new since the last time, and none is gone. */
      readonly added?: readonly IpAddress[];
    }
  | {
      readonly type: "send";
      readonly linkIndex: number;
      readonly family: IpFamily;
      readonly frame: Frame;
      readonly cause: FrameCause;
    }
  /** Somebody else claims an address of this node; told ten times a second at most for each that goes on. */
  | {
      readonly type: "heard";
      readonly address: IpAddress;
      readonly stance: Stance;
      readonly linkIndex: number;
      readonly mac: MacAddress;
      readonly who: Who;
      readonly evidence: Evidence;
    }
  /** Somebody else goes on claiming an address that we hold; once, until that has been quiet for long. */
  | {
      readonly type: "duplicate";
      readonly address: IpAddress;
      readonly linkIndex: number;
      readonly mac: MacAddress;
      readonly who: Who;
    }
  /** What came of probing an address: nobody has it, or somebody does. */
  | { readonly type: "probed"; readonly address: IpAddress; readonly outcome: "free" }
  | {
      readonly type: "probed";
      readonly address: IpAddress;
      readonly outcome: "in-use";
      readonly linkIndex: number;
      readonly mac: MacAddress;
      readonly who: Who;
    };
