/** What each vendor's routers are told. */
import { renderBird } from "./bird.ts";
import { renderCisco } from "./cisco.ts";
import { renderFrr } from "./frr.ts";
import { renderJuniper } from "./juniper.ts";
import { renderMikrotik } from "./mikrotik.ts";
import type { Router } from "./model.ts";
import { renderOpnsense } from "./opnsense.ts";
import { renderUnifi } from "./unifi.ts";
import type { Vendor } from "./vendors.ts";
import { renderVyos } from "./vyos.ts";

const RENDERERS: Readonly<Record<Vendor, (router: Router) => string>> = {
  frr: renderFrr,
  bird: renderBird,
  vyos: renderVyos,
  mikrotik: renderMikrotik,
  unifi: renderUnifi,
  opnsense: renderOpnsense,
  cisco: renderCisco,
  juniper: renderJuniper,
};

/** What to paste into a router of this vendor; ends with a line break. */
export const renderRouter = (vendor: Vendor, router: Router): string => RENDERERS[vendor](router);
