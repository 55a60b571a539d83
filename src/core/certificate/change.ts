/** Words for what was done about the certificate, as events and logs have them. */
import type { CertificateChange, IssueReason } from "./plan.ts";

const REASONS: Readonly<Record<IssueReason, string>> = {
  absent: "there was none",
  unusable: "the Secret held nothing that could be used",
  "authority-expired": "its authority has run out",
  "authority-due": "a third of its authority's life is left",
  "authority-key-missing": "the key of its authority is lost",
  "authority-replaced": "its authority has been replaced by one that is trusted everywhere by now",
  "unknown-authority": "it was not signed by an authority of the Secret",
  names: "it lacked a name that the API server may ask for",
  expired: "it has run out",
  "not-yet-valid": "it was dated into the future",
  due: "a third of its life is left",
};

const REASON_BY_TYPE: Readonly<Record<CertificateChange["type"], string>> = {
  create: "WebhookCertificateCreated",
  "add-authority": "WebhookAuthorityAdded",
  issue: "WebhookCertificateRenewed",
  "drop-authorities": "WebhookAuthorityDropped",
};

/** CamelCase, as reasons of events are. */
export const changeReason = ({ type }: CertificateChange): string => REASON_BY_TYPE[type];

/** One sentence that says what was done, and why. */
export const changeSentence = (change: CertificateChange): string => {
  switch (change.type) {
    case "create":
      return `made a new authority and certificate for the webhooks: ${REASONS[change.reason]}`;
    case "add-authority":
      return `made a new authority for the webhooks' certificate, to be trusted beside the old one: ${REASONS[change.reason]}`;
    case "issue":
      return `renewed the webhooks' certificate: ${REASONS[change.reason]}`;
    default:
      return "dropped the old authority of the webhooks' certificate: nothing that it signed is served any more";
  }
};
