/** Whether a text holds the certificates of an authority. */
import { X509Certificate } from "node:crypto";

/** Where a certificate begins in PEM, by its name of today, its old one, and OpenSSL's for one with its uses. */
const BEGIN = /(?=-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----)/;

const isReadable = (pem: string): boolean => {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
};

/** What is wrong with the PEM text of an authority; `undefined` when it holds certificates, each of which can be read. */
export const authorityProblem = (text: string): string | undefined => {
  const certificates = text.split(BEGIN).filter((part) => BEGIN.test(part));
  if (certificates.length === 0) return "holds no certificate in PEM";
  return certificates.every(isReadable) ? undefined : "holds a certificate that cannot be read";
};
