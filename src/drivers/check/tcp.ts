/** A TCP check: the connection comes about. Nothing is sent. */
import { connect } from "node:net";
import type { IpAddress } from "#base/address";
import type { Start } from "./attempt.ts";
import { answerFromError } from "./failure.ts";

/** Connects to `target` and resets the connection at once, which leaves no TIME-WAIT on either side. */
export const startTcp =
  (target: { readonly address: IpAddress; readonly port: number }): Start =>
  ({ answer, gone }) => {
    const socket = connect({ host: target.address, port: target.port, autoSelectFamily: false });
    socket.once("close", gone);
    socket.on("error", (error) => answer(answerFromError(error)));
    socket.once("connect", () => {
      socket.resetAndDestroy();
      answer({ ok: true });
    });
    return {
      abandon() {
        socket.destroy();
        return "the connection";
      },
    };
  };
