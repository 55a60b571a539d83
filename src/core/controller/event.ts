/**
 * Everything that can be said to have happened in a controller, as one closed union.
 *
 * Logs, metrics, `steelyard events` and `steelyard status` are made from these. `docs/reference/controller-events.md` lists
 * every type; a test compares the two.
 */
import type { WallTime } from "#base/time";
import type { ObjectKey } from "#core/kubernetes/meta";

export type ControllerEvent =
  | {
      readonly type: "controller";
      /** `synced`: everything at the API server has been read once. */
      readonly change: "started" | "synced" | "stopping";
      readonly detail?: string;
      /** What is not as it should be; told once. */
      readonly warnings?: readonly string[];
    }
  | {
      readonly type: "leadership";
      /** `lost` is what a leader becomes that could not renew its lease in time. */
      readonly state: "leading" | "standby" | "lost";
      /** Why it was lost: not renewed in time, or another replica holds the Lease. */
      readonly reason?: "renew-deadline" | "taken";
      /** Who leads instead, where that is known. */
      readonly holder?: string;
    }
  | {
      readonly type: "pools-applied";
      readonly pools: number;
      readonly reservations: number;
      readonly conflicts: number;
      readonly warnings: readonly string[];
    }
  /** The last valid configuration stays in force. */
  | { readonly type: "pools-refused"; readonly problems: readonly string[] }
  | {
      readonly type: "allocated";
      readonly service: ObjectKey;
      readonly addresses: readonly string[];
      readonly pool: string;
      /** By which rule. */
      readonly how: string;
    }
  | {
      readonly type: "allocation-refused";
      readonly service: ObjectKey;
      /** From the list in docs/reference/allocation.md. */
      readonly reason: string;
      readonly message: string;
    }
  | { readonly type: "released"; readonly service: ObjectKey; readonly addresses: readonly string[] }
  | {
      readonly type: "write-failed";
      readonly subject: string;
      readonly reason: string;
      readonly message: string;
    }
  | {
      readonly type: "api-trouble";
      /** What could not be read. */
      readonly resource: string;
      readonly state: "begun" | "ended";
      readonly detail?: string;
    }
  | {
      readonly type: "shadow-difference";
      readonly service: ObjectKey;
      readonly state: "begun" | "ended";
      /** What a controller that writes would do. */
      readonly detail: string;
    }
  | {
      readonly type: "webhook";
      readonly state: "serving" | "failed" | "trouble";
      readonly detail: string;
    }
  | {
      readonly type: "certificate";
      readonly change: "written" | "adopted" | "failed";
      readonly detail: string;
    }
  | { readonly type: "other-balancer"; readonly state: "found" | "gone"; readonly detail: string };

/** One thing that happened, as it is kept and told. */
export type ControllerObservation = {
  /** 1, 2, 3, ... without gaps for the life of the process. */
  readonly sequence: number;
  readonly at: WallTime;
  readonly event: ControllerEvent;
};
